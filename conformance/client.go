package conformance

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// maxAnswer is how much of an answer's body the suite reads.
const maxAnswer = 1 << 20

// message is a request that is about to be sent.
type message struct {
	method string
	url    string
	// host replaces the URL's host in the Host header. Empty: it does not.
	host   string
	header http.Header
	body   []byte
	// reader replaces the body and makes the request chunked. Nil: the body is sent whole with its length.
	reader io.Reader
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	took   time.Duration
	// err says why there is no answer.
	err error
}

// String is the answer in one line, for "actual".
func (a answer) String() string {
	if a.err != nil {
		return "no answer: " + a.err.Error()
	}
	text := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if to := a.header.Get("Location"); to != "" && a.status >= 300 && a.status < 400 {
		text += " to " + to
	}
	if len(a.body) > 0 {
		text += ": " + shorten(string(bytes.TrimSpace(a.body)), len(a.body))
	}
	return text
}

// success reports whether the status is 2xx.
func (a answer) success() bool { return a.status >= 200 && a.status < 300 }

// refusal reports whether the status is 4xx.
func (a answer) refusal() bool { return a.status >= 400 && a.status < 500 }

// newClient returns a client that follows no redirect, uses no proxy and keeps no connection, so that no request
// depends on an earlier one.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DisableKeepAlives:  true,
			DisableCompression: true,
			DialContext:        (&net.Dialer{Timeout: timeout}).DialContext,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange sends a message and reads the answer.
func exchange(ctx context.Context, c *http.Client, m message) answer {
	var body io.Reader = bytes.NewReader(m.body)
	if m.reader != nil {
		body = m.reader
	}
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, m.method, m.url, body)
	if err != nil {
		return answer{err: err}
	}
	if m.header != nil {
		req.Header = m.header
	}
	req.Host = m.host
	res, err := c.Do(req)
	if err != nil {
		return answer{err: plain(err), took: time.Since(began)}
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{status: res.StatusCode, header: res.Header, body: text, took: time.Since(began)}
}

// plain says in a few words why there was no answer, without the address, which stands elsewhere.
func plain(err error) error {
	var timeout net.Error
	var dns *net.DNSError
	var unknown *tls.CertificateVerificationError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return errRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("the connection was reset")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed")
	case errors.As(err, &dns):
		return fmt.Errorf("the name %s does not resolve", dns.Name)
	case errors.As(err, &timeout) && timeout.Timeout():
		return errLate
	case errors.As(err, &unknown):
		return fmt.Errorf("its certificate is not trusted: %w (SSL_CERT_FILE names further authorities)", unknown.Err)
	}
	return innermost(err)
}

// innermost takes the method and the address off an error.
func innermost(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}

// errLate is the answer's error when none came in time.
var errLate = errors.New("the time ran out")

// errRefused is the answer's error when nothing listens at the target's address.
var errRefused = errors.New("the connection was refused")
