package memory

import "time"

const (
	// sweepEvery is the shortest time between two sweeps, so that a busy store sweeps in batches.
	sweepEvery = time.Second
	// sweepBatch is how many records are dropped under one hold of the lock: well under a millisecond.
	sweepBatch = 256
)

// evict drops up to batch records: those that have expired, then those over keep that expire first. It reports
// whether it stopped for the batch's sake.
func (r *records) evict(now time.Duration, keep, batch int) (more bool) {
	for range batch {
		if len(r.heap) == 0 {
			return false
		}
		first := r.heap[0]
		expired := r.at(first).expires <= now
		if !expired && len(r.heap) <= keep {
			return false
		}
		if !expired {
			r.evicted++
		}
		r.remove(first)
	}
	return true
}

// resize changes the bound and evicts what is over it.
func (r *records) resize(limit int) {
	r.mu.Lock()
	r.limit = limit
	r.mu.Unlock()
	r.evictAll()
}

// evictAll drops whatever has expired or is over the bound, letting others in between the batches.
func (r *records) evictAll() {
	for more := true; more; {
		r.mu.Lock()
		more = r.evict(r.now(), r.limit, sweepBatch)
		r.mu.Unlock()
	}
}

// schedule sees to it that a sweep comes when the first record expires. An empty table schedules nothing. The table is
// locked.
func (r *records) schedule(now time.Duration) {
	if r.sweep != nil || len(r.heap) == 0 {
		return
	}
	wait := max(sweepEvery, r.at(r.heap[0]).expires-now)
	r.sweep = time.AfterFunc(min(wait, time.Minute), r.sweepAndReschedule)
}

func (r *records) sweepAndReschedule() {
	r.evictAll()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep = nil
	r.schedule(r.now())
}

// The heap is written out rather than left to container/heap, since a record must know its rank to be cut out of the
// middle, and an interface call for every comparison would be most of the cost.

func (r *records) push(n slot) {
	r.heap = append(r.heap, n)
	r.place(n, len(r.heap)-1)
	r.up(len(r.heap) - 1)
}

// cut takes a record out of the heap.
func (r *records) cut(n slot) {
	hole, last := int(r.at(n).rank), len(r.heap)-1
	moved := r.heap[last]
	r.heap = r.heap[:last]
	if hole == last {
		return
	}
	r.place(moved, hole)
	r.up(hole)
	r.down(hole)
}

func (r *records) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !r.sooner(i, parent) {
			return
		}
		r.swap(i, parent)
		i = parent
	}
}

func (r *records) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(r.heap) {
			return
		}
		if right := child + 1; right < len(r.heap) && r.sooner(right, child) {
			child = right
		}
		if !r.sooner(child, i) {
			return
		}
		r.swap(i, child)
		i = child
	}
}

func (r *records) sooner(i, j int) bool { return r.at(r.heap[i]).expires < r.at(r.heap[j]).expires }

func (r *records) swap(i, j int) {
	a, b := r.heap[i], r.heap[j]
	r.place(a, j)
	r.place(b, i)
}

func (r *records) place(n slot, i int) {
	r.heap[i] = n
	r.at(n).rank = uint32(i)
}
