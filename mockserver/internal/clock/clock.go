// Package clock is the mock platform's own time: the time by which it schedules retries and lets tools time out.
//
// The clock runs with the machine's, runs faster or slower by a factor, or stands still until it is told to advance.
// Advancing fires what becomes due in the order in which it is due, and waits after each moment until the work that
// it started has come to rest, so that whatever follows from a day of retries has happened when the call returns.
package clock

import (
	"container/heap"
	"context"
	"math"
	"sync"
	"time"
)

// End is where every clock stands still. A pause of any length that begins before it ends at a moment that can be written
// as JSON, which has four digits for a year.
var End = time.Date(9000, time.January, 1, 0, 0, 0, 0, time.UTC)

// Clock is virtual time with timers. Make one with [New]. Its methods are safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	scale  float64
	base   time.Time // virtual time at origin
	origin time.Time // machine time at which base was true
	timers timerHeap
	serial uint64
	busy   int           // pieces of work under way, see Begin
	idle   chan struct{} // closed when busy falls to 0; nil while nobody waits
	wake   chan struct{} // tells the runner that the earliest timer changed
	done   chan struct{}

	advancing sync.Mutex // one Advance at a time
}

// Options say how a clock runs.
type Options struct {
	// Scale is how many virtual seconds pass in a real one. 0 stands still: time moves by Advance alone. Negative
	// values count as 0.
	Scale float64
	// Start is the virtual time at which the clock begins. Default: the machine's time.
	Start time.Time
}

// New returns a running clock. Stop ends it.
func New(o Options) *Clock {
	now := time.Now()
	if o.Start.IsZero() {
		o.Start = now
	}
	c := &Clock{
		scale:  max(o.Scale, 0),
		base:   o.Start.Round(0),
		origin: now,
		wake:   make(chan struct{}, 1),
		done:   make(chan struct{}),
	}
	if c.scale > 0 {
		go c.run()
	}
	return c
}

// Manual reports whether time moves by Advance alone.
func (c *Clock) Manual() bool { return c.scale == 0 }

// Scale returns how many virtual seconds pass in a real one; 0 on a manual clock.
func (c *Clock) Scale() float64 { return c.scale }

// Now returns the virtual time, at most [End].
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	if c.scale == 0 {
		return c.base
	}
	whole, part := math.Modf(time.Since(c.origin).Seconds() * c.scale) // may be more than a time.Duration holds
	whole = min(whole, 1e12)                                           // far beyond the end
	now := time.Unix(c.base.Unix()+int64(whole), int64(c.base.Nanosecond())+int64(part*1e9))
	return earlier(now.In(c.base.Location()), End)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Stop ends the clock: no timer fires any more. A second Stop does nothing.
func (c *Clock) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.done:
	default:
		close(c.done)
	}
}

// Begin notes a piece of work that Advance must wait for. Every Begin is followed by one End.
func (c *Clock) Begin() {
	c.mu.Lock()
	c.busy++
	c.mu.Unlock()
}

// End notes that a piece of work has come to rest.
func (c *Clock) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy--
	if c.busy == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// Idle waits until no work is under way, or ctx is done, whose error it returns.
func (c *Clock) Idle(ctx context.Context) error {
	for {
		c.mu.Lock()
		if c.busy == 0 {
			c.mu.Unlock()
			return nil
		}
		if c.idle == nil {
			c.idle = make(chan struct{})
		}
		idle := c.idle
		c.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Advance moves the time forward by d, firing what becomes due on the way. It returns when everything that followed
// has come to rest, or with the error of ctx, the time then standing wherever it had come to. A negative d counts as 0, and
// the time goes no further than [End].
func (c *Clock) Advance(ctx context.Context, d time.Duration) error {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	target := earlier(c.Now().Add(max(d, 0)), End)
	for {
		if err := c.Idle(ctx); err != nil {
			return err
		}
		due := c.moveTo(target)
		if len(due) == 0 {
			return nil
		}
		c.fire(due)
	}
}

// moveTo moves to the earliest timer that is due by target and takes off every timer of that moment, or moves to
// target when none is due.
func (c *Clock) moveTo(target time.Time) []*Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	moment := target
	if len(c.timers) > 0 && c.timers[0].at.Before(target) {
		moment = c.timers[0].at
	}
	if moment.After(c.now()) {
		c.base, c.origin = moment, time.Now()
	}
	return c.takeDue(moment)
}

// takeDue removes the timers that are due at a moment and counts them as work.
func (c *Clock) takeDue(moment time.Time) []*Timer {
	var due []*Timer
	for len(c.timers) > 0 && !c.timers[0].at.After(moment) {
		due = append(due, heap.Pop(&c.timers).(*Timer))
		c.busy++
	}
	return due
}

// fire runs timers in order. Each was counted as work when it was taken.
func (c *Clock) fire(due []*Timer) {
	for _, t := range due {
		t.f()
		c.End()
	}
}
