package disk

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/darihook/darihook/internal/dedup"
)

// TestCommitsShareAWrite commits some of the claims under way at once. One durable write takes all of them, and they wait for
// it no longer than there is somebody to wait for.
func TestCommitsShareAWrite(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name            string
		claims, commits int
		want            time.Duration
	}{
		{"ok/alone", 1, 1, 0},
		{"ok/all that are under way", 8, 8, 0},
		{"ok/beside one that goes on", 9, 8, gatherTime},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var writes atomic.Int64
				s := startIn(t, countingLog(&writes))
				owner := dedup.NewOwner()
				for i := range row.claims {
					if _, err := s.Claim(t.Context(), numbered(i), owner, time.Hour); err != nil {
						t.Fatal(err)
					}
				}
				writes.Store(0)
				start := time.Now()
				var callers sync.WaitGroup
				for i := range row.commits {
					callers.Go(func() {
						if err := s.Commit(t.Context(), numbered(i), owner, dedup.Outcome{Status: 200, At: start}, time.Hour); err != nil {
							t.Error(err)
						}
					})
				}
				callers.Wait()
				if got := time.Since(start); got != row.want {
					t.Errorf("took %s, want %s", got, row.want)
				}
				if got := writes.Load(); got != 1 {
					t.Errorf("took %d durable writes, want 1", got)
				}
			})
		})
	}
}

func numbered(i int) dedup.Key { return dedup.Key{Scope: "group", ID: fmt.Sprint(i)} }

// countingLog counts how often the engine's log is made durable.
func countingLog(writes *atomic.Int64) vfs.FS {
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			writes.Add(1)
		}
		return nil
	}))
}
