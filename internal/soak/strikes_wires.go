package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/darihook/darihook/internal/soak/account"
)

func (f *faults) cutStore(ctx context.Context, rng *rand.Rand) error {
	g := f.anyGate(rng)
	from := f.now()
	g.store.cut()
	time.Sleep(down(rng))
	if err := g.store.mend(); err != nil {
		return err
	}
	return f.healed(ctx, account.StoreCut, from, g)
}

func (f *faults) cutUpstream(_ context.Context, rng *rand.Rand) error {
	g := f.anyGate(rng)
	from := f.now()
	g.upstream.cut()
	time.Sleep(down(rng))
	return errors.Join(g.upstream.mend(), f.note(account.UpstreamCut, g.number, 0, from))
}

// spoilStore returns the strike that spoils the wire between a gate and its store.
func (f *faults) spoilStore(kind account.Kind) func(context.Context, *rand.Rand) error {
	return func(ctx context.Context, rng *rand.Rand) error {
		g := f.anyGate(rng)
		from := f.now()
		return errors.Join(f.spoil(ctx, g.store, kind, rng), f.healed(ctx, kind, from, g))
	}
}

// spoilUpstream returns the strike that spoils the wire between a gate and the receiver.
func (f *faults) spoilUpstream(kind account.Kind) func(context.Context, *rand.Rand) error {
	return func(ctx context.Context, rng *rand.Rand) error {
		g := f.anyGate(rng)
		from := f.now()
		return errors.Join(f.spoil(ctx, g.upstream, kind, rng), f.note(kind, g.number, 0, from))
	}
}

// spoil spoils a wire for a while.
func (f *faults) spoil(ctx context.Context, w *wire, kind account.Kind, rng *rand.Rand) error {
	toxics := map[account.Kind]toxic{
		account.StoreReset: reset, account.UpstreamReset: reset, account.StoreHeld: silent,
		account.StoreDelayed: late(20 + rng.IntN(400)), account.UpstreamSlow: late(5 + rng.IntN(100)),
	}
	if err := w.spoil(toxics[kind]); err != nil {
		return err
	}
	time.Sleep(f.aWhile(rng) / 2)
	return w.clear(ctx)
}
