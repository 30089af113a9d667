package deduptest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/darihook/darihook/internal/dedup"
	"pgregory.net/rapid"
)

const (
	sequenceOwners = 2
	sequenceCalls  = 40
	sequencesReal  = 64 // played at once where time is real
)

// checkStateMachine makes random calls, one after the other, by a few owners on a few keys while time passes, and
// compares every answer with the model's. Where time is virtual a failure is shrunk to its shortest form; where it is
// real, sequences are played side by side instead.
func checkStateMachine(s *subject) {
	sequences := rapid.SliceOfN(rapid.Custom(drawCall), sequenceCalls/2, sequenceCalls)
	if s.backend.Virtual {
		rapid.Check(undated{s.TB}, func(t *rapid.T) {
			if err := s.play(sequences.Draw(t, "calls")); err != nil {
				t.Fatal(err)
			}
		})
		return
	}
	var players sync.WaitGroup
	for seed := range sequencesReal {
		calls := sequences.Example(seed)
		players.Go(func() {
			if err := s.play(calls); err != nil {
				s.Errorf("sequence %d: %v", seed, err)
			}
		})
	}
	players.Wait()
}

// undated hides a test's deadline, which must not be asked for in a bubble.
type undated struct{ testing.TB }

// drawCall draws a call, or the passing of time: op is then ops.
func drawCall(t *rapid.T) call {
	return call{
		op:     op(rapid.Uint8Range(0, uint8(ops)).Draw(t, "op")),
		id:     rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, "id"),
		owner:  rapid.IntRange(0, sequenceOwners-1).Draw(t, "owner"),
		status: rapid.IntRange(200, 204).Draw(t, "status"),
		units:  rapid.IntRange(1, 4).Draw(t, "units"),
	}
}

// play makes the calls in a scope and a time of its own and reports the first answer that is not the model's.
func (s *subject) play(calls []call) error {
	scope, clock := newScope(), newClock(s.backend)
	owners := make([]dedup.Owner, sequenceOwners)
	for i := range owners {
		owners[i] = dedup.NewOwner()
	}
	models := map[string]model{}
	for i, c := range calls {
		if c.op == ops {
			clock.pass(c.units)
			continue
		}
		next, want := models[c.id].step(c, clock.now)
		models[c.id] = next
		if got := s.do(scope, owners, c); got != want {
			return fmt.Errorf("call %d, %v of %s by %d: %v, want %v", i, c.op, c.id, c.owner, got, want)
		}
	}
	return nil
}
