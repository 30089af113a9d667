package mutants

import (
	"context"
	"sync"
)

// claims remembers in memory which deliveries were processed and which are being processed. It forgets nothing: its
// life is that of one judgement.
type claims struct {
	fault fault

	mu   sync.Mutex
	held map[string]*claim
	// down is set while the store is made to be unavailable.
	down bool
}

// claim is one delivery that was taken.
type claim struct {
	// ended is closed when the work has ended; status holds from then on.
	ended  chan struct{}
	status int
}

// newClaims returns an empty memory.
func newClaims(f fault) *claims { return &claims{fault: f, held: map[string]*claim{}} }

// take claims a delivery. It returns a claim of the caller's own, which must be ended, or else the status that was
// recorded for the delivery; it waits while another copy is being processed, and takes over when that one fails.
func (c *claims) take(ctx context.Context, key string) (own *claim, recorded int, err error) {
	for {
		c.mu.Lock()
		other := c.held[key]
		if other == nil || c.fault == everyCopyProcessed {
			own = &claim{ended: make(chan struct{})}
			c.forget()
			c.held[key] = own
			c.mu.Unlock()
			return own, 0, nil
		}
		c.mu.Unlock()
		if recorded, ended := c.wait(ctx, other); ended {
			if recorded == 0 && c.fault == failureShared {
				recorded = 200
			}
			if recorded != 0 {
				return nil, recorded, nil
			}
			continue // it failed and was released: this copy is a new attempt
		}
		return nil, 0, ctx.Err()
	}
}

// forget drops what was processed before, where a faulty memory holds one delivery alone. It is called with the lock held.
func (c *claims) forget() {
	if c.fault != lastOnly {
		return
	}
	for key, other := range c.held {
		select {
		case <-other.ended:
			delete(c.held, key)
		default:
		}
	}
}

// wait returns the status of another copy once it has ended; 0 means that it failed.
func (c *claims) wait(ctx context.Context, other *claim) (status int, ended bool) {
	select {
	case <-other.ended:
		return other.status, true
	default:
		if c.fault == acknowledgedInFlight {
			return 200, true
		}
	}
	select {
	case <-other.ended:
		return other.status, true
	case <-ctx.Done():
		return 0, false
	}
}

// end records the status of a success, or forgets the delivery when it failed.
func (c *claims) end(key string, own *claim, status int, success bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case success:
		own.status = status
	case c.fault == keptAfterFailure:
		own.status = 200
	case c.held[key] == own:
		delete(c.held, key)
	}
	close(own.ended)
}

// burn marks a delivery as processed although it was not: what a receiver does that looks at the id first.
func (c *claims) burn(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key == "" || c.held[key] != nil {
		return
	}
	burned := &claim{ended: make(chan struct{}), status: 200}
	close(burned.ended)
	c.held[key] = burned
}

// setDown makes the memory unavailable, or available again.
func (c *claims) setDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

// isDown reports whether the memory is unavailable.
func (c *claims) isDown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down
}
