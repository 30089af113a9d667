package mutants

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// attemptTimeout is how long the sender waits for an answer.
const attemptTimeout = 2 * time.Second

// delivery is one event on its way to one webhook.
type delivery struct {
	agent     *agent
	id, kind  string
	createdAt time.Time
	data      map[string]any
	body      []byte
	// attempts counts those that were made; due is when the next one is, on the retry clock.
	attempts int
	due      time.Time
	// signed is the time of the first signature; only a faulty sender keeps it.
	signed time.Time
}

// engine makes attempts. First attempts start at once; later ones when the retry clock is moved to where they are due,
// which nothing but advance does.
type engine struct {
	platform *platform
	client   *http.Client
	jitter   *rand.Rand
	stop     context.Context

	// moving is held while the clock moves, so that two movements do not mix.
	moving sync.Mutex

	mu      sync.Mutex
	clock   time.Time
	waiting []*delivery
	// flying counts attempts under way, and idle is told when there are none.
	flying int
	idle   *sync.Cond
}

// newEngine returns an engine that stops when the test ends.
func newEngine(tb testing.TB, p *platform) *engine {
	stop, cancel := context.WithCancel(context.Background())
	e := &engine{
		platform: p, clock: time.Now(), stop: stop, jitter: rand.New(rand.NewPCG(1, 2)),
		client: &http.Client{Timeout: attemptTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	e.idle = sync.NewCond(&e.mu)
	if p.fault != redirectFollowed {
		e.client.CheckRedirect = passRedirect
	}
	tb.Cleanup(func() {
		cancel()
		e.settle()
	})
	return e
}

// now returns the time of the retry clock.
func (e *engine) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clock
}

// start makes the first attempt of a delivery, without waiting for it.
func (e *engine) start(d *delivery) {
	e.mu.Lock()
	e.flying++
	e.mu.Unlock()
	go func() {
		e.attempt(d)
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.flying--; e.flying == 0 {
			e.idle.Broadcast()
		}
	}()
}

// settle waits until no attempt is under way.
func (e *engine) settle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.flying > 0 {
		e.idle.Wait()
	}
}

// advance moves the clock forward, from one due attempt to the next, and returns when all of them have ended.
func (e *engine) advance(by time.Duration) {
	e.moving.Lock()
	defer e.moving.Unlock()
	e.settle()
	until := e.now().Add(by)
	for {
		due := e.next(until)
		if len(due) == 0 {
			return
		}
		for _, d := range due {
			e.start(d)
		}
		e.settle()
	}
}

// next moves the clock to the earliest due attempt until then and takes everything that is due there; without any it
// moves the clock to the end.
func (e *engine) next(until time.Time) (due []*delivery) {
	e.mu.Lock()
	defer e.mu.Unlock()
	earliest := until
	for _, d := range e.waiting {
		if d.due.Before(earliest) {
			earliest = d.due
		}
	}
	var later []*delivery
	for _, d := range e.waiting {
		if d.due.After(earliest) {
			later = append(later, d)
		} else {
			due = append(due, d)
		}
	}
	e.waiting = later
	if earliest.After(e.clock) {
		e.clock = earliest
	}
	return due
}

// attempt makes one attempt and decides what comes after it.
func (e *engine) attempt(d *delivery) {
	p := e.platform
	p.mu.Lock()
	hook := d.agent.hook
	p.mu.Unlock()
	if hook == nil {
		return // the webhook was removed: there is nowhere to deliver to
	}
	if d.attempts++; d.attempts > 1 {
		p.renew(d)
	}
	answer, err := e.send(hook, d)
	switch {
	case e.stop.Err() != nil:
	case err == nil && e.succeeded(answer.status):
	case !e.retries(answer.status, err), d.attempts >= len(contract.Dari().Delivery.Schedule) && p.fault != neverGivesUp:
		e.giveUp(d)
	default:
		e.schedule(d, answer.retryAfter)
	}
}

// succeeded reports whether a status ends a delivery well (clause DLV-003).
func (e *engine) succeeded(status int) bool {
	switch e.platform.fault {
	case retriedAfterSuccess:
		return false
	case only200Succeeds:
		return status == http.StatusOK
	case redirectSucceeds:
		return status/100 == 2 || status/100 == 3
	}
	return status/100 == 2
}

// giveUp records that a delivery has failed for good (clause DLV-007).
func (e *engine) giveUp(d *delivery) {
	p := e.platform
	session, _ := d.data["session_id"].(string)
	if session == "" || p.fault == failureUnrecorded {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.record(session, nil, "webhook.delivery_failed", map[string]any{"event_id": d.id, "attempts": d.attempts})
}

// schedule puts a delivery off to its next attempt: after the pause of the schedule, more or less a tenth, or after
// what the receiver asked for if that is longer (clauses DLV-004 and DLV-005).
func (e *engine) schedule(d *delivery, retryAfter time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pause := e.pause(d.attempts)
	pause += time.Duration((e.jitter.Float64() - 0.5) / 5 * float64(pause))
	if e.platform.fault != retryAfterIgnored {
		pause = max(pause, retryAfter)
	}
	d.due = e.clock.Add(pause)
	e.waiting = append(e.waiting, d)
}

// pause is how long to wait after so many attempts.
func (e *engine) pause(attempts int) time.Duration {
	schedule := contract.Dari().Delivery.Schedule
	attempts = min(attempts, len(schedule)-1)
	switch e.platform.fault {
	case constantPause:
		return time.Minute
	case shrinkingPause:
		return schedule[len(schedule)-attempts]
	}
	return schedule[attempts]
}

// answer is what matters of a receiver's answer.
type answer struct {
	status     int
	retryAfter time.Duration
}

// readAnswer takes what matters from an answer. Retry-After counts on 429 and 503 only, and in seconds only.
func readAnswer(r *http.Response) answer {
	a := answer{status: r.StatusCode}
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err == nil && seconds > 0 && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) {
		a.retryAfter = min(time.Duration(seconds)*time.Second, 24*time.Hour)
	}
	return a
}
