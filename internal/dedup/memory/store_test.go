package memory_test

import (
	"testing"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/deduptest"
	"github.com/darihook/darihook/internal/dedup/memory"
)

func open(tb testing.TB, opts memory.Options) *memory.Store {
	tb.Helper()
	s, err := memory.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func TestBehaviour(t *testing.T) {
	t.Parallel()
	deduptest.Run(t, deduptest.Backend{
		Virtual: true,
		Open:    func(tb testing.TB) dedup.Store { return open(tb, memory.Options{}) },
	})
}

// TestBehaviourInRealTime shows that the set's handling of real time, which networked stores need, works.
func TestBehaviourInRealTime(t *testing.T) {
	t.Parallel()
	deduptest.Run(t, deduptest.Backend{
		Open: func(tb testing.TB) dedup.Store { return open(tb, memory.Options{}) },
	})
}
