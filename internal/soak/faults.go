package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/soak/account"
)

// faults strike a stage on three tracks at once: what happens to processes, to wires, and to configurations. Each track
// does one thing after the other, in an order that follows from the seed, and waits until what it struck is well again.
type faults struct {
	*stage
	every   time.Duration
	records *records
}

// faultsPath names the record of what was done.
func faultsPath(dir string) string { return filepath.Join(dir, "faults.jsonl") }

// strike is something that can happen, and how often it does beside the others of its track.
type strike struct {
	weight int
	do     func(context.Context, *rand.Rand) error
}

// run lets faults strike until ctx is done, and returns when everything is well.
func (f *faults) run(ctx context.Context) (err error) {
	if f.records, err = newLedger(faultsPath(f.o.dir)); err != nil {
		return err
	}
	tracks := []struct {
		every   time.Duration
		strikes []strike
	}{
		{f.every, []strike{
			{25, f.killGate}, {5, f.killEveryGate}, {20, f.killReceiver}, {20, f.killRedis}, {15, f.pauseRedis}, {15, f.pauseGate},
		}},
		{f.every, []strike{
			{1, f.cutStore}, {1, f.spoilStore(account.StoreReset)}, {1, f.spoilStore(account.StoreHeld)}, {1, f.spoilStore(account.StoreDelayed)},
			{1, f.cutUpstream}, {1, f.spoilUpstream(account.UpstreamReset)}, {1, f.spoilUpstream(account.UpstreamSlow)},
		}},
		{2 * f.every, []strike{{1, f.reload}}},
	}
	var running sync.WaitGroup
	errs := make([]error, len(tracks))
	for i, t := range tracks {
		running.Go(func() { errs[i] = f.track(ctx, rand.New(rand.NewPCG(f.o.seed, uint64(i)<<32)), t.every, t.strikes) })
	}
	running.Wait()
	return errors.Join(append(errs, f.records.close())...)
}

// track strikes again and again.
func (f *faults) track(ctx context.Context, rng *rand.Rand, every time.Duration, strikes []strike) error {
	for {
		select {
		case <-time.After(every/2 + time.Duration(rng.Int64N(int64(every)))):
		case <-ctx.Done():
			return nil
		}
		// What has begun is carried through, so that everything is well in the end.
		if err := choose(rng, strikes).do(context.WithoutCancel(ctx), rng); err != nil {
			return err
		}
	}
}

func choose(rng *rand.Rand, strikes []strike) strike {
	total := 0
	for _, s := range strikes {
		total += s.weight
	}
	chance := rng.IntN(total)
	for _, s := range strikes {
		if chance -= s.weight; chance < 0 {
			return s
		}
	}
	return strikes[0]
}

// note writes down a fault that began at a moment and is over.
func (f *faults) note(kind account.Kind, gate int, life int64, from time.Duration) error {
	return f.records.add(account.Fault{Kind: kind, Gate: gate, Life: int(life), From: from, Until: f.now()})
}

// healed writes down a fault of some gates' store, for each until it says that it is well.
func (f *faults) healed(ctx context.Context, kind account.Kind, from time.Duration, gates ...*gate) error {
	var waiting sync.WaitGroup
	errs := make([]error, len(gates))
	for i, g := range gates {
		waiting.Go(func() {
			g.heal(ctx)
			errs[i] = f.note(kind, g.number, g.life.Load(), from)
		})
	}
	waiting.Wait()
	return errors.Join(errs...)
}

// down is how long a killed process is away.
func down(rng *rand.Rand) time.Duration { return time.Duration(rng.IntN(1000)) * time.Millisecond }

// aWhile is how long a pause takes: some end before a claim must be renewed, some after it has run out.
func (f *faults) aWhile(rng *rand.Rand) time.Duration {
	return 50*time.Millisecond + time.Duration(rng.Int64N(int64(f.o.lease*3/2)))
}

func (f *faults) anyGate(rng *rand.Rand) *gate { return f.gates[rng.IntN(len(f.gates))] }
