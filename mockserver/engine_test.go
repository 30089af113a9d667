package mockserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// serve starts a receiver of one function.
func serve(t testing.TB, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

// firstAttempt emits one event to a receiver and returns its first attempt.
func firstAttempt(t *testing.T, f http.HandlerFunc, options ...func(*mockserver.Options)) client.Attempt {
	t.Helper()
	m := mockserver.New(t, options...)
	m.SetWebhook(t, serve(t, f))
	id := emit(t, m, client.Event{Type: contract.SessionCompleted})[0].DeliveryID
	idle(t, m)
	return deliveryOf(t, m, id).Attempts[0]
}

func TestEndlessAnswerIsBounded(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	a := firstAttempt(t, func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 64<<10)
		for r.Context().Err() == nil {
			n, err := w.Write(block)
			if written.Add(int64(n)); err != nil {
				return
			}
		}
	})
	if !a.Succeeded() || len(a.Response.Body) != 8192 {
		t.Errorf("the attempt has %d bytes of the answer and %v, want 8192 and success", len(a.Response.Body), a.Error)
	}
	if n := written.Load(); n > 64<<20 {
		t.Errorf("the receiver could send %d bytes", n)
	}
}

// TestMalformedAnswerIsNotedInShort has a receiver answer with a header line that the library's error would quote whole.
func TestMalformedAnswerIsNotedInShort(t *testing.T) {
	t.Parallel()
	attempt := firstAttempt(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nno colon "+strings.Repeat("x", 10_000)+"\r\n\r\n")
	})
	if attempt.Error == nil || !strings.Contains(*attempt.Error, "malformed") || len(*attempt.Error) > 400 {
		t.Errorf("%+v", attempt)
	}
}

func TestSilentReceiverTimesOut(t *testing.T) {
	t.Parallel()
	a := firstAttempt(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, func(o *mockserver.Options) { o.Timeout = 50 * time.Millisecond })
	if a.Error == nil || !strings.Contains(*a.Error, "no answer within 50ms") || a.Response != nil {
		t.Errorf("the attempt is %+v", a)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t)
	a := firstAttempt(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if a.Response == nil || a.Response.Status != 307 || a.Succeeded() || len(elsewhere.requests()) != 0 {
		t.Errorf("the attempt is %+v and %d requests came elsewhere", a, len(elsewhere.requests()))
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name   string
		status int
		value  func() string
		least  time.Duration
		most   time.Duration
	}{
		{"ok/seconds", 503, func() string { return "90" }, 90 * time.Second, 90 * time.Second},
		{"ok/too many requests", 429, func() string { return "90" }, 90 * time.Second, 90 * time.Second},
		{"ok/date", 503, func() string { return time.Now().Add(2 * time.Minute).UTC().Format(http.TimeFormat) }, 110 * time.Second, 2 * time.Minute},
		{"ok/capped", 503, func() string { return "99999999999999999999"[:18] }, time.Hour, time.Hour},
		{"ok/shorter than the schedule", 503, func() string { return "1" }, 5 * time.Second, 5 * time.Second},
		{"fail/other status", 500, func() string { return "90" }, 5 * time.Second, 5 * time.Second},
		{"fail/negative", 503, func() string { return "-5" }, 5 * time.Second, 5 * time.Second},
		{"fail/past date", 503, func() string { return "Mon, 02 Jan 2006 15:04:05 GMT" }, 5 * time.Second, 5 * time.Second},
		{"fail/words", 503, func() string { return "later" }, 5 * time.Second, 5 * time.Second},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			m := mockserver.New(t, func(o *mockserver.Options) { o.RetryAfterCap = time.Hour })
			m.SetWebhook(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", row.value())
				w.WriteHeader(row.status)
			}))
			id := emit(t, m, client.Event{Type: contract.SessionCompleted})[0].DeliveryID
			idle(t, m)
			d := deliveryOf(t, m, id)
			if wait := d.NextAttemptAt.Sub(d.CreatedAt); wait < row.least || wait > row.most {
				t.Errorf("the next attempt is after %v, want %v to %v", wait, row.least, row.most)
			}
		})
	}
}

// movedName says that every name is public, as it was when the webhook was configured; the connection finds otherwise.
func TestNameThatMovedIsRefused(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.AllowInsecureURLs, o.Resolver = false, publicNames{} })
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the receiver was connected to")
	}))
	t.Cleanup(receiver.Close)
	_, port, err := net.SplitHostPort(receiver.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	m.SetWebhook(t, "https://localhost:"+port+"/")
	id := emit(t, m, client.Event{Type: contract.SessionCompleted})[0].DeliveryID
	idle(t, m)
	a := deliveryOf(t, m, id).Attempts[0]
	if a.Error == nil || !strings.Contains(*a.Error, "public IP addresses only") {
		t.Errorf("the attempt is %+v", a)
	}
}

func TestWebhookRemovedEndsDelivery(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500)
	m := mockserver.New(t)
	m.SetWebhook(t, to.URL)
	id := emit(t, m, client.Event{Type: contract.SessionCompleted})[0].DeliveryID
	idle(t, m)
	api(t, m, "DELETE", "/v1/agents/"+m.AgentID+"/webhook", "", nil)
	advance(t, m, 48*time.Hour)
	d := deliveryOf(t, m, id)
	if d.Status != client.Failed || len(d.Attempts) != 2 || len(to.requests()) != 1 {
		t.Errorf("the delivery is %s with %d attempts and %d requests", d.Status, len(d.Attempts), len(to.requests()))
	}
}

func TestResend(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500, 500, 200)
	m := mockserver.New(t, func(o *mockserver.Options) { o.RetrySchedule = []time.Duration{0, time.Second} })
	secret := m.SetWebhook(t, to.URL)
	e := emit(t, m, client.Event{Type: contract.SessionCompleted})[0]
	advance(t, m, time.Hour)
	if d := deliveryOf(t, m, e.DeliveryID); d.Status != client.Failed {
		t.Fatalf("the delivery is %s, want failed", d.Status)
	}
	for i := range 2 {
		if d, err := m.Client.Resend(t.Context(), e.DeliveryID); err != nil || d.Status != client.Pending {
			t.Fatalf("resending answered %+v, %v", d, err)
		}
		idle(t, m)
		if d := deliveryOf(t, m, e.DeliveryID); d.Status != client.Succeeded || len(d.Attempts) != 3+i {
			t.Errorf("resent, the delivery is %s with %d attempts", d.Status, len(d.Attempts))
		}
	}
	for _, r := range to.requests() {
		if r.envelope(t).ID != e.ID || verify(t, secret, r) != nil {
			t.Error("a resent delivery has another id, or is not signed")
		}
	}
	if refused, ok := errors.AsType[*client.Error](second(m.Client.Resend(t.Context(), "dlv_nothing"))); !ok || refused.Status != 404 {
		t.Errorf("resending nothing answered %v", refused)
	}
}

func second[A any](_ A, err error) error { return err }

func TestHistoryAndPendingAreBounded(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t, func(o *mockserver.Options) { o.History, o.MaxPending = 10, 100 })
	m.SetWebhook(t, to.URL)
	emit(t, m, client.Event{Type: contract.SessionCompleted, Count: 50})
	idle(t, m)
	page, err := m.Client.Deliveries(t.Context(), client.Query{Limit: 3})
	if err != nil || page.Total != 10 || page.Dropped != 40 || len(page.Deliveries) != 3 || page.Next == "" {
		t.Errorf("the page is %d of %d, %d dropped, next %q (%v)", len(page.Deliveries), page.Total, page.Dropped, page.Next, err)
	}
	seen := map[string]bool{}
	for query := (client.Query{Limit: 3}); ; query.Cursor = page.Next {
		if page, err = m.Client.Deliveries(t.Context(), query); err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Deliveries {
			seen[d.ID] = true
		}
		if page.Next == "" {
			break
		}
	}
	if len(seen) != 10 {
		t.Errorf("the pages hold %d deliveries, want 10", len(seen))
	}
	_, err = m.Client.Emit(t.Context(), client.Event{Type: contract.SessionCompleted, Count: 101})
	if refused, ok := errors.AsType[*client.Error](err); !ok || refused.Status != 503 {
		t.Errorf("too many events at once answered %v, want 503", err)
	}
}

// TestMemoryIsBounded fills a small mock with large events that wait: what comes next is refused whole, before it leaves a
// session behind, with what to do about it.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t, func(o *mockserver.Options) { o.MaxMemory = 1 << 20 })
	m.SetWebhook(t, newReceiver(t, 500).URL)
	large := client.Event{Type: contract.ToolCallRequested, Data: map[string]json.RawMessage{
		"arguments": json.RawMessage(`"` + strings.Repeat("x", 100<<10) + `"`),
	}}
	var err error
	for i := 0; err == nil && i < 20; i++ {
		_, err = m.Client.Emit(t.Context(), large)
	}
	refused, ok := errors.AsType[*client.Error](err)
	if !ok || refused.Status != 503 || !strings.Contains(refused.Detail, "/_mock/reset") || !strings.Contains(refused.Detail, "--max-memory") {
		t.Fatalf("too much at once answered %v, want 503 and what to do", err)
	}
	idle(t, m)
	full := statusOf(t, m)
	if full.Memory < 800<<10 || full.Memory > full.MaxMemory || full.MaxMemory != 1<<20 {
		t.Errorf("deliveries take %d of %d bytes", full.Memory, full.MaxMemory)
	}
	if _, err := m.Client.Emit(t.Context(), large); err == nil {
		t.Error("there is room again")
	}
	if got := statusOf(t, m); got.Sessions != full.Sessions {
		t.Errorf("a refused event left %d sessions where there were %d", got.Sessions, full.Sessions)
	}
	if err := m.Client.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.SetWebhook(t, newReceiver(t).URL)
	emit(t, m, large)
	if got := statusOf(t, m); got.Memory < 100<<10 || got.Memory > 200<<10 {
		t.Errorf("after a reset one delivery takes %d bytes", got.Memory)
	}
}

func statusOf(t testing.TB, m *mockserver.Mock) client.Status {
	t.Helper()
	s, err := m.Client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500)
	m := mockserver.New(t)
	m.SetWebhook(t, to.URL)
	emit(t, m, client.Event{Type: contract.SessionCompleted})
	idle(t, m)
	if err := m.Client.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	advance(t, m, 48*time.Hour)
	status, err := m.Client.Status(t.Context())
	if err != nil || status.Sessions != 0 || status.Agents != 1 || status.Deliveries[client.Pending] != 0 || len(to.requests()) != 1 {
		t.Errorf("after the reset the mock is %+v (%v) and %d requests came", status, err, len(to.requests()))
	}
	emitUnheard(t, m, client.Event{Type: contract.SessionCompleted}, "no webhook is set")
}

func TestStopEndsAttempts(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	receiver := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	m, err := mockserver.Start(ctx, mockserver.Options{AllowInsecureURLs: true, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Client.SetWebhook(ctx, m.AgentID, client.WebhookSpec{URL: receiver, EventTypes: []string{contract.SessionCompleted}}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Client.Emit(ctx, client.Event{Type: contract.SessionCompleted}); err != nil {
		t.Fatal(err)
	}
	<-began
	cancel()
	<-m.Done()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/mock.sock"
	for range 2 { // the second finds the socket that the first has left, or its removal
		m, err := mockserver.Start(t.Context(), mockserver.Options{Listen: "unix/" + path})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := m.Client.Status(t.Context()); err != nil || m.URL != "unix:"+path {
			t.Errorf("at %s: %+v, %v", m.URL, status, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

var full = flag.Bool("full", false, "run the load test with 100,000 events")

// A hundred endpoints, of which one never answers: the others get everything, and the memory stays bounded.
func TestSlowEndpointDelaysNoOther(t *testing.T) {
	const endpoints = 100
	events := 5_000
	if *full {
		events = 100_000
	}
	var got atomic.Int64
	release := make(chan struct{})
	quick := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		got.Add(1)
	})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	m := mockserver.New(t, func(o *mockserver.Options) { o.Timeout = time.Minute })
	before := heap()
	began := time.Now()
	for i := range endpoints {
		agent, err := m.Client.SetAgent(t.Context(), fmt.Sprintf("agt_%d", i), client.AgentSpec{})
		if err != nil {
			t.Fatal(err)
		}
		to := quick
		if i == 0 {
			to = slow
		}
		if _, err := m.Client.SetWebhook(t.Context(), agent.ID, client.WebhookSpec{URL: to, EventTypes: []string{contract.ToolCallRequested}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range endpoints {
		emit(t, m, client.Event{AgentID: fmt.Sprintf("agt_%d", i), Type: contract.ToolCallRequested, Count: events / endpoints})
	}
	others := fmt.Sprint(events / endpoints * (endpoints - 1))
	waitFor(t, m, &got, int64(events/endpoints*(endpoints-1)))
	took := time.Since(began)
	status, err := m.Client.Status(t.Context())
	if err != nil || status.Deliveries[client.Pending] != events/endpoints {
		t.Errorf("with the slow endpoint waiting: %+v, %v", status, err)
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%s events to %d endpoints beside a silent one in %v, %.0f a second; the heap grew by %d MiB",
		others, endpoints-1, took.Round(time.Millisecond), float64(got.Load())/took.Seconds(), grown>>20)
	if limit := int64(512 << 20); grown > limit {
		t.Errorf("the heap grew by %d MiB, want at most %d", grown>>20, limit>>20)
	}
	close(release)
	idle(t, m)
}

// waitFor waits, by asking the mock, until so many requests have come.
func waitFor(t *testing.T, m *mockserver.Mock, got *atomic.Int64, want int64) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for got.Load() < want {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d requests came", got.Load(), want)
		}
		// An assertion that cannot hold yet waits for changes, which is what there is to wait for.
		m.Client.Assert(t.Context(), url.Values{"agent_id": {"agt_0"}, "status": {"succeeded"}, "wait": {"50ms"}})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
