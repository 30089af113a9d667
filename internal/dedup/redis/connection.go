package redis

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// A failed attempt to connect answers for the next ones that long: for longer with each that fails.
const (
	firstPause = 2 * time.Millisecond
	lastPause  = 100 * time.Millisecond
)

// connection is the way to the server: one session after the other. A session is only handed out once its server has been
// checked, so that no command ever runs on the wrong one, and once that server has what its predecessor may not have given
// it.
type connection struct {
	opts Options
	// where returns the addresses of the primary, the likeliest first.
	where func(context.Context) ([]string, error)
	// handOver is called with a session at a server that no session led to before, ahead of everyone else.
	handOver func(ctx context.Context, from, to *session) error
	session  atomic.Pointer[session]

	mu      sync.Mutex
	attempt chan struct{} // closed when the attempt under way ends
	err     error         // why the last attempt failed
	retry   time.Time     // when the next one may begin
	pause   time.Duration // until then
	closed  bool
	last    *session // whose server was handed everything
}

// get returns a session, waiting for the attempt to connect that is under way, or making one.
func (c *connection) get(ctx context.Context) (*session, error) {
	if s := c.session.Load(); s != nil {
		return s, nil
	}
	attempt, err := c.join()
	if err != nil {
		return nil, err
	}
	select {
	case <-attempt:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.session.Load(); s != nil { // of that attempt, or of a later one that has ended meanwhile
		return s, nil
	}
	return nil, c.err
}

// join returns the attempt under way, or the last one's error as long as it is fresh.
func (c *connection) join() (<-chan struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.attempt != nil:
		return c.attempt, nil
	case c.closed:
		return nil, rueidis.ErrClosing
	case c.err != nil && time.Now().Before(c.retry):
		return nil, c.err
	}
	c.attempt = make(chan struct{})
	go c.connect()
	return c.attempt, nil
}

// connect makes the next session. The one that there is works on until its successor has been checked.
func (c *connection) connect() {
	next, err := c.open()
	if old := c.session.Load(); err == nil && old != nil && old != next {
		c.drop(old)
	}
	if err == nil && c.unknown(next) {
		if err = c.handOver(context.Background(), c.last, next); err != nil {
			next.end()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed {
		next.end()
		err = rueidis.ErrClosing
	}
	if err == nil {
		c.last, c.pause = next, 0
		c.session.Store(next)
	} else {
		c.pause = min(max(firstPause, 2*c.pause), lastPause)
	}
	c.err, c.retry = err, time.Now().Add(c.pause)
	close(c.attempt)
	c.attempt = nil
}

// unknown reports whether a session leads to another server than all before it.
func (c *connection) unknown(next *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last != nil && c.last != next && !c.last.met().same(next.met())
}

// open tries the addresses, one after the other. The session that there is stands for its own.
func (c *connection) open() (*session, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*c.opts.Timeout)
	defer cancel()
	addresses, err := c.where(ctx)
	if err != nil {
		return nil, explain(err)
	}
	for _, address := range addresses {
		if now := c.session.Load(); now != nil && now.address == address {
			return now, nil
		}
		next, errHere := newSession(ctx, c.opts, address, c.drop)
		if errHere == nil {
			return next, nil
		}
		err = cmp.Or(err, errHere)
	}
	return nil, err
}

// moved looks for the primary anew, when it may be at another address.
func (c *connection) moved(address string) {
	if s := c.session.Load(); s == nil || s.address != address {
		_, _ = c.join() // whoever needs the session learns of a failure
	}
}

// drop ends a session that leads to the wrong server. Whoever comes next begins another.
func (c *connection) drop(s *session) {
	if c.session.CompareAndSwap(s, nil) {
		s.end()
	}
}

// stands reports whether a session has not been dropped: what it has answered counts.
func (c *connection) stands(s *session) bool { return c.session.Load() == s }

func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if s := c.session.Load(); s != nil {
		c.drop(s)
	}
}
