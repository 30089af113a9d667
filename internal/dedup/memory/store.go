// Package memory is the deduplication store that lives and dies with its process.
//
// It promises less than the others: a restart forgets every id, and a full store forgets the record that would expire
// first, counting it in [dedup.Stats].Evicted. In return it never refuses a delivery for want of room and never waits.
package memory

import (
	"context"
	"fmt"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// DefaultMaxIDs is the number of done records that a store keeps unless told otherwise. At about 150 bytes each, ids of
// 36 bytes included, they take some 150 MB.
const DefaultMaxIDs = 1_000_000

// Options are the settings of [New].
type Options struct {
	// MaxIDs is the number of done records kept; more evict the ones that expire first. Default: DefaultMaxIDs.
	MaxIDs int
}

// Store is a [dedup.Store] in memory.
type Store struct {
	claims  *dedup.Claims
	records *records
}

// New returns an empty store. A negative bound is an error.
func New(opts Options) (*Store, error) {
	limit, err := checkMaxIDs(opts.MaxIDs)
	if err != nil {
		return nil, err
	}
	r := newRecords(limit)
	return &Store{records: r, claims: dedup.NewClaims(dedup.ClaimsOptions{Done: r.find, Made: r.madeBy})}, nil
}

func checkMaxIDs(n int) (int, error) {
	switch {
	case n < 0:
		return 0, fmt.Errorf("negative number of ids: %d", n)
	case n == 0:
		return DefaultMaxIDs, nil
	case n > maxRecords:
		return 0, fmt.Errorf("number of ids above %d: %d", maxRecords, n)
	}
	return n, nil
}

// SetMaxIDs changes the bound of [Options].MaxIDs, with the same default and errors, while the store is in use. A lower
// bound evicts what is over it at once, in batches that do not hold up anybody.
func (s *Store) SetMaxIDs(n int) error {
	limit, err := checkMaxIDs(n)
	if err != nil {
		return err
	}
	s.records.resize(limit)
	return nil
}

// Claim implements [dedup.Store].
func (s *Store) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	return s.claims.Claim(ctx, key, owner, lease)
}

// Renew implements [dedup.Store].
func (s *Store) Renew(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) error {
	return s.claims.Renew(ctx, key, owner, lease)
}

// Commit implements [dedup.Store].
func (s *Store) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	if err := outcome.Validate(); err != nil {
		return err
	}
	if made, err := s.claims.Pin(ctx, key, owner); made || err != nil {
		return err
	}
	s.records.put(key, owner, outcome, ttl)
	s.claims.End(key)
	return nil
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

// Recent implements [dedup.Store].
func (s *Store) Recent(ctx context.Context, scope string, limit int) ([]dedup.Record, error) {
	if err := s.claims.Open(ctx); err != nil {
		return nil, err
	}
	recent := s.claims.Recent(scope, limit)
	return s.records.recent(recent, scope, limit-len(recent)), nil
}

// Forget implements [dedup.Store].
func (s *Store) Forget(ctx context.Context, key dedup.Key) (bool, error) {
	return s.claims.WhileIdle(ctx, key, func() bool { return s.records.forget(key) })
}

// Stats implements [dedup.Store].
func (s *Store) Stats() dedup.Stats {
	done, evicted := s.records.stats()
	return dedup.Stats{InFlight: s.claims.Held(), Done: done, Evicted: evicted}
}

// Close implements [dedup.Store].
func (s *Store) Close() error {
	if s.claims.Close() {
		s.records.clear()
	}
	return nil
}

var _ dedup.Store = (*Store)(nil)
