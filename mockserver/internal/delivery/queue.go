package delivery

import (
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
)

// job is one attempt to be made. Its delivery counts it as open until it has ended.
type job struct {
	entry  *entry
	epoch  uint64
	number int
	hits   []faults.Fault
	timing faults.Timing
	// extra marks a copy or a resend: it does not move the schedule.
	extra bool
	// sequel is how many copies follow when this attempt has ended.
	sequel int
	// url that the attempt went to.
	url string
	// release ends the holding back of a reordered attempt.
	release *clock.Timer
}

// endpoint is the queue of one endpoint.
type endpoint struct {
	queue   []*job
	held    []*job // held back by the fault reorder
	running int
	inRing  bool
}

// abandon empties the queue.
func (ep *endpoint) abandon(c *clock.Clock) {
	for range ep.queue {
		c.End()
	}
	for _, j := range ep.held {
		j.release.Stop()
	}
	ep.queue, ep.held = nil, nil
}

// job numbers the next attempt of a delivery.
func (e *Engine) job(entry *entry, hits []faults.Fault, extra bool) *job {
	entry.started++
	return &job{entry: entry, epoch: e.epoch, number: entry.started, hits: hits, extra: extra}
}

// endpointOf returns the queue that a delivery belongs in.
func (e *Engine) endpointOf(entry *entry) *endpoint {
	key := entry.provider + "/" + entry.endpoint
	ep := e.endpoints[key]
	if ep == nil {
		ep = &endpoint{}
		e.endpoints[key] = ep
	}
	return ep
}

// due makes the job of a delivery's next scheduled attempt, lets the faults strike it, and places it.
func (e *Engine) due(entry *entry) {
	j := e.job(entry, nil, false)
	j.hits = e.o.Faults.Strike(faults.Attempt{
		AgentID: entry.AgentID, EventType: entry.Type, Ordinal: entry.ordinal, Number: j.number,
	}, entry.own)
	j.timing = faults.Schedule(j.hits)
	if j.timing.Delay > 0 {
		e.at(entry, e.o.Clock.Now().Add(j.timing.Delay), func() { e.place(j) })
		return
	}
	e.place(j)
}

// place puts a job into its queue with the copies that go beside it, or holds it back.
func (e *Engine) place(j *job) {
	if j.timing.Reorder > 0 {
		e.hold(j)
		return
	}
	e.ready(j)
	for range j.timing.Concurrent {
		j.entry.open++
		e.ready(e.job(j.entry, j.hits, true))
	}
}

// hold keeps a job until an attempt of a later delivery to the endpoint has ended, or its time is over.
func (e *Engine) hold(j *job) {
	ep := e.endpointOf(j.entry)
	j.release = e.o.Clock.AfterFunc(j.timing.Reorder, e.locked(j.epoch, func() {
		e.unhold(ep, func(held *job) bool { return held == j })
	}))
	ep.held = append(ep.held, j)
}

// unhold lets those held jobs of an endpoint go that match.
func (e *Engine) unhold(ep *endpoint, match func(*job) bool) {
	kept := ep.held[:0]
	for _, j := range ep.held {
		if !match(j) {
			kept = append(kept, j)
			continue
		}
		j.release.Stop()
		j.timing.Reorder = 0
		e.place(j)
	}
	clear(ep.held[len(kept):])
	ep.held = kept
}

// ready queues a job and sees that a worker comes for it.
func (e *Engine) ready(j *job) {
	e.o.Clock.Begin()
	ep := e.endpointOf(j.entry)
	ep.queue = append(ep.queue, j)
	e.offer(ep)
}

// offer puts an endpoint into the ring when it has work and room, and starts a worker if there is room for one.
func (e *Engine) offer(ep *endpoint) {
	if !ep.inRing && len(ep.queue) > 0 && ep.running < e.o.PerEndpoint {
		ep.inRing = true
		e.ring = append(e.ring, ep)
	}
	if len(e.ring) > 0 && e.running < e.o.Workers && !e.stopped {
		e.running++
		go e.work()
	}
}

// next takes the next job in turn; nil when there is none, in which case the worker is counted off.
func (e *Engine) next() (*job, *endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ring) == 0 || e.stopped {
		e.running--
		if e.stopped && e.running == 0 {
			close(e.idle)
		}
		return nil, nil
	}
	ep := e.ring[0]
	e.ring = e.ring[1:]
	ep.inRing = false
	j := ep.queue[0]
	ep.queue[0] = nil
	ep.queue = ep.queue[1:]
	ep.running++
	e.offer(ep)
	return j, ep
}

// work attempts jobs until there are none.
func (e *Engine) work() {
	for {
		j, ep := e.next()
		if j == nil {
			return
		}
		attempt, fatal := e.attempt(j)
		ended := e.finish(j, ep, attempt, fatal)
		e.tell(j.entry, ended)
		e.o.Clock.End()
	}
}

// tell passes on that a delivery has ended, if it has. The engine's lock is not held, since the platform has its own.
func (e *Engine) tell(entry *entry, ended *client.Delivery) {
	if ended != nil && e.o.Ended != nil {
		e.o.Ended(End{entry.provider, entry.endpoint, *ended, entry.body})
	}
}

// tellLater does so for a caller who holds the lock.
func (e *Engine) tellLater(entry *entry, ended *client.Delivery) {
	e.o.Clock.Begin()
	go func() {
		defer e.o.Clock.End()
		e.tell(entry, ended)
	}()
}

// locked returns a call for the clock that runs f under the engine's lock, unless the engine was reset or stopped.
func (e *Engine) locked(epoch uint64, f func()) func() {
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.epoch == epoch && !e.stopped {
			f()
		}
	}
}

// finish records an attempt and decides what follows. It returns the delivery when it has ended.
func (e *Engine) finish(j *job, ep *endpoint, a client.Attempt, fatal bool) *client.Delivery {
	e.mu.Lock()
	defer e.mu.Unlock()
	ep.running--
	if j.epoch != e.epoch {
		return nil
	}
	if e.stopped && e.base.Err() != nil {
		return nil // cut off by Stop: the attempt does not count
	}
	entry := j.entry
	if j.url != "" {
		entry.URL = j.url
	}
	entry.record(a)
	e.follow(j, a, fatal)
	e.offer(ep)
	e.unhold(ep, func(held *job) bool { return held.entry.ordinal < entry.ordinal })
	return e.settle(entry)
}

// follow schedules what an ended attempt leads to: copies, a retry, or nothing.
func (e *Engine) follow(j *job, a client.Attempt, fatal bool) {
	entry, ok := j.entry, a.Succeeded()
	entry.open--
	if ok {
		entry.Status = client.Succeeded
		if entry.unschedule() {
			entry.open--
		}
		j.sequel += j.timing.AfterSuccess
	}
	if j.sequel += j.timing.Sequential; j.sequel > 0 {
		entry.open++
		next := e.job(entry, j.hits, true)
		next.sequel = j.sequel - 1
		e.ready(next)
	}
	if !j.extra {
		entry.tries++
	}
	if !ok && !fatal && !j.extra && entry.Status == client.Pending && entry.tries < len(e.o.Schedule) {
		e.after(entry, e.retryPause(entry, a.Response))
	}
}

// settle ends a delivery that has no attempt left.
func (e *Engine) settle(entry *entry) (ended *client.Delivery) {
	if entry.open == 0 {
		if entry.Status == client.Pending {
			entry.Status = client.Failed
		}
		e.book.end(entry)
		d := entry.snapshot()
		ended = &d
	}
	e.contain(entry)
	e.changed(entry)
	return ended
}

// record keeps an attempt, in the order of the numbers, and forgets the oldest of very many.
func (e *entry) record(a client.Attempt) {
	i := len(e.Attempts)
	for i > 0 && e.Attempts[i-1].Number > a.Number {
		i--
	}
	e.Attempts = append(e.Attempts, client.Attempt{})
	copy(e.Attempts[i+1:], e.Attempts[i:])
	e.Attempts[i] = a
	if len(e.Attempts) > maxAttempts {
		e.forget(1)
	}
}
