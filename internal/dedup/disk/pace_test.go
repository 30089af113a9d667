package disk

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/time/rate"
)

// TestPacedFile writes more than the pace allows at once: compactions wait, until they fall behind.
func TestPacedFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files := pacedFS{vfs.NewMem(), newPace()}
		const size = 4 << 20
		for _, row := range []struct {
			name     string
			category vfs.DiskWriteCategory
			lifted   bool
			want     time.Duration
		}{
			{"compaction", compactions, false, time.Second * (size - compactionBurst) / compactionRate},
			{"flush", "pebble-memtable-flush", false, 0},
			{"compaction that falls behind", compactions, true, 0},
		} {
			files.pace.limiter.SetLimit(compactionRate)
			if row.lifted {
				files.pace.lift()
			}
			f, err := files.Create(row.name, row.category)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if n, err := f.Write(make([]byte, size)); n != size || err != nil {
				t.Fatalf("%s: wrote %d bytes, %v", row.name, n, err)
			}
			if got := time.Since(start).Round(time.Millisecond); got != row.want.Round(time.Millisecond) {
				t.Errorf("%s: took %s, want %s", row.name, got, row.want)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// categories notes what the engine creates files for.
type categories struct {
	vfs.FS
	mu   sync.Mutex
	seen []vfs.DiskWriteCategory
}

// Create implements [vfs.FS].
func (c *categories) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, category)
	return c.FS.Create(name, category)
}

// TestPaceFollows piles up layers of files and clears them away: compactions run free in between. That they are the files
// which the pace slows down is the engine's word, which an update could change.
func TestPaceFollows(t *testing.T) {
	t.Parallel()
	files := &categories{FS: vfs.NewMem()}
	from := engineOptions{files: files, log: newThrottle(nil)}
	e := newEngine(from)
	opts := e.options(from)
	opts.DisableAutomaticCompactions = true
	db, err := pebble.Open("records", opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for layer := range backlog {
		wantLimit(t, e.pace, db, compactionRate)
		for _, k := range []string{"a", "z"} {
			if err := db.Set([]byte(k), fmt.Append(nil, layer), pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	wantLimit(t, e.pace, db, rate.Inf)
	if slices.Contains(files.seen, compactions) {
		t.Error("a flush counts as a compaction")
	}
	if !slices.Contains(files.seen, flushes) {
		t.Errorf("a flush counts as one of %q", files.seen)
	}
	if err := db.Compact(t.Context(), []byte("a"), []byte("zz"), false); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(files.seen, compactions) {
		t.Errorf("a compaction counts as one of %q", files.seen)
	}
	wantLimit(t, e.pace, db, compactionRate)
}

func wantLimit(t *testing.T, p pace, db *pebble.DB, want rate.Limit) {
	t.Helper()
	p.follow(db)
	if got := p.limiter.Limit(); got != want {
		t.Errorf("compactions may write %v bytes a second, want %v", got, want)
	}
}
