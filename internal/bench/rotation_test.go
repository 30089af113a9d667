package main

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestRatiosArePairedByRound gives a machine that slows down by half from one round to the next: the ratio must not see it.
func TestRatiosArePairedByRound(t *testing.T) {
	t.Parallel()
	base := result{slices: []slice{{requests: 1000, elapsed: time.Second}, {requests: 500, elapsed: time.Second}}}
	other := result{slices: []slice{{requests: 800, elapsed: time.Second}, {requests: 400, elapsed: time.Second}}}
	for _, got := range other.ratios(base, slice.rate) {
		if got != 0.8 {
			t.Errorf("ratio %v, want 0.8", got)
		}
	}
}

// TestRotation counts the slices: one a round for everybody, the first round not counted, in an order that the seed tells.
func TestRotation(t *testing.T) {
	t.Parallel()
	order := func(seed uint64) (turns string) {
		var entrants []entrant
		for _, name := range []string{"a", "b", "c"} {
			entrants = append(entrants, entrant{name: name, run: func(context.Context) (slice, error) {
				turns += name
				return slice{requests: len(turns)}, nil
			}})
		}
		results, err := plan{rounds: 5, seed: seed}.rotate(t.Context(), entrants)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if len(r.slices) != 5 || r.slices[0].requests <= 3 {
				t.Errorf("%s has %d slices, the first at turn %d", r.name, len(r.slices), r.slices[0].requests)
			}
		}
		return turns
	}
	if one, again, other := order(1), order(1), order(2); one != again || one == other || len(one) != 18 {
		t.Errorf("turns %s, again %s, with another seed %s", one, again, other)
	}
}

func TestRotationEndsWithTheFirstError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	entrants := []entrant{{name: "a", run: func(context.Context) (slice, error) { return slice{}, broken }}}
	if _, err := (plan{rounds: 1}).rotate(t.Context(), entrants); !errors.Is(err, broken) {
		t.Errorf("rotate: %v, want the entrant's error", err)
	}
}
