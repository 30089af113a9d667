package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/darihook/darihook/internal/dedup"
)

const (
	// engineFormat fixes the files' format, so that an update of the engine never changes it unasked.
	engineFormat = pebble.FormatWALSyncChunks
	memTableSize = 4 << 20 // also bounds what a reopening replays
	cacheSize    = 16 << 20
	openFiles    = 512
	bloomBits    = 10 // a byte and a quarter per id answers 99 of 100 questions for new ids without a read
)

// engine is the database with what a store needs around it: reads that are safe beside Close, and an end that is not
// the process's. The database calls Fatalf where it cannot go on, such as after an I/O error on its log; an engine has
// then failed for good, since nothing tells any more what is on the disk, and answers every call with that error.
type engine struct {
	log  *slog.Logger
	pace pace

	mu sync.RWMutex // held shared by readers, exclusively by close
	db *pebble.DB   // nil once closed

	failing sync.Once
	failed  chan struct{} // closed after failure is set
	failure error
}

func openEngine(dir string, fs vfs.FS, log *slog.Logger, mustExist bool) (*engine, error) {
	e := &engine{log: log, pace: newPace(), failed: make(chan struct{})}
	opts := e.options(fs)
	opts.ErrorIfNotExists = mustExist
	opened := make(chan error, 1)
	go func() {
		db, err := pebble.Open(dir, opts)
		e.db = db
		opened <- err
	}()
	select {
	case err := <-opened:
		return e, err
	case <-e.failed:
		return nil, e.failure
	}
}

func (e *engine) options(fs vfs.FS) *pebble.Options {
	opts := &pebble.Options{
		FS:                          pacedFS{fs, e.pace},
		FormatMajorVersion:          engineFormat,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		CacheSize:                   cacheSize,
		MaxOpenFiles:                openFiles,
		Logger:                      engineLog{e},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { log(e.log, slog.LevelError, "deduplication store: background work", err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				log(e.log, slog.LevelError, "deduplication store: damaged file", info.Details)
			},
		},
	}
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
	}
	return opts
}

// read calls f with the database, unless it is closed or has failed.
func (e *engine) read(f func(*pebble.DB) error) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.usable(); err != nil {
		return err
	}
	return f(e.db)
}

// get calls f with the key's value, which is only valid meanwhile, and reports whether there is one.
func (e *engine) get(key []byte, f func(value []byte) error) (found bool, err error) {
	err = e.read(func(db *pebble.DB) error {
		value, closer, err := db.Get(key)
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading record: %w", err)
		}
		found = true
		return errors.Join(f(value), closer.Close())
	})
	return found, err
}

// follow has the pace look at how compactions are doing.
func (e *engine) follow() {
	_ = e.read(func(db *pebble.DB) error { // without a usable engine there is nothing to pace
		e.pace.follow(db)
		return nil
	})
}

// usable answers why the database must not be used, if so. Its caller either holds the lock or is the writer, whose end
// close comes after.
func (e *engine) usable() error {
	if err := e.fault(); err != nil {
		return err
	}
	if e.db == nil {
		return dedup.ErrClosed
	}
	return nil
}

// fault is the failure, if there was one.
func (e *engine) fault() error {
	select {
	case <-e.failed:
		return e.failure
	default:
		return nil
	}
}

// fail ends the engine without ending the process.
func (e *engine) fail(cause error) {
	e.failing.Do(func() {
		e.failure = fmt.Errorf("%w: %w", ErrFailed, cause)
		log(e.log, slog.LevelError, "deduplication store failed; it refuses until the process restarts", cause)
		close(e.failed)
	})
}

// close closes the database. A failed one is abandoned instead, with its lock held: its goroutines may still be about,
// and a second database beside them would do damage.
func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.fault(); err != nil {
		return err
	}
	e.pace.lift() // a compaction under way is waited for
	err := e.db.Close()
	e.db = nil
	return err
}

// engineLog passes the database's messages on.
type engineLog struct{ *engine }

// Infof implements [pebble.Logger].
func (l engineLog) Infof(format string, args ...any) {
	if l.log != nil && l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("deduplication store: " + fmt.Sprintf(format, args...))
	}
}

// Errorf implements [pebble.Logger].
func (l engineLog) Errorf(format string, args ...any) {
	log(l.log, slog.LevelError, "deduplication store", fmt.Errorf(format, args...))
}

// Fatalf implements [pebble.Logger]. The database expects it not to return.
func (l engineLog) Fatalf(format string, args ...any) {
	l.fail(fmt.Errorf(format, args...))
	select {}
}

func log(to *slog.Logger, level slog.Level, message string, err error) {
	if to != nil {
		to.Log(context.Background(), level, message, "error", err)
	}
}

// privateFS creates files and directories that nobody else can read, whatever the umask.
type privateFS struct{ vfs.FS }

// Create implements [vfs.FS].
func (p privateFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return private(name)(p.FS.Create(name, category))
}

// ReuseForWrite implements [vfs.FS].
func (p privateFS) ReuseForWrite(old, name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return private(name)(p.FS.ReuseForWrite(old, name, category))
}

// MkdirAll implements [vfs.FS].
func (p privateFS) MkdirAll(dir string, _ os.FileMode) error { return p.FS.MkdirAll(dir, dirMode) }

// Lock implements [vfs.FS].
func (p privateFS) Lock(name string) (io.Closer, error) {
	lock, err := p.FS.Lock(name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, fileMode); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// Unwrap implements [vfs.FS].
func (p privateFS) Unwrap() vfs.FS { return p.FS }

func private(name string) func(vfs.File, error) (vfs.File, error) {
	return func(f vfs.File, err error) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		if err := os.Chmod(name, fileMode); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	}
}
