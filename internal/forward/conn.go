package forward

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// patience is how long a write may stand still before the connection is looked at: a receiver that answers early may
// have stopped reading for good.
const patience = 100 * time.Millisecond

// errEarly ends a write whose receiver has answered already and reads no further.
var errEarly = errors.New("answered before the request was read")

// conn is a connection to the receiver.
type conn struct {
	net.Conn
	raw   syscall.RawConn // nil where the system offers no look at a socket
	used  bool            // a request has been sent on it
	until time.Time       // the end of the exchange under way
	broke error           // what ended the reading of the exchange under way
	toEnd bool            // the connection's end is the answer's

	stopped atomic.Bool // the exchange under way is to end at once; the connection is of no further use
}

// dial is the pool's way to a connection.
func (c *Client) dial(_ string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	var dialer net.Dialer
	nc, err := dialer.DialContext(ctx, c.opts.Address.Network, c.opts.Address.Host)
	if err != nil {
		return nil, err
	}
	dialed := &conn{Conn: nc}
	if sc, ok := nc.(syscall.Conn); ok {
		dialed.raw, _ = sc.SyscallConn() // without it the connection is trusted as it is
	}
	return dialed, nil
}

// begin bounds the exchange that comes next.
func (c *conn) begin(until time.Time) error {
	c.used, c.until, c.broke = true, until, nil
	return c.SetReadDeadline(until)
}

// Read reads from the receiver. A connection that ends where the answer does not gives io.ErrUnexpectedEOF, since a parser
// may take io.EOF for the end of what it reads.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) && !c.toEnd {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		c.broke = err
	}
	return n, err
}

// Write writes all of p while the receiver takes it. Errors: errEarly, or the network's.
func (c *conn) Write(p []byte) (n int, err error) {
	for {
		pause := time.Now().Add(patience)
		if pause.After(c.until) {
			pause = c.until
		}
		if err := c.SetWriteDeadline(pause); err != nil {
			return n, err
		}
		if c.stopped.Load() { // which may have been before the deadline was set
			return n, os.ErrDeadlineExceeded
		}
		m, err := c.Conn.Write(p[n:])
		n += m
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded) || c.stopped.Load():
			return n, err
		case c.answered():
			return n, errEarly
		case pause.Equal(c.until):
			return n, err
		}
	}
}

// quiet reports whether there is nothing to read: the receiver has neither answered nor closed the connection.
func (c *conn) quiet() bool {
	if c.raw == nil {
		return true
	}
	quiet := false
	err := c.raw.Read(func(fd uintptr) bool {
		quiet = nothingToRead(fd)
		return true
	})
	return err == nil && quiet
}

// answered reports whether the receiver has begun its final answer, or has closed the connection.
func (c *conn) answered() bool {
	if c.quiet() {
		return false
	}
	buffer := copies.Get().(*[16 << 10]byte)
	defer copies.Put(buffer)
	n := 0
	err := c.raw.Read(func(fd uintptr) bool {
		n = lookAt(fd, buffer[:])
		return true
	})
	return err != nil || n <= 0 || n == len(buffer) || !informational(buffer[:n])
}

// informational reports whether there are none but informational answers, of which the last may not have come whole. The
// one that switches protocols is final.
func informational(ahead []byte) bool {
	for len(ahead) > 0 {
		if !agree(ahead, "HTTP/1.1 1") || bytes.HasPrefix(ahead, []byte("HTTP/1.1 101")) {
			return false
		}
		_, ahead, _ = bytes.Cut(ahead, []byte("\r\n\r\n"))
	}
	return true
}

// agree reports whether two texts are the same as far as both go.
func agree(a []byte, b string) bool {
	n := min(len(a), len(b))
	return string(a[:n]) == b[:n]
}
