package disk

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// spaceInterval is how long one look at the disk's free space holds. Nothing writes a reserve full in that time.
const spaceInterval = 100 * time.Millisecond

// space tells whether the disk has room. Running into a full disk would cost the engine, so the store stops before.
type space struct {
	path    string
	files   vfs.FS
	minimum int64
	start   time.Time
	looked  atomic.Int64 // when, since start
	free    atomic.Int64
}

func newSpace(path string, opts Options) *space {
	s := &space{path: path, files: opts.files, minimum: opts.MinFree, start: time.Now()}
	s.look()
	return s
}

// check answers ErrNoSpace while less than the minimum is free. A file system that does not tell is trusted.
func (s *space) check() error {
	if s.minimum < 0 {
		return nil
	}
	now, last := int64(time.Since(s.start)), s.looked.Load()
	if now-last > int64(spaceInterval) && s.looked.CompareAndSwap(last, now) {
		s.look()
	}
	if free := s.free.Load(); free < s.minimum {
		return fmt.Errorf("%w: %d MiB, at least %d MiB", ErrNoSpace, free>>20, s.minimum>>20)
	}
	return nil
}

func (s *space) look() {
	usage, err := s.files.GetDiskUsage(s.path)
	if err != nil {
		s.free.Store(s.minimum)
		return
	}
	s.free.Store(int64(min(usage.AvailBytes, 1<<62)))
}
