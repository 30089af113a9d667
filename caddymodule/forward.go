package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/internal/forward"
	"github.com/darihook/darihook/internal/gate"
)

// Forward takes verified deliveries straight to one receiver over HTTP/1.1, in the place of a reverse_proxy behind the
// gate: for less processor time, and without balancing, health checks, TLS or HTTP/2.
type Forward struct {
	// Address is where the receiver listens: host:port, http://host[:port] or unix//path. Placeholders are resolved when
	// the configuration is loaded.
	Address string `json:"address,omitempty"`

	// MaxConns bounds the connections to the receiver, and with them the deliveries there at once. Default: 1024.
	MaxConns int `json:"max_conns_per_host,omitempty"`

	// Timeout is how long a delivery may take at the receiver. One that takes longer is answered with 504, and its next
	// copy is a new attempt, whether the receiver is still at work or not. Default: 5 minutes.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// DialTimeout bounds the making of a connection, and the wait for one while all are in use. Default: 3 seconds.
	DialTimeout caddy.Duration `json:"dial_timeout,omitempty"`

	// KeepAlive is how long an unused connection is kept. Default: 1 minute.
	KeepAlive caddy.Duration `json:"keepalive,omitempty"`

	// MaxHeader is the longest header of an answer in bytes, from 256 to 64 MiB. A longer one is answered with 502, although
	// the receiver has done its work. Default: 1 MiB.
	MaxHeader int64 `json:"max_response_header_size,omitempty"`
}

// errObserveForward refuses a combination that cannot work.
var errObserveForward = errors.New("forward takes verified deliveries, and observe lets through what is not: use reverse_proxy while the gate observes")

// client makes the way to the receiver.
func (f *Forward) client(observe bool) (*forward.Client, error) {
	if observe {
		return nil, errObserveForward
	}
	repl := newReplacer()
	text, err := repl.ReplaceOrErr(f.Address, true, true)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	address, err := forward.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	return forward.New(forward.Options{
		Address: address, MaxConns: f.MaxConns, Timeout: time.Duration(f.Timeout),
		DialTimeout: time.Duration(f.DialTimeout), KeepAlive: time.Duration(f.KeepAlive), MaxHeader: int(f.MaxHeader),
	}), nil
}

// parse reads
//
//	forward <address> {
//		max_conns_per_host  <number>
//		timeout             <duration>
//		dial_timeout        <duration>
//		keepalive           <duration>
//		max_response_header <size>
//	}
//
// Where the transport of reverse_proxy has the same, it has the same name.
func (f *Forward) parse(d *caddyfile.Dispenser) error {
	if err := oneArg(d, &f.Address); err != nil {
		return err
	}
	if _, err := forward.ParseAddress(f.Address); err != nil && !strings.Contains(f.Address, "{") {
		return d.WrapErr(fmt.Errorf("%s: forward: %w", directive, err))
	}
	return eachOption(d, "forward", func(name string) error { return f.parseOption(d, name) })
}

func (f *Forward) parseOption(d *caddyfile.Dispenser, name string) error {
	switch name {
	case "max_conns_per_host":
		return numberArg(d, &f.MaxConns)
	case "timeout":
		return durationArg(d, &f.Timeout)
	case "dial_timeout":
		return durationArg(d, &f.DialTimeout)
	case "keepalive":
		return durationArg(d, &f.KeepAlive)
	case "max_response_header":
		return sizeArg(d, &f.MaxHeader)
	default:
		return unknownOption(d, "option of forward", name, forwardOptions)
	}
}

// deliver takes a delivery to the receiver. Errors are for Caddy's error routes, with the status that reverse_proxy gives
// the same failure.
func (h *Handler) deliver(w http.ResponseWriter, r *http.Request, a *gate.Admission) error {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	var stop forward.Stop
	under := &work{sender: r.Context(), cut: stop.Now}
	leaving.join(under)
	defer leaving.leave(under)
	err := h.receiver.Deliver(w, forward.Delivery{Request: r, Body: a.Bytes(), TrustForwarded: trusted, Stop: &stop})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, forward.ErrStopped):
		comeAgain(w)
		return caddyhttp.Error(http.StatusServiceUnavailable, errLeaving)
	case errors.Is(err, forward.ErrCut):
		// The sender has the header, so that only an abort tells it that something is missing. reverse_proxy does the same.
		h.logger.Warn("the receiver's answer ended early")
		_ = http.NewResponseController(w).Flush() // so that it sees as much as there is
		panic(http.ErrAbortHandler)
	case errors.Is(err, forward.ErrLongHeader):
		return caddyhttp.Error(http.StatusBadGateway, fmt.Errorf("%w: raise max_response_header", err))
	case errors.Is(err, forward.ErrTimeout):
		return caddyhttp.Error(http.StatusGatewayTimeout, err)
	case errors.Is(err, forward.ErrBusy):
		comeAgain(w)
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	default:
		return caddyhttp.Error(http.StatusBadGateway, err)
	}
}

// comeAgain asks the sender to send the delivery again soon.
func comeAgain(w http.ResponseWriter) { w.Header().Set("Retry-After", "1") }
