// Package disk is the deduplication store for one process that remembers across restarts.
//
// Claims live in memory: one that is lost with its process is released. A commit is one durable write, shared by all
// that commit at the same time; when Commit returns nil, the record survives the process and, as far as the disk keeps
// its word about fsync, the machine. Times-to-live are measured by the wall clock, since they outlast the process.
package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/darihook/darihook/internal/dedup"
)

// The defaults of [Options].
const (
	DefaultMaxIDs  = 50_000_000
	DefaultMinFree = 64 << 20
)

// What may be wrong with a store. Opening answers the first three and leaves the store as it was.
var (
	// ErrLocked: the directory is open already, in this process or another, under this name or another.
	ErrLocked = errors.New("store in use")
	// ErrVersion: the store was written by a program with another format.
	ErrVersion = errors.New("store of another version")
	// ErrCorrupt: the directory is not a store, or one that was damaged.
	ErrCorrupt = errors.New("store damaged")
	// ErrFailed is [dedup.ErrFailed]: a fault after which nobody knows what is on the disk, such as a failed write of the
	// log. The store refuses every call until the process restarts.
	ErrFailed = dedup.ErrFailed
	// ErrNoSpace answers a Claim or Commit while the disk has less than [Options].MinFree left.
	ErrNoSpace = errors.New("too little disk space left")
)

// Options are the settings of [Open].
type Options struct {
	// MaxIDs is the number of done records kept; at it, a Claim of a new id answers [dedup.ErrFull]. An id takes about
	// 150 bytes on disk. Default: DefaultMaxIDs.
	MaxIDs int64
	// MinFree is the disk space, in bytes, that must be left for new claims and commits to be taken. Default:
	// DefaultMinFree. A negative value turns the check off.
	MinFree int64
	// Logger gets the engine's errors and, at debug level, its messages. Default: they are dropped.
	Logger *slog.Logger

	files vfs.FS // for tests
}

func (o Options) withDefaults() (Options, error) {
	if o.MaxIDs < 0 {
		return o, fmt.Errorf("negative number of ids: %d", o.MaxIDs)
	}
	if o.MaxIDs == 0 {
		o.MaxIDs = DefaultMaxIDs
	}
	if o.MinFree == 0 {
		o.MinFree = DefaultMinFree
	}
	if o.files == nil {
		o.files = exclusiveFS{vfs.Default}
	}
	o.files = privateFS{o.files}
	return o, nil
}

// Store is a [dedup.Store] on disk.
type Store struct {
	claims *dedup.Claims
	engine *engine
	writer *writer
	space  *space
	lock   io.Closer
	keys   sync.Pool // of *[]byte, for engine keys
}

// Open opens the store in the directory path, which it creates with mode 0700 when there is none. A symbolic link that is
// changed later does not lead an open store elsewhere. Errors: ErrLocked, ErrVersion, ErrCorrupt, a negative bound, or the
// file system's own.
func Open(path string, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	place, err := Find(path)
	if err != nil {
		return nil, fmt.Errorf("finding store: %w", err)
	}
	path = place.path
	lock, err := lockDirectory(path, opts.files)
	if err != nil {
		return nil, err
	}
	s, err := open(path, opts)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s.lock = lock
	return s, nil
}

func open(path string, opts Options) (*Store, error) {
	records, err := prepare(path, opts.files)
	if err != nil {
		return nil, err
	}
	e, err := openEngine(records, opts.files, opts.Logger, true)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", records, explain(err))
	}
	s, err := start(e, newSpace(path, opts), opts.MaxIDs)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", records, explain(err)), e.close())
	}
	return s, nil
}

// start makes a store of an open engine.
func start(e *engine, space *space, limit int64) (s *Store, err error) {
	s = &Store{engine: e, space: space, keys: sync.Pool{New: func() any { return new([]byte) }}}
	s.claims = dedup.NewClaims(dedup.ClaimsOptions{Done: s.find, Admit: s.admit})
	if s.writer, err = newWriter(e, s.claims, space, limit); err != nil {
		return nil, err
	}
	go s.writer.run()
	return s, nil
}

// explain tells damage, which only shows within the engine, from what the operating system refuses.
func explain(err error) error {
	_, refused := errors.AsType[syscall.Errno](err)
	if errors.Is(err, ErrFailed) || errors.Is(err, ErrLocked) || refused && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// SetMaxIDs changes the bound of [Options].MaxIDs, with the same default and error, while the store is in use. A bound
// below what the store holds drops nothing; it refuses new ids until enough have expired.
func (s *Store) SetMaxIDs(n int64) error {
	opts, err := Options{MaxIDs: n}.withDefaults()
	if err == nil {
		s.writer.limit.Store(opts.MaxIDs)
	}
	return err
}

// find is the Done function of [dedup.ClaimsOptions].
func (s *Store) find(key dedup.Key) (dedup.Record, bool, error) {
	r, found, err := s.load(key)
	if err != nil || !found {
		return dedup.Record{}, false, err
	}
	return r.export(key), true, nil
}

// load returns the key's live record.
func (s *Store) load(key dedup.Key) (r record, found bool, err error) {
	buffer := s.keys.Get().(*[]byte)
	defer s.keys.Put(buffer)
	*buffer = appendRecordKey((*buffer)[:0], key)
	found, err = s.engine.get(*buffer, func(value []byte) error {
		r, err = parseRecord(value)
		return err
	})
	if err == nil && !found {
		if d := s.writer.dropping.Load(); d != nil && d.key == key {
			r, found = d.record, true
		}
	}
	return r, err == nil && found && r.live(time.Now()), err
}

// admit is the Admit function of [dedup.ClaimsOptions]: a delivery whose outcome could not be kept must not begin.
func (s *Store) admit() error {
	if s.writer.count.Load()+s.claims.Held() >= s.writer.limit.Load() {
		return dedup.ErrFull
	}
	return s.space.check()
}

// Claim implements [dedup.Store]. It refuses with ErrNoSpace or ErrFailed what Commit would have to refuse later.
func (s *Store) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	return s.claims.Claim(ctx, key, owner, lease)
}

// Renew implements [dedup.Store].
func (s *Store) Renew(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) error {
	return s.claims.Renew(ctx, key, owner, lease)
}

// Commit implements [dedup.Store]. When ctx is done before the disk has answered, the commit may still be made.
func (s *Store) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	if err := outcome.Validate(); err != nil {
		return err
	}
	switch err := s.claims.Pin(ctx, key, owner); {
	case errors.Is(err, dedup.ErrNotOwner):
		return s.commitAgain(ctx, key, owner)
	case err != nil:
		return err
	}
	return s.writer.commit(ctx, key, record{
		status:  outcome.Status,
		at:      outcome.At.UnixMilli(),
		expires: time.Now().Add(max(ttl, time.Millisecond)).UnixMilli(), // two commits of an id never expire at once
		owner:   owner,
	})
}

// commitAgain answers a commit whose claim is gone: it is well when the same owner made it already. A record that can be
// read need not be durable yet, so one whose claim has not ended does not count.
func (s *Store) commitAgain(ctx context.Context, key dedup.Key, owner dedup.Owner) error {
	var fault error
	again, err := s.claims.WhileIdle(ctx, key, func() bool {
		r, found, err := s.load(key)
		fault = err
		return found && r.owner == owner
	})
	if err := cmp.Or(err, fault); err != nil || again {
		return err
	}
	return dedup.ErrNotOwner
}

// Release implements [dedup.Store].
func (s *Store) Release(ctx context.Context, key dedup.Key, owner dedup.Owner) error {
	return s.claims.Release(ctx, key, owner)
}

// Wait implements [dedup.Store].
func (s *Store) Wait(ctx context.Context, key dedup.Key) error { return s.claims.Wait(ctx, key) }

// Lookup implements [dedup.Store].
func (s *Store) Lookup(ctx context.Context, key dedup.Key) (dedup.Record, error) {
	return s.claims.Lookup(ctx, key)
}

// Forget implements [dedup.Store]. Like a commit it is one durable write.
func (s *Store) Forget(ctx context.Context, key dedup.Key) (bool, error) {
	switch record, err := s.claims.Lookup(ctx, key); {
	case err != nil:
		return false, err
	case record.State != dedup.Done:
		return false, nil
	}
	return s.writer.forget(ctx, key)
}

// Stats implements [dedup.Store]. Done counts expired records until they are purged.
func (s *Store) Stats() dedup.Stats {
	stats := dedup.Stats{InFlight: s.claims.Held(), Done: s.writer.count.Load(), DiskBytes: -1}
	_ = s.engine.read(func(db *pebble.DB) error {
		stats.DiskBytes = int64(db.Metrics().DiskSpaceUsage())
		return nil
	}) // without a usable engine the size stays unknown
	return stats
}

// Close implements [dedup.Store]. Commits under way are written first. A failed store stays locked until the process
// ends.
func (s *Store) Close() error {
	if !s.claims.Close() {
		return nil
	}
	s.writer.stop()
	if err := s.engine.close(); err != nil {
		return fmt.Errorf("closing store: %w", err)
	}
	return s.lock.Close()
}

var _ dedup.Store = (*Store)(nil)
