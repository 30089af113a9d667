package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

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
// the process's. After a fault that the database cannot recover from, the engine has failed for good and answers every call
// with the fault; its directory may be opened anew once its guard has drained.
type engine struct {
	log   *throttle
	pace  pace
	guard *guard
	size  atomic.Int64 // bytes on disk, as of the last follow

	mu sync.RWMutex // held shared by readers, exclusively by close
	db *pebble.DB   // nil once closed

	failing sync.Once
	failed  chan struct{} // closed after failure is set
	failure error
}

// engineOptions are the settings of openEngine.
type engineOptions struct {
	files     vfs.FS
	log       *throttle
	cache     *pebble.Cache // nil: one of its own
	trouble   func(error)   // told of each table that could not be written from memory; the engine goes on trying, also to open
	closing   <-chan struct{}
	mustExist bool
}

// openEngine opens the database in dir. The engine is returned with an error as well: where it has failed, rather than
// been refused, what it holds is not given back, and its guard must be drained.
func openEngine(dir string, opts engineOptions) (*engine, error) {
	e := newEngine(opts)
	opened := make(chan error, 1)
	go func() {
		db, err := pebble.Open(dir, e.options(opts))
		e.db = db
		opened <- err
	}()
	select {
	case err := <-opened:
		if err == nil {
			e.look(e.db)
		}
		return e, err
	case <-opts.closing:
		e.fail(dedup.ErrClosed)
	case <-e.failed:
	}
	return e, e.failure
}

func newEngine(opts engineOptions) *engine {
	e := &engine{log: opts.log, pace: newPace(), failed: make(chan struct{})}
	e.guard = &guard{FS: opts.files, failed: e.failed, fail: e.fail, trouble: opts.trouble}
	if opts.trouble == nil {
		e.guard.trouble = func(error) {}
	}
	return e
}

func (e *engine) options(from engineOptions) *pebble.Options {
	opts := &pebble.Options{
		FS:                          pacedFS{e.guard, e.pace},
		FormatMajorVersion:          engineFormat,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		Cache:                       from.cache,
		CacheSize:                   cacheSize,
		MaxOpenFiles:                openFiles,
		ErrorIfNotExists:            from.mustExist,
		Logger:                      engineLog{e},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { e.log.error("deduplication store: background error; retrying", err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				e.log.error("deduplication store: damaged file", info.Details)
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

// number returns the key's number; 0 when there is none.
func (e *engine) number(key []byte) (n int64, err error) {
	_, err = e.get(key, func(value []byte) error {
		if len(value) != 8 {
			return errRecord
		}
		n = int64(binary.BigEndian.Uint64(value))
		return nil
	})
	return n, err
}

// follow has the pace look at how compactions are doing.
func (e *engine) follow() {
	_ = e.read(func(db *pebble.DB) error { // without a usable engine there is nothing to pace
		e.look(db)
		e.pace.follow(db)
		return nil
	})
}

// look notes the size. Nobody else asks the database for it, which takes the mutex that a failed one may keep.
func (e *engine) look(db *pebble.DB) { e.size.Store(int64(db.Metrics().DiskSpaceUsage())) }

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
		e.failure = named(cause)
		close(e.failed)
	})
}

// close closes the database. One that fails meanwhile, or has failed, is left as it is: its goroutines may still be about.
func (e *engine) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.usable(); err != nil {
		return err
	}
	e.pace.lift() // a compaction under way is waited for
	closed := make(chan error, 1)
	go func(db *pebble.DB) { closed <- db.Close() }(e.db)
	e.db = nil
	select {
	case err := <-closed:
		return err
	case <-e.failed:
		return e.failure
	}
}

// engineLog passes the database's messages on.
type engineLog struct{ *engine }

// Infof implements [pebble.Logger].
func (l engineLog) Infof(format string, args ...any) {
	if to := l.log.to; to != nil && to.Enabled(context.Background(), slog.LevelDebug) {
		to.Debug("deduplication store: " + fmt.Sprintf(format, args...))
	}
}

// Errorf implements [pebble.Logger].
func (l engineLog) Errorf(format string, args ...any) {
	l.log.error("deduplication store: engine error", fmt.Errorf(format, args...))
}

// Fatalf implements [pebble.Logger]. The database expects it not to return.
func (l engineLog) Fatalf(format string, args ...any) {
	l.fail(fmt.Errorf(format, args...))
	select {}
}
