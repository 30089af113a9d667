package disk_test

import (
	"testing"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/deduptest"
	"github.com/darihook/darihook/internal/dedup/disk"
)

func open(tb testing.TB, path string, opts disk.Options) *disk.Store {
	tb.Helper()
	s, err := disk.Open(path, opts)
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
		Open:    func(tb testing.TB) dedup.Store { return open(tb, tb.TempDir(), disk.Options{}) },
	})
}
