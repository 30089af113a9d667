package memory

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// records is the table of done records. One lock guards it: every operation under it takes a fraction of a
// microsecond, so that it serves more commits than a machine can receive deliveries.
//
// A record takes a slot of 64 bytes, linked into four orders by slot number rather than by pointer: its hash chain, its
// scope's list from the oldest commit to the newest, and the heap of expiry times; free slots form a list as well.
type records struct {
	base time.Time // the zero of record.expires
	seed maphash.Seed

	mu      sync.Mutex
	limit   int
	index   map[uint64]slot // the first record with a hash
	chunks  []*[chunkSize]record
	free    slot
	heap    []slot // ordered by expiry, the first to expire at the root
	scopes  scopes
	evicted int64
	sweep   *time.Timer // set while a sweep is scheduled
}

// slot numbers a record, counting from 1; 0 is none.
type slot uint32

const (
	chunkSize  = 1024 // slots are allocated so many at a time and never moved: growth copies nothing
	maxRecords = math.MaxUint32 / 2
)

// record is a done record in its slot.
type record struct {
	id           string
	owner        uint64        // the first half of the token: enough to know a commit made again
	at           int64         // milliseconds since 1970
	expires      time.Duration // since records.base, on the monotonic clock
	newer, older slot          // neighbours of the same scope
	chain        slot          // next record with the same hash, or next free slot
	rank         uint32        // place in the heap
	scope        uint32        // number of the scope
	status       uint16
}

func newRecords(limit int) *records {
	r := &records{base: time.Now(), seed: maphash.MakeSeed(), limit: limit}
	r.reset()
	return r
}

func (r *records) reset() {
	r.index = make(map[uint64]slot)
	r.chunks, r.heap, r.free = nil, nil, 0
	r.scopes = newScopes()
}

// find is the Done function of [dedup.ClaimsOptions].
func (r *records) find(key dedup.Key) (dedup.Record, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.lookup(key)
	if n == 0 || r.at(n).expires <= r.now() {
		return dedup.Record{}, false, nil
	}
	return r.export(n), true, nil
}

// madeBy is the Made function of [dedup.ClaimsOptions].
func (r *records) madeBy(key dedup.Key, owner dedup.Owner) (made, found bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.lookup(key)
	if n == 0 || r.at(n).expires <= r.now() {
		return false, false, nil
	}
	return r.at(n).owner == fingerprint(owner), true, nil
}

// put stores the outcome for ttl in the place of whatever is known of the key.
func (r *records) put(key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if n := r.lookup(key); n != 0 {
		r.remove(n)
	}
	r.evict(now, r.limit-1, 2)
	r.insert(key, record{
		id:      strings.Clone(key.ID), // the caller's may be a slice of a whole body
		owner:   fingerprint(owner),
		at:      outcome.At.UnixMilli(),
		expires: now + ttl,
		status:  uint16(outcome.Status),
	})
	r.schedule(now)
}

// forget drops the key's record and reports whether it was live.
func (r *records) forget(key dedup.Key) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.lookup(key)
	if n == 0 {
		return false
	}
	live := r.at(n).expires > r.now()
	r.remove(n)
	return live
}

func (r *records) stats() (done, evicted int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return int64(len(r.heap)), r.evicted
}

func (r *records) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reset()
	if r.sweep != nil {
		r.sweep.Stop()
	}
}

func (r *records) lookup(key dedup.Key) slot {
	for n := r.index[r.hash(key.ID)]; n != 0; n = r.at(n).chain {
		if rec := r.at(n); rec.id == key.ID && r.scopes.name(rec.scope) == key.Scope {
			return n
		}
	}
	return 0
}

func (r *records) insert(key dedup.Key, rec record) {
	n := r.allocate()
	hash := r.hash(rec.id)
	rec.chain = r.index[hash]
	rec.scope = r.scopes.enter(key.Scope)
	*r.at(n) = rec
	r.index[hash] = n
	r.linkNewest(n)
	r.push(n)
}

func (r *records) remove(n slot) {
	rec := r.at(n)
	r.unchain(n)
	r.unlink(n)
	r.cut(n)
	r.scopes.leave(rec.scope)
	*rec = record{chain: r.free}
	r.free = n
}

func (r *records) unchain(n slot) {
	hash, next := r.hash(r.at(n).id), r.at(n).chain
	switch first := r.index[hash]; {
	case first != n:
		for r.at(first).chain != n {
			first = r.at(first).chain
		}
		r.at(first).chain = next
	case next != 0:
		r.index[hash] = next
	default:
		delete(r.index, hash)
	}
}

func (r *records) allocate() slot {
	if r.free == 0 {
		first := slot(len(r.chunks)*chunkSize + 1)
		r.chunks = append(r.chunks, new([chunkSize]record))
		for n := first + chunkSize - 1; n >= first; n-- {
			r.at(n).chain, r.free = r.free, n
		}
	}
	n := r.free
	r.free = r.at(n).chain
	return n
}

func (r *records) at(n slot) *record { return &r.chunks[(n-1)/chunkSize][(n-1)%chunkSize] }

func (r *records) now() time.Duration { return time.Since(r.base) }

// hash leaves the scope out: the same id in two scopes is rare, and the chain tells them apart.
func (r *records) hash(id string) uint64 { return maphash.String(r.seed, id) }

func (r *records) export(n slot) dedup.Record {
	rec := r.at(n)
	return dedup.Record{
		Key:     dedup.Key{Scope: r.scopes.name(rec.scope), ID: rec.id},
		State:   dedup.Done,
		Outcome: dedup.Outcome{Status: int(rec.status), At: time.UnixMilli(rec.at)},
		Expires: r.base.Add(rec.expires),
	}
}

func fingerprint(owner dedup.Owner) uint64 { return binary.LittleEndian.Uint64(owner[:8]) }
