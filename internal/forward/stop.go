package forward

import (
	"sync"
	"time"
)

// Stop ends one delivery from elsewhere. Its zero value is ready.
type Stop struct {
	mu   sync.Mutex
	now  bool
	conn *conn // nil before the exchange and after it
}

// Now ends the delivery's exchange, or keeps it from beginning. It may be called at any time, and more than once.
func (s *Stop) Now() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = true
	if s.conn != nil {
		s.conn.stop()
	}
}

// hold puts an exchange's connection within reach.
func (s *Stop) hold(c *conn) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = c
	if s.now {
		c.stop()
	}
}

// letGo takes it out of reach again: what comes next on the connection is another delivery's.
func (s *Stop) letGo() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = nil
}

// stop ends the exchange under way.
func (c *conn) stop() {
	c.stopped.Store(true)
	_ = c.SetDeadline(time.Unix(1, 0)) // a connection that takes none has been closed
}
