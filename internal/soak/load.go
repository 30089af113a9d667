package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/darihook/darihook/internal/soak/account"
)

// load sends deliveries that nothing happens to for a turn, through all gates alike, and returns how many a second were
// told success. Any other answer is an error.
func (s *setup) load(ctx context.Context) (perSecond float64, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	s.fleet.fail = fail
	var told atomic.Int64
	var senders sync.WaitGroup
	began := time.Now()
	for range s.fleet.senders {
		senders.Go(func() {
			for time.Since(began) < turn && ctx.Err() == nil {
				if a := s.fleet.fresh(ctx); !a.Succeeded() {
					fail(fmt.Errorf("%s %d", a.Outcome, a.Status))
				}
				told.Add(1)
			}
		})
	}
	senders.Wait()
	return float64(told.Load()) / time.Since(began).Seconds(), context.Cause(ctx)
}

// fresh sends a new delivery that nothing happens to, once.
func (f *fleet) fresh(ctx context.Context) account.Attempt {
	number := int(f.next.Add(1)) - 1
	d := &delivery{plan: plan{rng: rand.New(rand.NewPCG(f.seed, uint64(number))), order: order{Number: number}}}
	return f.try(ctx, d, d.plan)
}

// writeRace prints what each set-up did: the median over the rounds, its quartiles, and how it stands to the first.
func writeRace(w io.Writer, setups []*setup) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\tdeliveries/s\tquartiles\tto the first\tquartiles\t")
	for _, s := range setups {
		ratios := slices.Clone(s.rates)
		for i := range ratios {
			ratios[i] /= setups[0].rates[i]
		}
		rates, ratio := quartiles(s.rates), quartiles(ratios)
		fmt.Fprintf(table, "%s\t%.0f\t%.0f–%.0f\t%.2f\t%.2f–%.2f\t\n", s.name, rates[1], rates[0], rates[2], ratio[1], ratio[0], ratio[2])
	}
	return table.Flush()
}

// quartiles returns the values below which a quarter, a half and three quarters of all lie.
func quartiles(values []float64) (q [3]float64) {
	sorted := slices.Sorted(slices.Values(values))
	for i := range q {
		q[i] = sorted[(i+1)*len(sorted)/4]
	}
	return q
}
