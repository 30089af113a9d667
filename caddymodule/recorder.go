package caddymodule

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// recorder passes an answer on to the sender and notes its status. A sender that has hung up is not told to the
// receiver's side: what it would have been sent is dropped, so that a proxy goes on to the end and the outcome counts.
type recorder struct {
	caddyhttp.ResponseWriterWrapper
	status   int
	gone     bool
	patience patience
	leaving  atomic.Bool // Caddy exits, and the delivery has been cut
}

func record(w http.ResponseWriter) *recorder {
	return &recorder{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
}

// clientClosed is the status by which Caddy records that a sender has hung up.
const clientClosed = 499

// final returns the status of the answer: 200 when nothing was said of it, as net/http has it.
func (r *recorder) final() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// WriteHeader notes the first status that is final. Informational ones are passed on and not counted. 101 is neither: nobody
// has asked to leave HTTP, and the sender gets nothing of what follows it.
func (r *recorder) WriteHeader(status int) {
	if status == clientClosed && r.leaving.Load() { // reverse_proxy takes every cancellation for the sender's
		comeAgain(r.ResponseWriter)
		status = http.StatusServiceUnavailable
	}
	switch {
	case r.status == http.StatusSwitchingProtocols:
		return
	case status == http.StatusSwitchingProtocols:
		r.refuseSwitch()
		return
	case r.status == 0 && status >= 200:
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// refuseSwitch ends an answer that would leave HTTP.
func (r *recorder) refuseSwitch() {
	if r.status == 0 {
		r.status, r.gone = http.StatusSwitchingProtocols, true
	}
}

// Write passes a piece of the answer on while the sender is there.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.gone {
		return len(p), nil
	}
	r.patience.begin(r.ResponseWriter, len(p))
	n, err := r.ResponseWriter.Write(p)
	r.patience.end(r.ResponseWriter)
	if err == nil || isReceivers(err) {
		return n, err
	}
	r.gone = true
	return len(p), nil
}

// isReceivers tells errors that the receiver's own answer causes from those of a connection.
func isReceivers(err error) bool {
	return errors.Is(err, http.ErrBodyNotAllowed) || errors.Is(err, http.ErrContentLength) || errors.Is(err, http.ErrHijacked)
}

// ReadFrom goes through Write, since an error of the sender's connection must be told from one of the source.
func (r *recorder) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{r}, src)
}

// FlushError flushes while the sender is there.
func (r *recorder) FlushError() error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.gone {
		return nil
	}
	r.patience.begin(r.ResponseWriter, patientBytes)
	err := http.NewResponseController(r.ResponseWriter).Flush()
	r.patience.end(r.ResponseWriter)
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		return err
	}
	r.gone = true
	return nil
}

// Hijack gives the connection to nobody: its sender would get a tunnel to the receiver.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.refuseSwitch()
	return nil, nil, http.ErrNotSupported
}

// Interface guards.
var (
	_ http.ResponseWriter = (*recorder)(nil)
	_ http.Hijacker       = (*recorder)(nil)
	_ io.ReaderFrom       = (*recorder)(nil)
)
