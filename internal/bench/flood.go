package main

import (
	"context"
	"os"
	"slices"
	"time"
)

const (
	floodSize = 1 << 10
	// floodLength is how many times as long as others a slice is: its valid deliveries are few.
	floodLength = 5
	// floodShare is the share of what a target can take at which it is under no strain.
	floodShare = 0.25
)

// flood is ten bad requests of each kind in turn for a valid one.
var flood = []traffic{valid, forged, stale, oversized, forged, stale, oversized, forged, stale, oversized, forged}

// measureFlood sends deliveries at a fixed rate: valid ones alone, and the same number of requests of which ten in eleven
// are to be refused. Its ratios are of the time within which 99 in 100 of the valid ones are answered.
func measureFlood(ctx context.Context, p plan, s *stage) ([]table, error) {
	var entrants []entrant
	for _, c := range s.attacked() {
		rate, err := p.calmRate(ctx, c)
		if err != nil {
			return nil, err
		}
		entrants = append(entrants, p.pacing(c, rate, "steady", []traffic{valid}), p.pacing(c, rate, "flooded", flood))
	}
	results, err := p.rotate(ctx, entrants)
	if err != nil {
		return nil, err
	}
	t := p.tabulate("flood", floodSize, results, latency(0.99))
	return []table{t}, t.print(os.Stdout)
}

// attackedTargets are the gate as it is by default, and as it is at its fastest.
var attackedTargets = []string{"gate-disk", "gate-disk-lean"}

// attacked returns the contenders that attacks are made on.
func (s *stage) attacked() []*contender {
	return slices.DeleteFunc(slices.Clone(s.contenders), func(c *contender) bool { return !slices.Contains(attackedTargets, c.name) })
}

// pacing is an entrant that sends kinds of deliveries at a fixed rate.
func (p plan) pacing(c *contender, rate float64, name string, kinds []traffic) entrant {
	l := paced{kinds: kinds, size: floodSize, conns: p.conns, rate: rate, length: floodLength * p.slice}
	return entrant{c.name + ", " + name, []string{c.name + ", steady"}, func(ctx context.Context) (slice, error) { return l.run(ctx, c) }}
}

// calmRate returns the rate that was asked for, or one well below what the target can take.
func (p plan) calmRate(ctx context.Context, c *contender) (float64, error) {
	if p.rate > 0 {
		return float64(p.rate), nil
	}
	trial := load{kind: valid, size: floodSize, conns: p.conns, length: time.Second}
	s, err := trial.run(ctx, c)
	return floodShare * s.rate(), err
}
