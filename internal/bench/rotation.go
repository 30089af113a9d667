package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"time"
)

// entrant is what gets one slice in each round.
type entrant struct {
	name string
	// over names the entrants that its ratios are against.
	over []string
	run  func(ctx context.Context) (slice, error)
}

// result is all slices of one entrant.
type result struct {
	entrant
	slices []slice
}

// rotate gives every entrant one slice in each round, in an order that changes, after one round that does not count.
func (p plan) rotate(ctx context.Context, entrants []entrant) ([]result, error) {
	order := p.shuffler()
	results := make([]result, len(entrants))
	for i, e := range entrants {
		results[i].entrant = e
	}
	for round := -1; round < p.rounds; round++ {
		for _, i := range order.Perm(len(entrants)) {
			runtime.GC() // its own garbage is not to be collected during somebody else's slice
			s, err := entrants[i].run(ctx)
			if err := cmp.Or(context.Cause(ctx), err); err != nil { // an interrupted bench has ended its targets
				return nil, fmt.Errorf("%s: %w", entrants[i].name, err)
			}
			if round >= 0 {
				results[i].slices = append(results[i].slices, s)
			}
		}
	}
	return results, nil
}

// each returns a figure of every slice.
func (r result) each(figure func(slice) float64) []float64 {
	values := make([]float64, len(r.slices))
	for i, s := range r.slices {
		values[i] = figure(s)
	}
	return values
}

// ratios divides a figure of each slice by the baseline's in the same round.
func (r result) ratios(baseline result, figure func(slice) float64) []float64 {
	values, base := r.each(figure), baseline.each(figure)
	for i := range values {
		values[i] /= base[i]
	}
	return values
}

// perRequest returns microseconds of processor time per request over all slices.
func (r result) perRequest(cpu func(slice) time.Duration) float64 {
	var total time.Duration
	var requests int
	for _, s := range r.slices {
		total += cpu(s)
		requests += s.requests
	}
	return float64(total.Microseconds()) / float64(max(requests, 1))
}

// latency returns a figure of slices: the time in microseconds within which the share q of the requests was answered.
func latency(q float64) func(slice) float64 {
	return func(s slice) float64 {
		if len(s.latencies) == 0 {
			return 0
		}
		return float64(at(s.latencies, q).Microseconds())
	}
}
