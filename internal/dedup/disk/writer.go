package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/darihook/darihook/internal/dedup"
)

// writer is the one goroutine that changes the database. It makes whatever requests have gathered durable with one write:
// a lone delivery's waits for nobody, many share the disk's time. Being alone, it needs no lock around the pairs that
// belong together, nor around purging beside committing.
type writer struct {
	engine *engine
	claims *dedup.Claims
	space  *space

	requests chan *request
	asked    atomic.Int64  // requests that were sent and are not answered
	complete chan struct{} // holds a token once every delivery under way has asked
	closing  chan struct{}
	stopped  chan struct{}
	pool     sync.Pool

	limit *atomic.Int64 // the store's
	count atomic.Int64  // 'x' pairs as of the last write
	// dropping is the record whose deletion is being made durable. The database shows it gone before it is: until then the
	// record counts, or a power loss would bring it back to a key that somebody has claimed meanwhile.
	dropping atomic.Pointer[dropped]

	// The rest is the goroutine's own.
	writes    int64     // 'm' "writes" as of the last write
	progress  *progress // nil: not kept
	group     []*request
	buffer    []byte
	purger    purger
	committed int // since the last purge
	wakeups   *time.Timer
	pause     *time.Timer // ends gatherTime
}

// dropped is a record on its way out.
type dropped struct {
	key    dedup.Key
	record record
}

func newWriter(e *engine, claims *dedup.Claims, space *space, limit *atomic.Int64) (*writer, error) {
	w := &writer{
		engine:   e,
		claims:   claims,
		space:    space,
		limit:    limit,
		requests: make(chan *request, groupSize),
		complete: make(chan struct{}, 1),
		closing:  make(chan struct{}),
		stopped:  make(chan struct{}),
		pool:     sync.Pool{New: func() any { return &request{answer: make(chan answer, 1)} }},
		purger:   purger{engine: e, next: map[string][]byte{}},
	}
	count, err := e.number(countKey)
	if err != nil {
		return nil, err
	}
	w.count.Store(count)
	if w.writes, err = e.number(writesKey); err != nil {
		return nil, err
	}
	return w, w.purger.findScopes()
}

// mark is how far the store has come.
func (w *writer) mark() mark { return mark{w.writes, w.count.Load()} }

// stop lets the writer finish what it was asked and waits for its end, or for the engine's failure.
func (w *writer) stop() {
	close(w.closing)
	select {
	case <-w.stopped:
	case <-w.engine.failed:
	}
}

func (w *writer) run() {
	defer w.recoverFault()
	w.wakeups = time.NewTimer(purgeInterval)
	defer w.wakeups.Stop()
	w.pause = time.NewTimer(gatherTime)
	defer w.pause.Stop()
	checks := time.NewTicker(paceInterval)
	defer checks.Stop()
	for {
		select {
		case req := <-w.requests:
			w.serve(req)
		case <-w.wakeups.C:
			w.wakeups.Reset(w.purge())
		case <-checks.C:
			w.engine.follow()
			w.keepLog()
		case <-w.engine.failed:
			return
		case <-w.closing:
			w.drain()
			close(w.stopped)
			return
		}
	}
}

// recoverFault turns a panic of the database, which it raises where it cannot write its log, into the engine's failure.
func (w *writer) recoverFault() {
	if cause := recover(); cause != nil {
		w.engine.fail(fmt.Errorf("writing: %v", cause))
	}
}

func (w *writer) drain() {
	for {
		select {
		case req := <-w.requests:
			w.serve(req)
		default:
			return
		}
	}
}

// serve carries out a request and those that gather behind it.
func (w *writer) serve(req *request) {
	w.gather(req)
	var forget *request
	if last := len(w.group) - 1; w.group[last].drop {
		w.group, forget = w.group[:last], w.group[last]
	}
	if len(w.group) > 0 {
		w.serveCommits()
	}
	if forget != nil {
		dropped, err := w.drop(forget.key)
		w.asked.Add(-1)
		forget.answer <- answer{dropped, err}
	}
}

// serveCommits makes the group durable, and only then lets anybody see it.
func (w *writer) serveCommits() {
	err := w.space.check()
	if err == nil {
		err = w.writeGroup()
	}
	if err != nil && w.engine.fault() != nil {
		return // the callers know: the next session may have their claims by now
	}
	w.committed += len(w.group)
	w.asked.Add(-int64(len(w.group)))
	for _, req := range w.group {
		if err == nil {
			w.claims.End(req.key)
		} else {
			w.claims.Unpin(req.key)
		}
		req.answer <- answer{err: err}
	}
}

func (w *writer) writeGroup() error {
	return w.write(int64(len(w.group)), pebble.Sync, func(batch *pebble.Batch) error {
		for _, req := range w.group {
			if err := w.put(batch, req); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *writer) put(batch *pebble.Batch, req *request) error {
	k := appendRecordKey(w.buffer[:0], req.key)
	v := req.record.append(k)
	if err := batch.Set(k, v[len(k):], nil); err != nil {
		return err
	}
	w.buffer = appendExpiryKey(v[:0], req.key, req.record.expires)
	w.purger.note(req.key.Scope, w.buffer)
	return batch.Set(w.buffer, nil, nil)
}

// drop deletes a live record and its expiry.
func (w *writer) drop(key dedup.Key) (bool, error) {
	k := appendRecordKey(nil, key)
	var r record
	found, err := w.engine.get(k, func(value []byte) (err error) {
		r, err = parseRecord(value)
		return err
	})
	if err != nil || !found || !r.live(time.Now()) {
		return false, err
	}
	w.dropping.Store(&dropped{key, r})
	defer w.dropping.Store(nil)
	err = w.write(-1, pebble.Sync, func(batch *pebble.Batch) error {
		if err := batch.Delete(k, nil); err != nil {
			return err
		}
		return batch.Delete(appendExpiryKey(nil, key, r.expires), nil)
	})
	return err == nil, err
}

// write fills a batch, adds the new count to it, and applies it.
func (w *writer) write(growth int64, durability *pebble.WriteOptions, fill func(*pebble.Batch) error) error {
	if err := w.engine.usable(); err != nil {
		return err
	}
	batch := w.engine.db.NewBatch()
	defer batch.Close()
	if err := fill(batch); err != nil {
		return fmt.Errorf("filling batch: %w", err)
	}
	count := w.count.Load() + growth
	err := errors.Join(setNumber(batch, countKey, count), setNumber(batch, writesKey, w.writes+1))
	if err != nil {
		return fmt.Errorf("filling batch: %w", err)
	}
	if err := batch.Commit(durability); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	w.count.Store(count)
	w.writes++
	if durability.Sync {
		w.progress.note(w.mark())
	}
	return nil
}

func setNumber(batch *pebble.Batch, key []byte, n int64) error {
	return batch.Set(key, binary.BigEndian.AppendUint64(nil, uint64(n)), nil)
}

// keepLog writes what is only in the log and in memory into tables when another program has removed the log or cut it
// short. Where the whole directory was removed there is no place to write to: the space tells, until it is put back.
func (w *writer) keepLog() {
	name, lost := w.engine.guard.lostLog()
	if !lost || w.engine.usable() != nil {
		return
	}
	w.engine.log.error("deduplication store: another program removed or cut its log; writing the records anew, keep it from doing so",
		errors.New(name))
	if _, err := w.engine.db.AsyncFlush(); err != nil {
		w.engine.log.error("deduplication store: writing the records anew failed", err)
	}
}
