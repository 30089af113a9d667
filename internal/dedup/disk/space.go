package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// spaceInterval is how often the disk's free space is looked at. Nothing writes a reserve full in that time.
	spaceInterval = 100 * time.Millisecond
	// minFiles is the number of inodes that must be free. The engine makes a few files at once.
	minFiles = 64
)

// space tells whether the disk has room, and whether files can be made in a directory on it. An engine that cannot write is
// lost, so the store stops before.
type space struct {
	dir     string
	files   vfs.FS
	minimum int64
	inodes  func(dir string) (free uint64, known bool)
	access  func(dir string) error
	home    os.FileInfo // the directory as it was found; nil: not looked at
	fault   atomic.Pointer[error]
}

func newSpace(dir string, opts Options) *space {
	home, _ := os.Stat(dir) // one that is not there yet has nothing to be compared with
	return &space{dir: dir, files: opts.files, minimum: opts.MinFree, inodes: freeInodes, access: writable, home: home}
}

// watch looks again and again until the session ends. Callers never do, since a file system may not answer.
func (s *space) watch(closing, failed <-chan struct{}) {
	if s.minimum < 0 {
		return
	}
	next := time.NewTicker(spaceInterval)
	defer next.Stop()
	for {
		select {
		case <-next.C:
			s.look()
		case <-closing:
			return
		case <-failed:
			return
		}
	}
}

// check answers ErrNoSpace while less than the minimum is free, and ErrUnavailable while the directory is not to be written to.
func (s *space) check() error {
	if fault := s.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

func (s *space) look() {
	fault := s.lookFor(s.minimum)
	if fault == nil {
		s.fault.Store(nil)
		return
	}
	s.fault.Store(&fault)
}

// enough tells whether there is room to open the engine, which writes less than half of what must be free for deliveries.
func (s *space) enough() error {
	if s.minimum < 0 {
		return nil
	}
	return s.lookFor(s.minimum / 2)
}

// lookFor looks whether so many bytes are free. A file system that does not tell is trusted.
func (s *space) lookFor(minimum int64) error {
	usage, err := s.files.GetDiskUsage(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s was removed: put it back, or restart to begin with an empty store", ErrUnavailable, s.dir)
	case err == nil && usage.AvailBytes < uint64(minimum):
		return fmt.Errorf("%w: %d MiB, at least %d MiB", ErrNoSpace, usage.AvailBytes>>20, minimum>>20)
	}
	if free, known := s.inodes(s.dir); known && free < minFiles {
		return fmt.Errorf("%w: %d inodes, at least %d", ErrNoSpace, free, minFiles)
	}
	if now, err := os.Stat(s.dir); err == nil && s.home != nil && !os.SameFile(s.home, now) {
		return fmt.Errorf("%w: %s was replaced while in use: restart to use the new one", ErrUnavailable, s.dir)
	}
	if err := s.access(s.dir); err != nil {
		return fmt.Errorf("%w: %s is not writable: %w", ErrUnavailable, s.dir, err)
	}
	return nil
}
