package mutants

import (
	"context"
	"encoding/json"
	"io"
	"math"
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

// delivery is one event on its way to one recipient.
type delivery struct {
	to       recipient
	id, kind string
	body     []byte
	// attempts counts those that were made; due is when the next one is, on the retry clock.
	attempts int
	due      time.Time
	// signed is the time of the first signature; only a faulty sender keeps it.
	signed time.Time
}

// recipient is whom a delivery is for, and who hears what becomes of it.
type recipient interface {
	// destination is where the delivery goes now, and ok is false when there is nowhere any more.
	destination(now time.Time) (d destination, ok bool)
	// renew prepares an attempt after the first.
	renew()
	// attempted hears how an attempt ended. The answer is zero where there was none.
	attempted(a answer, s state)
}

// destination is where a delivery goes, and what signs it.
type destination struct {
	method, url string
	secrets     []string
}

// state is what an attempt has made of its delivery.
type state int

const (
	succeeded state = iota
	pending
	failed
)

// engine makes attempts. First attempts start at once; later ones when the retry clock is moved to where they are due,
// which nothing but advance does.
type engine struct {
	fault    fault
	provider contract.Provider
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

// newEngine returns an engine that delivers as a provider does, and stops when the test ends.
func newEngine(tb testing.TB, f fault, p contract.Provider) *engine {
	stop, cancel := context.WithCancel(context.Background())
	e := &engine{
		fault: f, provider: p, clock: time.Now(), stop: stop, jitter: rand.New(rand.NewPCG(1, 2)),
		client: &http.Client{Timeout: attemptTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	e.idle = sync.NewCond(&e.mu)
	if f != redirectFollowed {
		e.client.CheckRedirect = passRedirect
	}
	if f == impatient {
		e.client.Timeout = attemptTimeout / 4
	}
	tb.Cleanup(func() {
		cancel()
		e.settle()
	})
	return e
}

// serveAdvance moves the retry clock.
func (e *engine) serveAdvance(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		Duration string `json:"duration"`
	}
	_ = json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&wanted) // the duration is then empty and refused
	d, err := time.ParseDuration(wanted.Duration)
	if err != nil || d < 0 {
		http.Error(w, "duration must be like 90s or 1h", http.StatusUnprocessableEntity)
		return
	}
	e.advance(d)
	writeJSON(w, http.StatusOK, map[string]any{"now": e.now()})
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
	to, ok := d.to.destination(e.now())
	if !ok {
		return
	}
	if d.attempts++; d.attempts > 1 {
		d.to.renew()
	}
	a, err := e.send(to, d)
	switch {
	case e.stop.Err() != nil:
	case err == nil && e.succeeded(a.status):
		d.to.attempted(a, succeeded)
	case !e.retries(a.status, err), d.attempts >= e.attempts():
		d.to.attempted(a, failed)
	default:
		d.to.attempted(a, pending)
		e.schedule(d, a.retryAfter)
	}
}

// attempts is how often a delivery is attempted.
func (e *engine) attempts() int {
	switch e.fault {
	case neverGivesUp:
		return math.MaxInt
	case oneAttemptMore:
		return len(e.pauses()) + 1
	}
	return len(e.pauses())
}

// pauses is the provider's schedule, or a short one where that is not known.
func (e *engine) pauses() []time.Duration {
	if known := e.provider.Delivery.Schedule; len(known) > 0 {
		return known
	}
	return []time.Duration{0, time.Minute, time.Hour}
}

// succeeded reports whether a status ends a delivery well (clause DLV-003).
func (e *engine) succeeded(status int) bool {
	switch e.fault {
	case retriedAfterSuccess:
		return false
	case only200Succeeds:
		return status == http.StatusOK
	case redirectSucceeds:
		return status/100 == 2 || status/100 == 3
	}
	return status/100 == 2
}

// schedule puts a delivery off to its next attempt: after the pause of the schedule, more or less a tenth, or after
// what the receiver asked for if that is longer (clauses DLV-004 and DLV-005).
func (e *engine) schedule(d *delivery, retryAfter time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	pause := e.pause(d.attempts)
	pause += time.Duration((e.jitter.Float64() - 0.5) / 5 * float64(pause))
	if e.fault != retryAfterIgnored {
		pause = max(pause, retryAfter)
	}
	d.due = e.clock.Add(pause)
	e.waiting = append(e.waiting, d)
}

// pause is how long to wait after so many attempts.
func (e *engine) pause(attempts int) time.Duration {
	schedule := e.pauses()
	if attempts >= len(schedule) {
		return time.Hour // no correct sender comes so far
	}
	switch e.fault {
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
	body       string
}

// readAnswer takes what matters from an answer. Retry-After counts on 429 and 503 only, and in seconds only.
func readAnswer(r *http.Response) answer {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16)) // what could be read is recorded
	a := answer{status: r.StatusCode, body: string(body)}
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err == nil && seconds > 0 && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable) {
		a.retryAfter = min(time.Duration(seconds)*time.Second, 24*time.Hour)
	}
	return a
}
