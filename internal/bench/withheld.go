package main

import (
	"context"
	"time"

	"github.com/darihook/darihook/internal/attack"
)

const (
	// withheldBodies is how many connections announce a body and never end it: what they are given is a
	// sixteenth of the gate's default budget.
	withheldBodies = 1000
	// withheldLength is the length that each announces, and withheldStart what it sends of it.
	withheldLength = 1 << 20
	withheldStart  = 5 << 10
	withheldSize   = 1 << 10
	// settle is how long the gate is given to take so many connections, or to notice that they are gone.
	settle = 300 * time.Millisecond
)

// measureWithheld sends valid deliveries as fast as they are answered, alone and beside very many bodies that are withheld.
func measureWithheld(ctx context.Context, p plan, s *stage) ([]table, error) {
	var entrants []entrant
	for _, c := range s.attacked() {
		alone := p.sending(c, valid, withheldSize)
		alone.name = c.name + ", alone"
		alone.over = []string{alone.name}
		entrants = append(entrants, alone, entrant{c.name + ", beside withheld bodies", alone.over, func(ctx context.Context) (slice, error) {
			return besideWithheld(ctx, c, alone.run)
		}})
	}
	t, err := p.measure(ctx, "withheld bodies", withheldSize, entrants)
	return []table{t}, err
}

// besideWithheld runs a slice while bodies are withheld.
func besideWithheld(ctx context.Context, c *contender, run func(context.Context) (slice, error)) (slice, error) {
	deliveries, err := signAhead(valid, withheldSize, 1)
	if err != nil {
		return slice{}, err
	}
	held, err := attack.Hold(ctx, attack.Request{
		Address: c.address, Fields: deliveries[0].fields, Body: newBody(withheldStart), Declared: withheldLength,
	}, withheldBodies)
	if err != nil {
		return slice{}, err
	}
	time.Sleep(settle)
	defer time.Sleep(settle)
	defer held.Close()
	return run(ctx)
}
