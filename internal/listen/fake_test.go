package listen_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/listen"
	"github.com/darihook/darihook/signature"
)

const (
	secretText = "whsec_bGlzdGVuLXRlc3RzLXNpZ24td2l0aC10aGlz"
	sessionID  = "sess_1"
)

// carrier answers requests in the test's own process.
type carrier func(*http.Request) (*http.Response, error)

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) { return c(r) }

// answer makes a response.
func answer(status int, contentType string, body io.Reader) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(body)}
}

// hanging is a stream that stays open behind its text until the request ends.
type hanging struct {
	text *strings.Reader
	ctx  context.Context
}

func (h hanging) Read(p []byte) (int, error) {
	if h.text.Len() > 0 {
		return h.text.Read(p)
	}
	<-h.ctx.Done()
	return 0, h.ctx.Err()
}

// platform serves one session and, one after the other, the streams of a script. The last one stays open.
type platform struct {
	session string // the session's JSON
	streams []string

	mu     sync.Mutex
	opened []string // the Last-Event-ID of each stream that was opened
}

func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer key":
		return answer(401, "application/json", strings.NewReader(`{"detail":"Missing or invalid API key"}`)), nil
	case r.URL.Path == "/v1/sessions/"+sessionID:
		session := cmp.Or(p.session, `{"agent_id":"agt_1","metadata":{"order":"1042"}}`)
		return answer(200, "application/json", strings.NewReader(session)), nil
	case r.URL.Path != "/v1/sessions/"+sessionID+"/stream":
		return answer(404, "application/json", strings.NewReader(`{"detail":"Session not found"}`)), nil
	}
	n := len(p.opened)
	p.opened = append(p.opened, r.Header.Get("Last-Event-ID"))
	if n < len(p.streams)-1 {
		return answer(200, "text/event-stream", strings.NewReader(p.streams[n])), nil
	}
	text := p.streams[len(p.streams)-1]
	return answer(200, "text/event-stream; charset=utf-8", hanging{strings.NewReader(text), r.Context()}), nil
}

// got is a delivery as a receiver sees it.
type got struct {
	id, body string
	at       time.Time
}

// receiver verifies what it gets and answers with the statuses of a script, and 204 behind its end. 0 is no answer.
type receiver struct {
	t        *testing.T
	scheme   contract.Scheme
	statuses []int
	// code is what every answer has in Dari-Webhook-Error.
	code string

	mu       sync.Mutex
	received []got
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Errorf("reading a delivery: %v", err)
	}
	verified, err := verifier(r.t, r.scheme).Verify(req.Header, body, time.Now())
	if err != nil {
		r.t.Errorf("a delivery was refused: %v", err)
	}
	if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("a delivery is a %s with %q", req.Method, req.Header.Get("Content-Type"))
	}
	n := len(r.received)
	r.received = append(r.received, got{req.Header.Get(contract.HeaderID), string(body), verified.Timestamp})
	status := http.StatusNoContent
	if n < len(r.statuses) {
		status = r.statuses[n]
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	response := answer(status, "", strings.NewReader(""))
	response.Header.Set(contract.HeaderError, r.code)
	return response, nil
}

// ids lists what arrived.
func (r *receiver) ids() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.received {
		ids = append(ids, g.id)
	}
	return ids
}

func secrets(t testing.TB) []signature.Secret {
	t.Helper()
	s, err := signature.NewSecret(secretText)
	if err != nil {
		t.Fatal(err)
	}
	return []signature.Secret{s}
}

func verifier(t testing.TB, scheme contract.Scheme) *signature.Verifier {
	t.Helper()
	if scheme == (contract.Scheme{}) {
		scheme = contract.Dari().Scheme
	}
	v, err := signature.NewVerifier(signature.Options{Scheme: scheme, Secrets: secrets(t)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// heard is an observer that remembers.
type heard struct {
	deliveries []listen.Delivery
	retries    []time.Duration
	lost       []error
}

func (h *heard) Delivered(d listen.Delivery)                 { h.deliveries = append(h.deliveries, d) }
func (h *heard) Retrying(_ listen.Delivery, p time.Duration) { h.retries = append(h.retries, p) }
func (h *heard) Reconnecting(err error, _ time.Duration)     { h.lost = append(h.lost, err) }
func options(t testing.TB, o listen.Options) listen.Options {
	t.Helper()
	o.API, o.Key = cmp.Or(o.API, "https://platform.test"), cmp.Or(o.Key, "key")
	o.Session, o.Forward = cmp.Or(o.Session, sessionID), cmp.Or(o.Forward, "http://127.0.0.1:8080/hooks")
	if o.Secrets == nil {
		o.Secrets = secrets(t)
	}
	return o
}

// listener makes a listener of options that must be right.
func listener(t testing.TB, o listen.Options) *listen.Listener {
	t.Helper()
	l, err := listen.New(options(t, o))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// frame writes an event as the platform streams it.
func frame(id, eventType, data string) string {
	return fmt.Sprintf("id: %s\nevent: %s\ndata: {\"id\":%q,\"session_id\":%q,\"message_id\":\"msg_1\",\"type\":%q,\"data\":%s,\"created_at\":\"2026-08-01T12:00:00Z\"}\n\n",
		id, eventType, id, sessionID, eventType, data)
}

// call is the frame of a tool call.
func call(id string) string {
	return frame(id, contract.ToolCallRequested, `{"submit_url":"https://platform.test/v1/sessions/sess_1/events","session_id":"sess_1","message_id":"msg_1","tool_call_id":"call_`+id+`"}`)
}

// end is the frame with which a session ends.
func end(id string) string {
	return frame(id, "session.status_changed", `{"status":"completed"}`)
}
