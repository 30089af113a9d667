package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// defaultBodyTimeout is how long a body may take to arrive. The longest that is accepted by default comes at 170 KiB/s then.
const defaultBodyTimeout = 30 * time.Second

// timedBody is a request's body that has a time to arrive in, from the first read on: what it takes of the budget for bodies
// must not depend on its sender's goodwill. The connection's own deadline ends a read that waits, so that a body that is
// there already costs neither a goroutine nor a timer.
type timedBody struct {
	io.Reader
	control *http.ResponseController
	timeout time.Duration
	until   time.Time // zero until the gate begins to read
	servers bool      // Reader is the server's, which takes the deadline back at the body's end
	pump    *pump     // nil where the connection takes a deadline
}

// timeBody gives a request's body its time. Nil: there is none to wait for, or a gate that observes takes it as it comes.
func (h *Handler) timeBody(w http.ResponseWriter, r *http.Request) *timedBody {
	if r.Body == nil || r.ContentLength == 0 || h.Observe {
		return nil
	}
	idle, _ := caddyhttp.IdleTimeoutsFromContext(r.Context())
	return &timedBody{
		Reader: r.Body, control: http.NewResponseController(w), timeout: h.bodyTimeout(r),
		servers: idle != nil && r.Body == io.ReadCloser(idle),
	}
}

// bodyTimeout is how long a request's body may take: never longer than the server gives the whole request, whose deadline
// this one stands in for.
func (h *Handler) bodyTimeout(r *http.Request) time.Duration {
	timeout := cmp.Or(time.Duration(h.BodyTimeout), defaultBodyTimeout)
	if s, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && s.ReadTimeout > 0 {
		timeout = min(timeout, time.Duration(s.ReadTimeout))
	}
	return timeout
}

// Read implements [io.Reader]. A body that is late ends with an error that says so; an earlier deadline, such as that of
// Caddy's read_body_idle, with the connection's own.
func (b *timedBody) Read(p []byte) (int, error) {
	if b.until.IsZero() {
		b.begin()
	}
	n, err := b.Reader.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.end()
	case errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(b.until):
		err = fmt.Errorf("the body has not arrived within %s: %w", b.timeout, err)
	}
	return n, err
}

// begin sets the deadline, or has a goroutine read where the connection takes none.
func (b *timedBody) begin() {
	b.until = time.Now().Add(b.timeout)
	if b.control.SetReadDeadline(b.until) != nil {
		b.pump = startPump(b.Reader, b.timeout)
		b.Reader = b.pump
	}
}

// end takes the deadline back once the whole body is there: what the server reads on the connection from then on, to see the
// sender hang up, must not run into it. A server that has come to its body's end has taken it back itself. The deadline of a
// body that is refused before its end stays: the server may read some more of it before it sends the answer.
func (b *timedBody) end() {
	if !b.servers && b.pump == nil {
		_ = b.control.SetReadDeadline(time.Time{}) // the connection took the one before
	}
}

// close ends what reads the body, once the gate does not want more of it.
func (b *timedBody) close() {
	if b != nil && b.pump != nil {
		b.pump.timer.Stop()
		_ = b.pump.Close() // it never fails
	}
}

// pump reads a body in a goroutine of its own, for as long as its reader asks for more. It is for connections that take no
// deadline, since another handler's wrapper stands before them.
type pump struct {
	*io.PipeReader
	timer *time.Timer
}

// pumpBuffer is how much a pump reads ahead.
const pumpBuffer = 4 << 10

func startPump(body io.Reader, timeout time.Duration) *pump {
	out, in := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{in}, struct{ io.Reader }{body}, make([]byte, pumpBuffer))
		_ = in.CloseWithError(err) // it never fails; without an error it is the end
	}()
	return &pump{out, time.AfterFunc(timeout, func() { _ = in.CloseWithError(os.ErrDeadlineExceeded) })}
}
