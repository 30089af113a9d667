package listen_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/listen"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/signature"
)

// application is a receiver as a developer writes it: it verifies each delivery and answers tool calls.
type application struct {
	*httptest.Server
	t        *testing.T
	key      string
	verifier *signature.Verifier
	submits  bool
	got      chan string // the type and id of each delivery
}

func newApplication(t *testing.T, key string, submits bool) *application {
	t.Helper()
	a := &application{t: t, key: key, verifier: verifier(t, contract.Scheme{}), submits: submits, got: make(chan string, 1000)}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		a.t.Errorf("reading a delivery: %v", err)
	}
	if _, err := a.verifier.Verify(r.Header, body, time.Now()); err != nil {
		a.t.Errorf("a delivery was refused: %v", err)
	}
	var event struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data struct {
			SubmitURL  string `json:"submit_url"`
			MessageID  string `json:"message_id"`
			ToolCallID string `json:"tool_call_id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &event); err != nil || event.ID != r.Header.Get(contract.HeaderID) {
		a.t.Errorf("the delivery %q is %s: %v", r.Header.Get(contract.HeaderID), body, err)
	}
	if a.submits && event.Type == contract.ToolCallRequested {
		var answer struct{}
		post(a.t, event.Data.SubmitURL, a.key, map[string]any{
			"type": "tool.result_submitted", "message_id": event.Data.MessageID, "tool_call_id": event.Data.ToolCallID,
			"is_error": false, "result": map[string]string{"status": "shipped"},
		}, &answer)
	}
	a.got <- event.Type + " " + event.ID
	w.WriteHeader(http.StatusNoContent)
}

// received lists what has arrived.
func (a *application) received() (list []string) {
	for len(a.got) > 0 {
		list = append(list, <-a.got)
	}
	return list
}

// post calls the platform's API and expects that it accepts.
func post(t *testing.T, url, key string, in, out any) {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Error(err)
		return
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 != 2 || json.Unmarshal(body, out) != nil {
		t.Errorf("%s answered with status %d: %s (%v)", url, resp.StatusCode, body, err)
	}
}

// newSession makes a session of the mock's first agent.
func newSession(t *testing.T, m *mockserver.Mock) string {
	t.Helper()
	var session struct {
		ID string `json:"id"`
	}
	post(t, m.URL+"/v1/agents/"+m.AgentID+"/sessions", m.APIKey, map[string]any{"metadata": map[string]string{"order": "1042"}}, &session)
	return session.ID
}

// say sends a user's message into a session.
func say(t *testing.T, m *mockserver.Mock, session, text string) {
	t.Helper()
	var answer struct{}
	post(t, m.URL+"/v1/sessions/"+session+"/events", m.APIKey, map[string]any{
		"type": "user.message", "content": []map[string]string{{"type": "text", "text": text}},
	}, &answer)
}

func TestSessionOfTheMock(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.Scenario = "two_tools" })
	app := newApplication(t, m.APIKey, true)
	session := newSession(t, m)
	var refused atomic.Int32
	down := carrier(func(r *http.Request) (*http.Response, error) {
		if refused.Add(1) <= 2 {
			return nil, errors.New("connection refused")
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	l := listener(t, listen.Options{
		API: m.URL, Key: m.APIKey, Session: session, Forward: app.URL, Events: listen.Types(), Receiver: down,
		Schedule: []time.Duration{0, time.Millisecond, time.Millisecond},
	})
	said := make(chan struct{})
	go func() {
		defer close(said)
		say(t, m, session, "where is my order?")
	}()
	summary, err := l.Run(t.Context())
	<-said
	if err != nil || summary.Status != "completed" || summary.Delivered != 3 || summary.Failed != 0 {
		t.Errorf("the run came to %+v and %v", summary, err)
	}
	var types []string
	for _, got := range app.received() {
		types = append(types, strings.Fields(got)[0])
	}
	if want := []string{contract.ToolCallRequested, contract.ToolCallRequested, contract.SessionCompleted}; !slices.Equal(types, want) {
		t.Errorf("the receiver got %q, want %q", types, want)
	}
	results, err := m.Client.Results(t.Context())
	if err != nil || len(results) != 2 || results[0].Status != http.StatusAccepted || results[1].Status != http.StatusAccepted {
		t.Errorf("the platform got the results %+v (%v)", results, err)
	}
}

// cutting ends each stream after so many bytes.
type cutting struct {
	after   int64
	streams atomic.Int32
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/stream") {
		c.streams.Add(1)
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, c.after), resp.Body}
	}
	return resp, err
}

// emitUnheard emits events that no webhook takes: they are in the session's stream alone.
func emitUnheard(t *testing.T, m *mockserver.Mock, e client.Event) []client.Emitted {
	t.Helper()
	emitted, err := m.Client.Emit(t.Context(), e)
	if _, unheard := errors.AsType[*client.UndeliveredError](err); !unheard {
		t.Fatalf("emitting: %v, want events that no webhook takes", err)
	}
	return emitted
}

func TestCutStreamOfTheMockLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	const count = 100
	m := mockserver.New(t)
	session := newSession(t, m)
	named := map[string]json.RawMessage{"session_id": json.RawMessage(fmt.Sprintf("%q", session))}
	emitted := emitUnheard(t, m, client.Event{Type: contract.ToolCallRequested, Data: named, Count: count})
	emitUnheard(t, m, client.Event{Type: contract.SessionCompleted, Data: named})
	// The lengths fall on no boundary of events, so that the cuts fall anywhere in them.
	for _, after := range []int64{1709, 2503, 7919} {
		app := newApplication(t, m.APIKey, false) // the session has ended
		cut := &cutting{after: after}
		l := listener(t, listen.Options{
			API: m.URL, Key: m.APIKey, Session: session, Forward: app.URL + "/hooks", Platform: cut, Pause: time.Millisecond,
		})
		summary, err := l.Run(t.Context())
		if err != nil || summary.Status != "completed" || summary.Delivered != count {
			t.Errorf("with cuts each %d bytes the run came to %+v and %v", after, summary, err)
		}
		if cut.streams.Load() < 5 {
			t.Errorf("%d streams of %d bytes were enough: nothing was cut", cut.streams.Load(), after)
		}
		for i, got := range app.received() {
			if want := contract.ToolCallRequested + " " + emitted[i].ID; got != want {
				t.Errorf("delivery %d is %q, want %q", i, got, want)
			}
		}
	}
}

func TestRefusalsOfTheMock(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.OtherAPIKey = "of another organization" })
	session := newSession(t, m)
	for name, row := range map[string]struct {
		key, session string
		status       int
	}{
		"fail/bad key":              {"wrong", session, http.StatusUnauthorized},
		"fail/another organization": {"of another organization", session, http.StatusForbidden},
		"fail/unknown session":      {m.APIKey, "sess_nobody", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			summary, err := listener(t, listen.Options{API: m.URL, Key: row.key, Session: row.session}).Run(t.Context())
			refusal, ok := errors.AsType[*listen.Refusal](err)
			if !ok || refusal.Status != row.status || summary != (listen.Summary{}) {
				t.Errorf("the run came to %+v and %v, want status %d", summary, err, row.status)
			}
		})
	}
}
