package mockserver_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/signature"
)

// request is what a receiver got.
type request struct {
	header http.Header
	body   []byte
	err    error // of reading the body
	coding []string
}

// envelope is a delivery's body.
type envelope struct {
	ID   string         `json:"id"`
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

func (r request) envelope(t testing.TB) (e envelope) {
	t.Helper()
	if err := json.Unmarshal(r.body, &e); err != nil {
		t.Fatalf("the body is no envelope: %v", err)
	}
	return e
}

// receiver is an endpoint that keeps what it gets and answers by a script; after the last answer it repeats it.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	got     []request
	answers []int
	arrived chan request
}

func newReceiver(t testing.TB, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers, arrived: make(chan request, 10_000)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	got := request{req.Header.Clone(), body, err, req.TransferEncoding}
	answer := r.keep(got)
	if err != nil {
		answer = http.StatusBadRequest
	}
	w.WriteHeader(answer)
	r.arrived <- got
}

func (r *receiver) keep(got request) (answer int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, got)
	switch len(r.answers) {
	case 0:
		return http.StatusOK
	case 1:
		return r.answers[0]
	}
	answer, r.answers = r.answers[0], r.answers[1:]
	return answer
}

// answer sets what every further request is answered with.
func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = []int{status}
}

// requests returns what came so far.
func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request(nil), r.got...)
}

// idle waits until the mock has nothing under way.
func idle(t testing.TB, m *mockserver.Mock) { advance(t, m, 0) }

func advance(t testing.TB, m *mockserver.Mock, d time.Duration) {
	t.Helper()
	if err := m.Client.Advance(t.Context(), d); err != nil {
		t.Fatalf("advancing by %v: %v", d, err)
	}
}

func emit(t testing.TB, m *mockserver.Mock, e client.Event) []client.Emitted {
	t.Helper()
	emitted, err := m.Client.Emit(t.Context(), e)
	if err != nil {
		t.Fatalf("emitting: %v", err)
	}
	return emitted
}

// emitUnheard emits events that no webhook is to take, for a reason.
func emitUnheard(t testing.TB, m *mockserver.Mock, e client.Event, reason string) {
	t.Helper()
	emitted, err := m.Client.Emit(t.Context(), e)
	if got, ok := errors.AsType[*client.UndeliveredError](err); !ok || got.Reason != reason {
		t.Errorf("emitting: %v, want that they are undelivered: %s", err, reason)
	}
	if len(emitted) != max(e.Count, 1) || emitted[0].ID == "" || emitted[0].DeliveryID != "" {
		t.Errorf("emitted %+v, want %d events without a delivery", emitted, max(e.Count, 1))
	}
	if !strings.Contains(m.Report(), "events were not delivered: "+reason) {
		t.Errorf("the report does not say so:\n%s", m.Report())
	}
}

func deliveryOf(t testing.TB, m *mockserver.Mock, id string) client.Delivery {
	t.Helper()
	d, err := m.Client.Delivery(t.Context(), id)
	if err != nil {
		t.Fatalf("reading delivery %s: %v", id, err)
	}
	return d
}

// verify checks a request as a receiver does.
func verify(t testing.TB, secret string, r request) error {
	t.Helper()
	key, err := signature.NewSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	v, err := signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{key}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(r.header, r.body, time.Now())
	return err
}

// api calls the platform's API and decodes the answer.
func api(t testing.TB, m *mockserver.Mock, method, path, body string, out any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, m.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.APIKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s answered %d and no JSON: %s", method, path, resp.StatusCode, raw)
		}
	}
	return resp.StatusCode
}

func TestRetriesKeepTheIDAndSignAnew(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500, 503, 200)
	m := mockserver.New(t)
	secret := m.SetWebhook(t, to.URL)
	id := emit(t, m, client.Event{Type: contract.ToolCallRequested})[0]
	idle(t, m)
	if d := deliveryOf(t, m, id.DeliveryID); d.Status != client.Pending || len(d.Attempts) != 1 || d.NextAttemptAt == nil {
		t.Fatalf("after the first attempt the delivery is %+v", d)
	}
	advance(t, m, 24*time.Hour)
	d := deliveryOf(t, m, id.DeliveryID)
	if d.Status != client.Succeeded || len(d.Attempts) != 3 {
		t.Fatalf("after a day the delivery is %s with %d attempts, want succeeded with 3", d.Status, len(d.Attempts))
	}
	if wait := d.Attempts[2].At.Sub(d.Attempts[0].At); wait != 35*time.Second {
		t.Errorf("the third attempt came %v after the first, want 35s", wait)
	}
	for i, r := range to.requests() {
		if got := r.envelope(t).ID; got != id.ID {
			t.Errorf("request %d has id %s, want %s", i, got, id.ID)
		}
		if err := verify(t, secret, r); err != nil {
			t.Errorf("request %d is refused: %v", i, err)
		}
	}
}

func TestExhaustionIsInTheLedger(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500)
	m := mockserver.New(t)
	m.SetWebhook(t, to.URL)
	id := emit(t, m, client.Event{Type: contract.ToolCallRequested})[0]
	advance(t, m, 48*time.Hour)
	want := len(contract.Dari().Delivery.Schedule)
	if d := deliveryOf(t, m, id.DeliveryID); d.Status != client.Failed || len(d.Attempts) != want {
		t.Fatalf("the delivery is %s with %d attempts, want failed with %d", d.Status, len(d.Attempts), want)
	}
	session := to.requests()[0].envelope(t).Data["session_id"].(string)
	var ledger struct {
		Events []struct {
			Type string         `json:"type"`
			Data map[string]any `json:"data"`
		} `json:"events"`
	}
	api(t, m, "GET", "/v1/sessions/"+session+"/events", "", &ledger)
	last := ledger.Events[len(ledger.Events)-1]
	if last.Type != "webhook.delivery_failed" || last.Data["delivery_id"] != id.DeliveryID {
		t.Errorf("the ledger ends with %+v", last)
	}
	advance(t, m, 240*time.Hour)
	if got := len(to.requests()); got != want {
		t.Errorf("%d requests came, want no more than %d", got, want)
	}
}

// TestFullQueueIsInTheLedger has no room for the webhook of a tool call: nothing may vanish without a word.
func TestFullQueueIsInTheLedger(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.MaxPending = 1 })
	m.SetWebhook(t, newReceiver(t, 500).URL)
	emit(t, m, client.Event{Type: contract.ToolCallRequested}) // fails, and waits for its next attempt
	advance(t, m, 0)
	c := newCaller(t, m)
	session := c.message("hello")
	types, data := c.events(session, "webhook.delivery_failed")
	if data["event_type"] != contract.ToolCallRequested || data["attempts"] != 0.0 {
		t.Errorf("the ledger has %v and %v, want the tool call as not delivered", types, data)
	}
}

// TestBrowserFindsTheConsole opens the mock as who has only its address would.
func TestBrowserFindsTheConsole(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	for _, path := range []string{"/", "/_mock/", "/_mock"} {
		resp, err := http.Get(m.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if at := resp.Request.URL.Path; resp.StatusCode != http.StatusOK || !strings.HasPrefix(at, "/_mock/console") {
			t.Errorf("%s leads to %s with %s, want the console", path, at, resp.Status)
		}
	}
}
