package dedup

import (
	"context"
	"time"
)

// Wait is [Store.Wait]. A waiter costs one timer and no goroutine of its own.
func (c *Claims) Wait(ctx context.Context, key Key) error {
	if err := c.check(ctx, key); err != nil {
		return err
	}
	return c.waitOnce(ctx, key)
}

// waitOnce blocks until the claim that holds the key now ends or its lease, as it stands now, runs out.
func (c *Claims) waitOnce(ctx context.Context, key Key) error {
	for {
		ended, left := c.watch(key)
		if ended == nil {
			return nil
		}
		woken, err := c.await(ctx, ended, left)
		if woken || err != nil {
			return err
		}
	}
}

// watch returns the channel that closes with the key's claim and what is left of its lease (negative while it is
// pinned), or nil when the key is not in flight.
func (c *Claims) watch(key Key) (ended <-chan struct{}, left time.Duration) {
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	held, ok := s.claims[key]
	now := c.now()
	if !ok || !held.live(now) {
		return nil, 0
	}
	if held.ended == nil {
		held.ended = make(chan struct{})
		s.claims[key] = held
	}
	if held.pinned {
		return held.ended, -1
	}
	return held.ended, held.expires - now
}

// await reports whether the claim ended; otherwise its lease, which may have been renewed since, is worth a look.
func (c *Claims) await(ctx context.Context, ended <-chan struct{}, left time.Duration) (woken bool, err error) {
	var lapse <-chan time.Time
	if left >= 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		lapse = timer.C
	}
	select {
	case <-ended:
		return true, nil
	case <-lapse:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-c.closed:
		return false, ErrClosed
	}
}

// scheduleSweep sees to it that claims whose owner went away without a word are dropped even when nobody asks for
// their keys again. An empty table schedules nothing.
func (c *Claims) scheduleSweep() {
	if c.sweeping.CompareAndSwap(false, true) {
		time.AfterFunc(sweepInterval, c.sweepAndReschedule)
	}
}

func (c *Claims) sweepAndReschedule() {
	c.sweep()
	c.sweeping.Store(false)
	select {
	case <-c.closed:
	default:
		if c.held.Load() > 0 {
			c.scheduleSweep()
		}
	}
}

// sweep drops every claim whose lease ran out, one shard at a time.
func (c *Claims) sweep() {
	for i := range c.shards {
		s := &c.shards[i]
		s.Lock()
		now := c.now()
		for key, held := range s.claims {
			if !held.live(now) {
				c.drop(s, key, held)
			}
		}
		s.Unlock()
	}
}
