package disk

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/darihook/darihook/internal/dedup"
)

// diskErrors are what operating systems answer for disks that fail or are full; no inodes left is ENOSPC too.
var diskErrors = []syscall.Errno{
	syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EMFILE, syscall.EACCES, syscall.ENOENT,
}

// operations names what may fail.
var operations = map[errorfs.OpKind]string{
	errorfs.OpCreate: "create", errorfs.OpOpen: "open", errorfs.OpOpenDir: "open directory", errorfs.OpRemove: "remove",
	errorfs.OpRemoveAll: "remove all", errorfs.OpRename: "rename", errorfs.OpReuseForWrite: "reuse", errorfs.OpMkdirAll: "make directory",
	errorfs.OpLock: "lock", errorfs.OpList: "list", errorfs.OpStat: "stat", errorfs.OpFileClose: "close", errorfs.OpFileRead: "read",
	errorfs.OpFileReadAt: "read at", errorfs.OpFileWrite: "write", errorfs.OpFileStat: "stat of the file", errorfs.OpFileSync: "sync",
	errorfs.OpFileSyncData: "sync data", errorfs.OpFileSyncTo: "sync to",
}

// sickDisk fails one operation, or from then on all of its kind until it is healed.
type sickDisk struct {
	errno   syscall.Errno
	nth     int64 // the operation that fails, counted from 1
	lasting bool

	counted atomic.Int64
	kind    atomic.Int64 // of the operation that failed, plus one
	what    atomic.Pointer[string]
	healed  atomic.Bool
}

func (d *sickDisk) files() vfs.FS {
	return breaking(func(kind errorfs.OpKind, name string) error {
		if kind == errorfs.OpFilePreallocate || kind == errorfs.OpGetDiskUsage || d.healed.Load() {
			return nil
		}
		if d.counted.Add(1) == d.nth {
			what := fmt.Sprintf("%s of %s", operations[kind], filepath.Base(name))
			d.what.Store(&what)
			d.kind.Store(int64(kind) + 1)
			return d.errno
		}
		if d.lasting && d.kind.Load() == int64(kind)+1 {
			return d.errno
		}
		return nil
	})
}

// life is what a store goes through while its disk fails, with what it has acknowledged.
type life struct {
	t            *testing.T
	disk         *sickDisk
	path         string
	mu           sync.Mutex
	acknowledged map[string]bool
	tried        int
}

// lives is how many lives TestDisks looks at: some of all that there are, others each time.
const lives = 64

// TestDisks fails one operation on files after another, at each step of a store's life and under load, with each error that
// disks know, once or for a while. The process lives, the store opens again by itself, nothing acknowledged is lost, and whoever is
// refused meanwhile is told the disk's error.
func TestDisks(t *testing.T) {
	t.Parallel()
	whole := (&life{t: t, disk: &sickDisk{}, path: t.TempDir()})
	whole.run()
	total := whole.disk.counted.Load()
	if total < 100 {
		t.Fatalf("%d operations in a store's life: too few to tell anything", total)
	}
	var failed atomic.Int64
	places := make(chan struct{}, 4)
	var all sync.WaitGroup
	step := max(1, total/lives)
	first := 1 + rand.Int64N(step)
	t.Logf("every %d. of %d operations, from %d", step, total, first)
	for nth := first; nth <= total; nth += step {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			disk := &sickDisk{errno: diskErrors[rand.IntN(len(diskErrors))], nth: nth, lasting: rand.IntN(2) == 0}
			l := &life{t: t, disk: disk, path: t.TempDir()}
			l.run()
			if disk.what.Load() != nil {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	if failed.Load() < lives/2 {
		t.Errorf("%d operations failed: too few to tell anything", failed.Load())
	}
}

func (l *life) run() {
	l.acknowledged = map[string]bool{}
	for round := range 2 {
		s, err := Open(l.path, Options{files: l.disk.files(), retry: 10 * time.Millisecond})
		if err != nil {
			l.refusedToOpen(err)
			continue
		}
		l.load(s, round, 0)
		l.flush(s)
		l.load(s, round, 1)
		l.recovers(s, round)
		if err := s.Close(); err != nil && !errors.Is(err, l.disk.errno) {
			l.errorf("closing: %v", err)
		}
	}
	l.disk.healed.Store(true)
	s, err := Open(l.path, Options{})
	if err != nil {
		l.errorf("opening afterwards: %v", err)
		return
	}
	defer s.Close()
	l.check(s)
}

func (l *life) errorf(format string, args ...any) {
	l.t.Helper()
	l.t.Errorf("operation %d, %s (%v, lasting %v): %s", l.disk.nth, l.what(), l.disk.errno, l.disk.lasting, fmt.Sprintf(format, args...))
}

func (l *life) what() string {
	if what := l.disk.what.Load(); what != nil {
		return *what
	}
	return "nothing"
}

// refusedToOpen wants the reason to be one that waiting does not mend.
func (l *life) refusedToOpen(err error) {
	if l.disk.errno != syscall.EACCES && l.disk.errno != syscall.ENOENT || passes(err) {
		l.errorf("opening: %v", err)
	}
}

// load commits from several goroutines at once.
func (l *life) load(s *Store, round, part int) {
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 8 {
				l.commit(s, fmt.Sprintf("%d-%d-%d-%d", round, part, w, i))
			}
		})
	}
	writers.Wait()
}

func (l *life) commit(s *Store, id string) {
	err := commitOne(l.t, s, dedup.Key{Scope: "many", ID: id}, time.Hour)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tried++
	switch {
	case err == nil:
		l.acknowledged[id] = true
	case !strings.Contains(err.Error(), l.disk.errno.Error()):
		l.errorf("refused with %v", err)
	}
}

// flush writes a table from memory, which otherwise takes thousands of commits.
func (l *life) flush(s *Store) {
	now, err := s.keeper.running()
	if err != nil {
		return
	}
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		_ = now.engine.read(func(db *pebble.DB) error { return db.Flush() })
	}()
	select {
	case <-flushed:
	case <-now.engine.failed:
	case <-time.After(300 * time.Millisecond): // a lasting fault
	}
}

// recovers waits until the store takes a commit.
func (l *life) recovers(s *Store, round int) {
	var err error
	for i, last := 0, time.Now().Add(time.Minute); time.Now().Before(last); i++ {
		if l.disk.what.Load() != nil {
			l.disk.healed.Store(true)
		}
		if err = commitOne(l.t, s, dedup.Key{Scope: "many", ID: fmt.Sprintf("%d-recovers-%d", round, i)}, time.Hour); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	l.errorf("not available again: %v", err)
}

func (l *life) check(s *Store) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.acknowledged {
		if record, err := s.Lookup(l.t.Context(), dedup.Key{Scope: "many", ID: id}); err != nil || record.State != dedup.Done {
			l.errorf("%s was acknowledged and is %+v, %v", id, record, err)
		}
	}
	if l.disk.nth == 0 && len(l.acknowledged) != l.tried {
		l.errorf("%d of %d commits acknowledged on a disk that works", len(l.acknowledged), l.tried)
	}
}
