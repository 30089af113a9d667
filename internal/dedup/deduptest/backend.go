// Package deduptest is the behaviour set that every deduplication store passes, under the race detector:
//
//   - examples of every transition, one check each;
//   - a state machine of random calls held against a model of a few lines (pgregory.net/rapid);
//   - histories of concurrent calls, checked for linearizability against the same model (porcupine).
//
// The set's own tests show that it rejects stores with the mistakes that real ones have made.
package deduptest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// Backend tells the set how to handle one kind of store.
type Backend struct {
	// Open returns a store, closed by the test's cleanup. Stores of one backend may share what they store: every
	// check works in a scope of its own. Required.
	Open func(tb testing.TB) dedup.Store
	// Virtual tells that the store takes the time from package time alone, blocks on nothing but channels and locks
	// for longer than a moment, and leaves no goroutine behind after Close: the checks then run in a bubble of
	// testing/synctest, where time costs nothing. Default: real time.
	Virtual bool
	// Sleep lets d pass for the store. Default: time.Sleep.
	Sleep func(d time.Duration)
	// Unit is the step of time that the checks count in: leases and times-to-live are multiples of it and a half. It
	// must be well above twice the store's slowest answer. Default: one second when Virtual, else 100 ms.
	Unit time.Duration
}

func (b Backend) withDefaults() Backend {
	if b.Sleep == nil {
		b.Sleep = time.Sleep
	}
	if b.Unit == 0 {
		b.Unit = 100 * time.Millisecond
		if b.Virtual {
			b.Unit = time.Second
		}
	}
	return b
}

// Run runs the whole set against the backend.
func Run(t *testing.T, backend Backend) {
	b := backend.withDefaults()
	for name, check := range checks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check.run(t, b, func(t *testing.T) testing.TB { return t })
		})
	}
}

// checks is the set, by name.
func checks() map[string]check {
	all := map[string]check{
		"state machine":   {body: checkStateMachine},
		"linearizability": {body: checkLinearizability, realTime: true},
	}
	for name, body := range examples {
		all[name] = check{body: body}
	}
	return all
}

// check is one member of the set.
type check struct {
	body     func(*subject)
	realTime bool // never in a bubble: it needs goroutines that truly run at once
}

// run runs the check, which reports to what report makes of the test that it runs in.
func (c check) run(t *testing.T, b Backend, report func(*testing.T) testing.TB) {
	body := func(t *testing.T) { c.body(newSubject(t, b, report(t))) }
	if b.Virtual && !c.realTime {
		synctest.Test(t, body)
		return
	}
	body(t)
}

// subject is one store under one check.
type subject struct {
	testing.TB
	dedup.Store
	scope string
	clock
}

// clock lets units of time pass. It counts from its start, so that the time which the calls take does not add up.
type clock struct {
	backend Backend
	start   time.Time
	now     int
}

func (c *clock) pass(units int) {
	c.now += units
	c.backend.Sleep(time.Until(c.start.Add(time.Duration(c.now) * c.backend.Unit)))
}

var scopes atomic.Int64

func newSubject(t *testing.T, b Backend, tb testing.TB) *subject {
	return &subject{TB: tb, Store: b.Open(t), scope: newScope(), clock: newClock(b)}
}

func newClock(b Backend) clock { return clock{backend: b, start: time.Now()} }

func newScope() string { return fmt.Sprintf("scope-%d", scopes.Add(1)) }

func (s *subject) key(id string) dedup.Key { return dedup.Key{Scope: s.scope, ID: id} }

// units is a duration of n units and a half, so that nothing ever expires at the moment of a call.
func (s *subject) units(n int) time.Duration {
	return time.Duration(n)*s.backend.Unit + s.backend.Unit/2
}

// long is a duration that no check outlasts.
const long = time.Hour

// outcome is a commit's argument that equals itself after any store has rounded it.
func outcome(status int) dedup.Outcome {
	return dedup.Outcome{Status: status, At: time.UnixMilli(1_790_000_000_123)}
}

func ctx(tb testing.TB) context.Context { return tb.Context() }
