package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/darihook/darihook/internal/soak/account"
)

func (f *faults) killGate(ctx context.Context, rng *rand.Rand) error {
	return f.killGates(ctx, rng, f.anyGate(rng))
}

func (f *faults) killEveryGate(ctx context.Context, rng *rand.Rand) error {
	return f.killGates(ctx, rng, f.gates...)
}

// killGates kills gates, and starts them again after a while.
func (f *faults) killGates(ctx context.Context, rng *rand.Rand, gates ...*gate) error {
	for _, g := range gates {
		from := f.now()
		if err := errors.Join(g.kill(), f.note(account.GateKilled, g.number, g.life.Load(), from)); err != nil {
			return err
		}
	}
	time.Sleep(down(rng))
	var errs []error
	for _, g := range gates {
		errs = append(errs, g.start(ctx), f.o.sabotage.afterStart(ctx, f.redis))
	}
	return errors.Join(errs...)
}

func (f *faults) killReceiver(ctx context.Context, rng *rand.Rand) error {
	from := f.now()
	f.receiver.process.Kill()
	if err := f.note(account.ReceiverKilled, account.Everyone, f.receiver.life.Load(), from); err != nil {
		return err
	}
	time.Sleep(down(rng))
	return f.receiver.start(ctx)
}

func (f *faults) killRedis(ctx context.Context, rng *rand.Rand) error {
	from := f.now()
	f.redis.Kill()
	time.Sleep(down(rng))
	if err := f.redis.Restart(); err != nil {
		return err
	}
	if err := f.healed(ctx, account.RedisKilled, from, f.gates...); err != nil {
		return err
	}
	return f.o.sabotage.afterKill(ctx, f.redis)
}

func (f *faults) pauseRedis(ctx context.Context, rng *rand.Rand) error {
	from := f.now()
	f.redis.Pause()
	time.Sleep(f.aWhile(rng))
	f.redis.Resume()
	return f.healed(ctx, account.RedisPaused, from, f.gates...)
}

func (f *faults) pauseGate(_ context.Context, rng *rand.Rand) error {
	g := f.anyGate(rng)
	from := f.now()
	g.process.Pause()
	time.Sleep(f.aWhile(rng))
	g.process.Resume()
	return f.note(account.GatePaused, g.number, g.life.Load(), from)
}

// reload gives a gate another configuration. A gate that is being killed or paused meanwhile does not take it.
func (f *faults) reload(ctx context.Context, rng *rand.Rand) error {
	g := f.anyGate(rng)
	from := f.now()
	if err := g.reload(ctx); err != nil {
		return nil //nolint:nilerr // it was down
	}
	return f.note(account.GateReloaded, g.number, g.life.Load(), from)
}
