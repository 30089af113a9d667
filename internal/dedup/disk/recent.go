package disk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/darihook/darihook/internal/dedup"
)

// Recent implements [dedup.Store]. Within a scope, what expires last counts as the newest, which it is as long as the
// scope's time-to-live is the same for all.
func (s *Store) Recent(ctx context.Context, scope string, limit int) ([]dedup.Record, error) {
	if err := s.claims.Open(ctx); err != nil {
		return nil, err
	}
	now, err := s.keeper.running()
	if err != nil {
		return nil, err
	}
	recent := s.claims.Recent(scope, limit)
	var done []dedup.Record
	err = now.engine.read(func(db *pebble.DB) (err error) {
		done, err = recentDone(ctx, db, scope, limit-len(recent))
		return err
	})
	return append(recent, done...), err
}

// recentDone lists the newest of the scope, or of each, and keeps the newest of those.
func recentDone(ctx context.Context, db *pebble.DB, scope string, limit int) ([]dedup.Record, error) {
	prefix := []byte{expiryPrefix}
	if scope != "" {
		prefix = appendScope(nil, scope)
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var done []dedup.Record
	for ok := limit > 0 && it.Last(); ok; {
		key, _, err := parseExpiryKey(it.Key())
		if err != nil {
			return nil, err
		}
		if done, err = appendScopeNewest(ctx, done, db, it, key.Scope, limit); err != nil {
			return nil, err
		}
		ok = it.SeekLT(appendScope(nil, key.Scope))
	}
	slices.SortStableFunc(done, func(a, b dedup.Record) int { return b.Outcome.At.Compare(a.Outcome.At) })
	return done[:min(len(done), max(0, limit))], it.Error()
}

// appendScopeNewest walks backwards from the scope's last 'x' key.
func appendScopeNewest(ctx context.Context, to []dedup.Record, db *pebble.DB, it *pebble.Iterator, scope string, limit int) ([]dedup.Record, error) {
	now := time.Now()
	for ok := true; ok && limit > 0; ok = it.Prev() {
		key, expires, err := parseExpiryKey(it.Key())
		switch {
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case key.Scope != scope || expires <= now.UnixMilli():
			return to, nil
		}
		record, found, err := current(db, key, expires)
		if err != nil {
			return nil, err
		}
		if found {
			to = append(to, record)
			limit--
		}
	}
	return to, nil
}

// current returns the key's record if it is the one that expires then.
func current(db *pebble.DB, key dedup.Key, expires int64) (dedup.Record, bool, error) {
	value, closer, err := db.Get(appendRecordKey(nil, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return dedup.Record{}, false, nil
	}
	if err != nil {
		return dedup.Record{}, false, err
	}
	defer closer.Close()
	r, err := parseRecord(value)
	return r.export(key), err == nil && r.expires == expires, err
}
