package gate

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time or when it is cancelled, and never because its parent does. Unlike
// context.WithTimeout it makes neither a channel nor a timer until somebody waits for its end, which a store in memory
// never does.
type deadline struct {
	context.Context // for its values
	at              time.Time

	mu    sync.Mutex
	err   error
	done  chan struct{} // made by the first call of Done
	timer *time.Timer
}

// within returns a context that ends after patience, and what gives up its timer.
func within(parent context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	d := &deadline{Context: parent, at: time.Now().Add(patience)}
	return d, func() { d.end(context.Canceled) }
}

// Deadline implements [context.Context].
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done implements [context.Context].
func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
		if d.err != nil {
			close(d.done)
		} else {
			d.timer = time.AfterFunc(time.Until(d.at), func() { d.end(context.DeadlineExceeded) })
		}
	}
	return d.done
}

// Err implements [context.Context]. Where nobody waits, there is no timer to end the context in time.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil && d.done == nil && !time.Now().Before(d.at) {
		d.err = context.DeadlineExceeded
	}
	return d.err
}

// end ends the context; the first reason counts.
func (d *deadline) end(reason error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return
	}
	d.err = reason
	if d.done != nil {
		close(d.done)
		d.timer.Stop()
	}
}
