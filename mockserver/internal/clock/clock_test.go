package clock_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/mockserver/internal/clock"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func manual(t *testing.T) *clock.Clock {
	t.Helper()
	c := clock.New(clock.Options{Start: start})
	t.Cleanup(c.Stop)
	return c
}

func advance(t *testing.T, c *clock.Clock, d time.Duration) {
	t.Helper()
	if err := c.Advance(t.Context(), d); err != nil {
		t.Fatalf("advancing by %v: %v", d, err)
	}
}

func TestAdvanceFiresInOrder(t *testing.T) {
	t.Parallel()
	c := manual(t)
	var fired []string
	note := func(name string) func() {
		return func() { fired = append(fired, name+" at "+c.Now().Sub(start).String()) }
	}
	c.AfterFunc(3*time.Second, note("third"))
	c.AfterFunc(time.Second, note("first"))
	c.AfterFunc(time.Second, note("second"))
	c.AfterFunc(time.Minute, note("never"))
	stopped := c.AfterFunc(2*time.Second, note("stopped"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop tells wrongly whether the timer was pending")
	}
	advance(t, c, 10*time.Second)
	want := []string{"first at 1s", "second at 1s", "third at 3s"}
	if !slices.Equal(fired, want) {
		t.Errorf("fired %q, want %q", fired, want)
	}
	if got := c.Now().Sub(start); got != 10*time.Second {
		t.Errorf("the clock stands at %v, want 10s", got)
	}
}

// A timer set by a timer counts from the moment of the first, not from the end of the advance.
func TestAdvanceChains(t *testing.T) {
	t.Parallel()
	c := manual(t)
	var at []time.Duration
	var again func()
	again = func() {
		at = append(at, c.Now().Sub(start))
		c.AfterFunc(time.Hour, again)
	}
	c.AfterFunc(time.Hour, again)
	advance(t, c, 3*time.Hour)
	if want := []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}; !slices.Equal(at, want) {
		t.Errorf("fired at %v, want %v", at, want)
	}
}

func TestAdvanceWaitsForWork(t *testing.T) {
	t.Parallel()
	c := manual(t)
	release := make(chan struct{})
	finished := false
	c.AfterFunc(time.Second, func() {
		c.Begin()
		go func() {
			<-release
			finished = true
			c.End()
		}()
	})
	c.AfterFunc(2*time.Second, func() {
		if !finished {
			t.Error("the second moment came before the first one's work had ended")
		}
	})
	c.AfterFunc(time.Second, func() { close(release) })
	advance(t, c, time.Minute)
}

func TestAdvanceGivesUp(t *testing.T) {
	t.Parallel()
	c := manual(t)
	c.Begin()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Advance(ctx, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("Advance answered %v, want context.Canceled", err)
	}
	if !c.Now().Equal(start) {
		t.Error("the clock moved past work under way")
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(clock.Options{Scale: 60, Start: start})
		defer c.Stop()
		fired := make(chan time.Time, 1)
		began := time.Now()
		c.AfterFunc(time.Minute, func() { fired <- time.Now() })
		if took := (<-fired).Sub(began); took != time.Second {
			t.Errorf("a minute at scale 60 took %v, want 1s", took)
		}
		if got := c.Now().Sub(start); got != time.Minute {
			t.Errorf("the clock stands at %v, want 1m", got)
		}
		c.AfterFunc(time.Hour, func() { fired <- time.Now() })
		if err := c.Advance(t.Context(), 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		if took := (<-fired).Sub(began); took != time.Second {
			t.Errorf("Advance took real time: %v", took)
		}
	})
}

// TestEnd runs clocks past their end, where they stand still.
func TestEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clock.New(clock.Options{Scale: 1e6, Start: start})
		defer c.Stop()
		const longer = 3 * time.Hour // a million times that is more than a time.Duration holds
		time.Sleep(longer)
		if got, want := c.Now().Unix()-start.Unix(), int64(longer.Seconds()*1e6); got != want {
			t.Errorf("the clock has moved by %d s, want %d", got, want)
		}
		time.Sleep(10_000 * longer)
		if got := c.Now(); !got.Equal(clock.End) {
			t.Errorf("the clock stands at %v, want %v", got, clock.End)
		}
	})
	c := manual(t)
	for range 25 {
		advance(t, c, 290*365*24*time.Hour)
	}
	if got := c.Now(); !got.Equal(clock.End) {
		t.Errorf("the clock stands at %v, want %v", got, clock.End)
	}
	c.AfterFunc(time.Hour, func() { t.Error("a timer fired after the end") })
	advance(t, c, 2*time.Hour)
}
