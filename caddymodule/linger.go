package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

const (
	// lingerTime bounds how long a body that was refused is still taken, and lingerSize how much of it.
	lingerTime = 500 * time.Millisecond
	lingerSize = 16 << 20
)

// lingerAfter sees to it that the sender of a body that is refused before its end gets to read why.
func lingerAfter(w http.ResponseWriter, r *http.Request, v gate.Verdict) {
	switch {
	case r.ProtoMajor != 1:
	case v.Code == contract.CodeBodyTooLarge:
		linger(w, r)
	case v.Code == contract.CodeBodyUnreadable && errors.Is(v.Cause, os.ErrDeadlineExceeded):
		lingerLate(w)
	}
}

// lingerLate sends the answer and leaves the sender some time to read it. No more can be read of a body that was late.
func lingerLate(w http.ResponseWriter) {
	if http.NewResponseController(w).Flush() == nil {
		time.Sleep(lingerTime)
	}
}

// linger sends the answer and takes what is on its way of a body that nobody wants. A connection that is closed with bytes
// unread is reset, and a sender that was still writing then never sees why it was refused. One that waits to be asked for
// the body has none on the way.
func linger(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Expect") != "" {
		return
	}
	control := http.NewResponseController(w)
	if control.Flush() != nil || control.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return // the sender has gone, or cannot be bounded
	}
	_, _ = io.CopyN(io.Discard, r.Body, lingerSize) // whatever ends it, the connection is closed
}
