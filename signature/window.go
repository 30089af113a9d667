package signature

import (
	"errors"
	"time"

	"github.com/darihook/darihook/contract"
)

// ErrWindow refuses a [Window] with a negative bound.
var ErrWindow = errors.New("the window's bounds must not be negative")

// Window is how far a timestamp may be from the receiver's clock. Both bounds belong to the window.
type Window struct {
	// Past is how old a timestamp may be. Default: [contract.DefaultPast] (clause TIME-008).
	Past time.Duration
	// Future is how far ahead of the clock a timestamp may be. Default: the same as Past (clause TIME-003).
	Future time.Duration
}

// Check judges a timestamp by a clock. It returns nil within the window and otherwise an [*Error] with the code
// timestamp_stale or timestamp_future.
func (w Window) Check(t, now time.Time) error {
	past, future := w.Bounds()
	// Times are compared, not differences: a difference of more than 292 years does not fit a Duration.
	switch {
	case t.Before(now.Add(-past)):
		return errStale
	case t.After(now.Add(future)):
		return errFuture
	}
	return nil
}

// Bounds returns the window with its defaults filled in.
func (w Window) Bounds() (past, future time.Duration) {
	past, future = w.Past, w.Future
	if past == 0 {
		past = contract.DefaultPast
	}
	if future == 0 {
		future = past
	}
	return past, future
}

// check refuses a window that no timestamp can be judged by.
func (w Window) check() error {
	if w.Past < 0 || w.Future < 0 {
		return ErrWindow
	}
	return nil
}
