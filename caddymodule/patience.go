package caddymodule

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	// senderPatience is how long a sender may leave a piece of its answer unread. After that it counts as one that has hung
	// up: the delivery goes on without it, and does not hold a connection, a claim and memory for its sake.
	senderPatience = 30 * time.Second
	// patientBytes is how much of an answer needs no deadline, since it fits into the buffers on its way.
	patientBytes = 4 << 10
)

// patience bounds the writing of one answer. Its zero value sets no bound.
type patience struct {
	until   time.Time // when the whole delivery must be over; zero: the server has a bound of its own
	every   bool      // the deadline must be taken back after each piece
	written int
	set     bool
}

// patienceFor returns the patience with the sender of a request whose delivery must be over at a time. A write_timeout of the
// server is a bound for the whole answer, which this one would take the place of.
func patienceFor(r *http.Request, until time.Time) patience {
	if s, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && s.WriteTimeout > 0 {
		return patience{}
	}
	// The write deadline of an HTTP/2 stream resets it also while nothing is written.
	return patience{until: until, every: r.ProtoMajor == 2}
}

// begin sets the deadline for a piece of n bytes.
func (p *patience) begin(w http.ResponseWriter, n int) {
	if p.written += n; p.until.IsZero() || p.written < patientBytes {
		return
	}
	deadline := time.Now().Add(senderPatience)
	if deadline.After(p.until) {
		deadline = p.until
	}
	p.set = http.NewResponseController(w).SetWriteDeadline(deadline) == nil
}

// end takes the deadline back where it would outlast the piece. The server does so itself behind an answer of HTTP/1.
func (p *patience) end(w http.ResponseWriter) {
	if p.set && p.every {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // it took the one before
	}
}
