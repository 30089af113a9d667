package listen

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/darihook/darihook/internal/trust"
	"github.com/darihook/darihook/signature"
)

// readAnswer is how much of an answer's body is read, so that the connection can be used again.
const readAnswer = 64 << 10

// ErrRemote refuses a receiver on another machine: what a session says is forwarded there, signed as if it were the
// platform's.
var ErrRemote = errors.New("the receiver is not on this machine")

// receiver is where the deliveries go.
type receiver struct {
	url      string
	signer   *signature.Signer
	schedule []time.Duration
	timeout  time.Duration
	carrier  http.RoundTripper
}

func newReceiver(o Options) (*receiver, error) {
	u, err := parseURL(o.Forward)
	if err != nil {
		return nil, fmt.Errorf("reading the receiver's URL: %w", err)
	}
	if !o.AllowRemote && !local(u) {
		return nil, fmt.Errorf("%w: %s", ErrRemote, u.Host)
	}
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: o.Scheme, Secrets: o.Secrets})
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	r := &receiver{url: u.String(), signer: signer, schedule: o.Schedule, timeout: o.Timeout, carrier: o.Receiver}
	if r.carrier == nil {
		r.carrier = carrier(o.AllowRemote, o.Trust)
	}
	return r, nil
}

// local reports whether a URL names this machine: by a loopback address, or as localhost (RFC 6761 section 6.3).
func local(u *url.URL) bool {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// carrier makes the requests to the receiver. It uses no proxy, and holds every address that a name leads to against the
// same rule.
func carrier(allowRemote bool, accepted trust.Options) http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if !allowRemote {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			if at, err := netip.ParseAddrPort(address); err != nil || !at.Addr().IsLoopback() {
				return fmt.Errorf("%w: %s", ErrRemote, address)
			}
			return nil
		}
	}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		DisableCompression:     true,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	accepted.Apply(transport)
	return transport
}
