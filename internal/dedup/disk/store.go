// Package disk is the deduplication store for one process that remembers across restarts.
//
// Claims live in memory: one that is lost with its process is released. A commit is one durable write, shared by all
// that commit at the same time; when Commit returns nil, the record survives the process and, as far as the disk keeps
// its word about fsync, the machine. Times-to-live are measured by the wall clock, since they outlast the process.
package disk

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/darihook/darihook/internal/dedup"
)

// The defaults of [Options].
const (
	DefaultMaxIDs  = 50_000_000
	DefaultMinFree = 64 << 20
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

	files vfs.FS        // for tests
	retry time.Duration // for tests: the first pause before another attempt to open
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
	if o.retry == 0 {
		o.retry = retryInterval
	}
	return o, nil
}

// Store is a [dedup.Store] on disk.
type Store struct {
	claims *dedup.Claims
	keeper *keeper
	keys   sync.Pool // of *[]byte, for engine keys
}

// Open opens the store in the directory path, which it creates with mode 0700 when there is none. It answers within a few
// seconds. A fault that may pass, such as a full disk, is no error: the store is unavailable, says why to every caller, and
// opens by itself once the fault is gone. Errors: ErrLocked, ErrVersion, ErrCorrupt, a negative bound, or the file system's
// own.
//
// A symbolic link that is changed later does not lead an open store elsewhere.
func Open(path string, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := newStore(path, opts)
	if err := s.keeper.start(); err != nil {
		return nil, err
	}
	return s, nil
}

func newStore(path string, opts Options) *Store {
	s := &Store{keeper: newKeeper(path, opts), keys: sync.Pool{New: func() any { return new([]byte) }}}
	s.claims = dedup.NewClaims(dedup.ClaimsOptions{Done: s.find, Made: s.madeBy, Admit: s.admit})
	s.keeper.claims = s.claims
	return s
}

// SetMaxIDs changes the bound of [Options].MaxIDs, with the same default and error, while the store is in use. A bound
// below what the store holds drops nothing; it refuses new ids until enough have expired.
func (s *Store) SetMaxIDs(n int64) error {
	opts, err := Options{MaxIDs: n}.withDefaults()
	if err == nil {
		s.keeper.limit.Store(opts.MaxIDs)
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

// madeBy is the Made function of [dedup.ClaimsOptions].
func (s *Store) madeBy(key dedup.Key, owner dedup.Owner) (made, found bool, err error) {
	r, found, err := s.load(key)
	return found && r.owner == owner, found, err
}

// load returns the key's live record.
func (s *Store) load(key dedup.Key) (r record, found bool, err error) {
	now, err := s.keeper.running()
	if err != nil {
		return record{}, false, err
	}
	buffer := s.keys.Get().(*[]byte)
	defer s.keys.Put(buffer)
	*buffer = appendRecordKey((*buffer)[:0], key)
	found, err = now.engine.get(*buffer, func(value []byte) error {
		r, err = parseRecord(value)
		return err
	})
	if err == nil && !found {
		if d := now.writer.dropping.Load(); d != nil && d.key == key {
			r, found = d.record, true
		}
	}
	return r, err == nil && found && r.live(time.Now()), err
}

// admit is the Admit function of [dedup.ClaimsOptions]: a delivery whose outcome could not be kept must not begin.
func (s *Store) admit() error {
	now, err := s.keeper.running()
	if err != nil {
		return err
	}
	if now.writer.count.Load()+s.claims.Held() >= s.keeper.limit.Load() {
		return dedup.ErrFull
	}
	return cmp.Or(now.engine.guard.flushing(), now.space.check())
}

// Claim implements [dedup.Store]. It refuses with ErrNoSpace, ErrUnavailable or ErrFailed what Commit would have to refuse
// later.
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
	now, err := s.keeper.running()
	if err != nil {
		return err
	}
	if made, err := s.claims.Pin(ctx, key, owner); made || err != nil {
		return err
	}
	return now.writer.commit(ctx, key, record{
		status:  outcome.Status,
		at:      outcome.At.UnixMilli(),
		expires: time.Now().Add(max(ttl, time.Millisecond)).UnixMilli(), // two commits of an id never expire at once
		owner:   owner,
	})
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
	now, err := s.keeper.running()
	if err != nil {
		return false, err
	}
	return now.writer.forget(ctx, key)
}

// Stats implements [dedup.Store]. Done counts expired records until they are purged. While the store is unavailable, only
// what is in flight is known.
func (s *Store) Stats() dedup.Stats {
	stats := dedup.Stats{InFlight: s.claims.Held(), Done: -1, DiskBytes: -1}
	if now, err := s.keeper.running(); err == nil {
		stats.Done, stats.DiskBytes = now.writer.count.Load(), now.engine.size.Load()
	}
	return stats
}

// Close implements [dedup.Store]. Commits under way are written first.
func (s *Store) Close() error {
	if !s.claims.Close() {
		return nil
	}
	return s.keeper.stop()
}

var _ dedup.Store = (*Store)(nil)
