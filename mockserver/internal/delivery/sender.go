package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/darihook/darihook/internal/excerpt"
	"github.com/darihook/darihook/internal/trust"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/target"
	"github.com/darihook/darihook/signature"
)

// The bounds of an answer: what is kept of its body, what is read of it so that the connection can be used again, and
// the size of its header.
const (
	keptAnswer   = 8 << 10
	readAnswer   = 64 << 10
	answerHeader = 16 << 10
)

// sender puts requests on the wire. It follows no redirect and uses no proxy: a webhook goes to the address that the
// policy has admitted, and nowhere else (clause DLV-006).
type sender struct {
	dialer    *net.Dialer
	trust     trust.Options
	transport *http.Transport
}

func newSender(policy target.Policy, accepted trust.Options, workers int) *sender {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: policy.Control}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		DisableCompression:     true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    workers, // many endpoints may share a host
		IdleConnTimeout:        30 * time.Second,
		ExpectContinueTimeout:  2 * time.Second,
		MaxResponseHeaderBytes: answerHeader,
	}
	accepted.Apply(transport)
	return &sender{dialer, accepted, transport}
}

func (s *sender) close() { s.transport.CloseIdleConnections() }

// send makes one request and returns the answer, or the error that there is none. header is the draft's.
func (s *sender) send(ctx context.Context, to Target, header http.Header, d *faults.Draft) (*client.Response, error) {
	if d.Wire.Raw() {
		return s.sendRaw(ctx, to, d)
	}
	req, err := http.NewRequestWithContext(ctx, to.method(), to.URL, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	req.Header = header
	setBody(ctx, req, d)
	// A transport, unlike a client, follows no redirect.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	return readResponse(resp)
}

// setBody gives the request its body in the way that the draft asks for.
func setBody(ctx context.Context, req *http.Request, d *faults.Draft) {
	req.ContentLength = int64(len(d.Sent))
	req.Body = io.NopCloser(bytes.NewReader(d.Sent))
	if d.Wire.Slow > 0 {
		req.Body = io.NopCloser(newTrickle(ctx, d.Sent, d.Wire.Slow))
	} else if !d.Wire.Chunked {
		// An idle connection that the receiver has just closed is no failure: the transport may then ask again.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(d.Sent)), nil }
	}
	if d.Wire.Chunked {
		req.ContentLength = -1
		req.TransferEncoding = []string{"chunked"}
	}
}

// readResponse keeps the beginning of an answer. A body that ends early still leaves the status, which decides.
func readResponse(resp *http.Response) (*client.Response, error) {
	defer resp.Body.Close()
	kept, err := io.ReadAll(io.LimitReader(resp.Body, keptAnswer))
	if err == nil {
		_, err = io.CopyN(io.Discard, resp.Body, readAnswer-keptAnswer)
	}
	answer := &client.Response{Status: resp.StatusCode, Headers: resp.Header, Body: kept}
	if err != nil && !errors.Is(err, io.EOF) {
		return answer, fmt.Errorf("reading the answer: %w", err)
	}
	return answer, nil
}

// headerOf turns a list of fields into a header.
func headerOf(fields []signature.Field) http.Header {
	h := make(http.Header, len(fields))
	for _, f := range fields {
		h.Add(f.Name, f.Value)
	}
	return h
}

// describe says in a few words why there is no answer.
func describe(ctx context.Context, err error, timeout time.Duration) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", timeout)
	}
	return excerpt.Of(err.Error())
}

// trickle is a body that arrives little by little.
type trickle struct {
	ctx  context.Context
	rest []byte
	step int
	wait time.Duration
}

// trickleSteps is how many pieces a slow body comes in.
const trickleSteps = 20

func newTrickle(ctx context.Context, body []byte, over time.Duration) *trickle {
	return &trickle{ctx, body, max(len(body)/trickleSteps, 1), over / trickleSteps}
}

// Read implements [io.Reader].
func (t *trickle) Read(p []byte) (int, error) {
	if len(t.rest) == 0 {
		return 0, io.EOF
	}
	pause := time.NewTimer(t.wait)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-t.ctx.Done():
		return 0, t.ctx.Err()
	}
	n := copy(p, t.rest[:min(t.step, len(t.rest))])
	t.rest = t.rest[n:]
	return n, nil
}
