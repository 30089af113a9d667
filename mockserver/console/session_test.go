package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/signature"
)

// receiver verifies deliveries as an application would, and answers as it is told to.
type receiver struct {
	*httptest.Server
	verifier *signature.Verifier
	// down makes it answer 503 to tool calls.
	down atomic.Bool
	// answer replaces the body of successes. Default: {"received":true}.
	answer atomic.Pointer[string]
}

func startReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		return
	}
	if _, err := r.verifier.Verify(req.Header, body, time.Now()); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":%q}`, err.Error())
		return
	}
	if r.down.Load() && strings.Contains(string(body), contract.ToolCallRequested) {
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"error":"the database is being moved"}`)
		return
	}
	if answer := r.answer.Load(); answer != nil {
		io.WriteString(w, *answer)
		return
	}
	io.WriteString(w, `{"received":true}`)
}

// start starts a mock with a manual clock whose first agent sends everything to a receiver.
func start(t *testing.T, options ...func(*mockserver.Options)) (*mockserver.Mock, *receiver) {
	t.Helper()
	mock, r := mockserver.New(t, options...), startReceiver(t)
	secret, err := signature.NewSecret(mock.SetWebhook(t, r.URL+"/webhooks/dari"))
	if err != nil {
		t.Fatalf("reading the secret: %v", err)
	}
	r.verifier, err = signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{secret}})
	if err != nil {
		t.Fatalf("making the receiver's verifier: %v", err)
	}
	return mock, r
}

// emit emits events of a type and returns the first one's delivery.
func emit(t *testing.T, mock *mockserver.Mock, eventType string, count int, data map[string]any, kinds ...string) string {
	t.Helper()
	event := client.Event{AgentID: mock.AgentID, Type: eventType, Count: count}
	for name, value := range data {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if event.Data == nil {
			event.Data = map[string]json.RawMessage{}
		}
		event.Data[name] = raw
	}
	once := 1
	for _, kind := range kinds {
		event.Faults = append(event.Faults, client.FaultRef{Fault: faults.Fault{Kind: kind, Next: &once}})
	}
	emitted, err := mock.Client.Emit(t.Context(), event)
	if err != nil {
		t.Fatalf("emitting: %v", err)
	}
	return emitted[0].DeliveryID
}

// settle waits for what is under way, and moves the clock.
func settle(t *testing.T, mock *mockserver.Mock, by time.Duration) {
	t.Helper()
	if err := mock.Client.Advance(t.Context(), by); err != nil {
		t.Fatalf("advancing the clock: %v", err)
	}
}

// schedule is short, so that a delivery can exhaust it in a session that a person might have.
func schedule(o *mockserver.Options) {
	o.RetrySchedule = []time.Duration{0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
}

// rehearse plays a session as a developer has it: most deliveries succeed, one has failed for good, a fault is on, and a
// tool call fails again and again. It returns the delivery of that call.
func rehearse(t *testing.T, mock *mockserver.Mock, r *receiver) string {
	t.Helper()
	play := func(types ...string) {
		for i, eventType := range types {
			emit(t, mock, eventType, 1, nil)
			settle(t, mock, time.Duration(3+7*i)*time.Second)
		}
	}
	play(contract.ToolCallRequested, contract.SessionCompleted, contract.ToolCallRequested)
	r.down.Store(true)
	emit(t, mock, contract.ToolCallRequested, 1, nil)
	settle(t, mock, 13*time.Minute)
	r.down.Store(false)
	play(contract.SessionFailed, contract.BatchCompleted, contract.ToolCallRequested, contract.SessionCompleted, contract.BatchPartialFailed)

	fault := faults.Fault{Kind: "stale", Probability: new(0.25), Seed: 7, EventType: contract.SessionCompleted}
	if _, err := mock.Client.AddFault(t.Context(), fault); err != nil {
		t.Fatalf("adding a fault: %v", err)
	}
	r.down.Store(true)
	failing := emit(t, mock, contract.ToolCallRequested, 1, map[string]any{
		"tool_name": "get_weather", "arguments": map[string]any{"city": "Zürich", "unit": "celsius"},
	}, "wrong_secret")
	for _, pause := range []time.Duration{0, 5 * time.Second, 30 * time.Second, 2 * time.Minute} {
		settle(t, mock, pause)
	}
	play(contract.SessionCompleted, contract.BatchCompleted, contract.SessionCompleted)
	return failing
}
