package disk

import (
	"bytes"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/darihook/darihook/internal/dedup"
)

const (
	// purgeInterval is how often the writer looks for expired records.
	purgeInterval = time.Second
	// purgeBatch is how many it drops before it serves commits again: a fraction of a millisecond's worth. Where many are
	// committed it is twice as many as were since the last batch, so that purging keeps up, and no more than purgeMost.
	purgeBatch = 16
	purgeMost  = 1024
	// purgeRest is how many times as long as it took to drop what is beyond that the writer leaves to others before the next
	// batch, and purgeRate how many of it are dropped in a second: a whole store that expires at once must not crowd out
	// the deliveries, nor give the engine more to clear away than it can.
	purgeRest = 4
	purgeRate = 8000
)

// purger finds expired records. It remembers for every scope where the last purge ended, since the engine would step
// over every key deleted before that place.
type purger struct {
	engine *engine
	next   map[string][]byte // by scope: no 'x' key is below
}

// expired is a record to purge, or only its expiry when the record has been committed anew.
type expired struct {
	record, expiry []byte
}

// findScopes reads which scopes have records.
func (p *purger) findScopes() error {
	return p.engine.read(func(db *pebble.DB) error {
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{expiryPrefix}, UpperBound: []byte{expiryPrefix + 1}})
		if err != nil {
			return err
		}
		for ok := it.First(); ok; {
			key, _, err := parseExpiryKey(it.Key())
			if err != nil {
				it.Close()
				return err
			}
			prefix := appendScope(nil, key.Scope)
			p.next[key.Scope] = prefix
			ok = it.SeekGE(after(prefix))
		}
		return it.Close()
	})
}

// note learns of a new 'x' key.
func (p *purger) note(scope string, key []byte) {
	if next, known := p.next[scope]; !known || bytes.Compare(key, next) < 0 {
		p.next[scope] = bytes.Clone(key)
	}
}

// due returns up to limit expired records, and moves on.
func (p *purger) due(now time.Time, limit int) (found []expired, err error) {
	for scope, next := range p.next {
		if len(found) >= limit {
			break
		}
		err := p.engine.read(func(db *pebble.DB) error {
			found, err = p.dueOf(db, scope, next, now, found, limit)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (p *purger) dueOf(db *pebble.DB, scope string, next []byte, now time.Time, found []expired, limit int) ([]expired, error) {
	end := appendExpiryKey(nil, dedup.Key{Scope: scope}, now.UnixMilli()+1)
	if bytes.Compare(next, end) >= 0 {
		return found, nil
	}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: next, UpperBound: end})
	if err != nil {
		return found, err
	}
	defer it.Close()
	for ok := it.First(); ok && len(found) < limit; ok = it.Next() {
		e, err := p.expired(db, it.Key())
		if err != nil {
			return found, err
		}
		found = append(found, e)
		p.next[scope] = e.expiry
	}
	return found, it.Error()
}

// expired looks whether the record still has the expiry of the 'x' key.
func (p *purger) expired(db *pebble.DB, expiry []byte) (expired, error) {
	e := expired{expiry: bytes.Clone(expiry)}
	key, at, err := parseExpiryKey(expiry)
	if err != nil {
		return e, err
	}
	k := appendRecordKey(nil, key)
	value, closer, err := db.Get(k)
	switch {
	case errors.Is(err, pebble.ErrNotFound):
		return e, nil
	case err != nil:
		return e, err
	}
	defer closer.Close()
	r, err := parseRecord(value)
	if err == nil && r.expires == at {
		e.record = k
	}
	return e, err
}

// purge drops a batch of expired records and tells when to do so again. It need not be durable: what a crash brings
// back is purged again.
func (w *writer) purge() time.Duration {
	start := time.Now()
	limit := purgeLimit(w.committed)
	found, err := w.purger.due(start, limit)
	if err == nil && len(found) > 0 {
		err = w.write(-int64(len(found)), pebble.NoSync, func(batch *pebble.Batch) error { return deleteAll(batch, found) })
	}
	if err != nil {
		w.engine.log.error("deduplication store: purging expired records failed; retrying", err)
		return purgeInterval
	}
	pause := purgePause(len(found), limit, w.committed, time.Since(start))
	w.committed = 0
	return pause
}

// purgeLimit is how many records a batch drops at most.
func purgeLimit(committed int) int { return min(max(purgeBatch, 2*committed), purgeMost) }

// purgePause is how long to wait after a batch for the next one.
func purgePause(found, limit, committed int, took time.Duration) time.Duration {
	if found < limit {
		return purgeInterval
	}
	beyond := max(0, found-2*committed)
	share := float64(beyond) / float64(found) // of the time that the batch took
	return max(time.Duration(purgeRest*share*float64(took)), time.Duration(beyond)*time.Second/purgeRate)
}

func deleteAll(batch *pebble.Batch, found []expired) error {
	for _, e := range found {
		if err := batch.Delete(e.expiry, nil); err != nil {
			return err
		}
		if e.record == nil {
			continue
		}
		if err := batch.Delete(e.record, nil); err != nil {
			return err
		}
	}
	return nil
}
