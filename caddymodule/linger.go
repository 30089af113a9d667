package caddymodule

import (
	"io"
	"net/http"
	"time"
)

const (
	// lingerTime bounds how long a body that was refused is still taken, and lingerSize how much of it.
	lingerTime = 500 * time.Millisecond
	lingerSize = 16 << 20
)

// linger sends the answer and takes what is on its way of a body that nobody wants. A connection that is closed with bytes
// unread is reset, and a sender that was still writing then never sees why it was refused. One that waits to be asked for
// the body has none on the way.
func linger(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 1 || r.Header.Get("Expect") != "" {
		return
	}
	control := http.NewResponseController(w)
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return // the sender has gone, or cannot be bounded
	}
	_, _ = io.CopyN(io.Discard, r.Body, lingerSize) // whatever ends it, the connection is closed
}
