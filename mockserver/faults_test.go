package mockserver_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/signature"
)

// seen is what came of one event under a fault.
type seen struct {
	event    client.Emitted
	secret   string
	requests []request
	delivery client.Delivery
}

// code is how a receiver judges the first request.
func (s seen) code(t *testing.T) contract.Code {
	t.Helper()
	err := verify(t, s.secret, s.requests[0])
	if err == nil {
		return ""
	}
	refusal, ok := errors.AsType[*signature.Error](err)
	if !ok {
		t.Fatalf("verifying: %v", err)
	}
	return refusal.Code
}

// wantCode expects a verdict, empty for none.
func wantCode(want contract.Code) func(*testing.T, seen) {
	return func(t *testing.T, s seen) {
		t.Helper()
		if got := s.code(t); got != want {
			t.Errorf("a receiver says %q, want %q", got, want)
		}
	}
}

// wantBody expects a genuine signature and something of the body.
func wantBody(holds func(body []byte) bool) func(*testing.T, seen) {
	return func(t *testing.T, s seen) {
		t.Helper()
		wantCode("")(t, s)
		if !holds(s.requests[0].body) {
			t.Errorf("the body is %.200q", s.requests[0].body)
		}
	}
}

// wantCopies expects the same delivery so many times, each signed rightly.
func wantCopies(n int) func(*testing.T, seen) {
	return func(t *testing.T, s seen) {
		t.Helper()
		if len(s.requests) != n || len(s.delivery.Attempts) != n {
			t.Fatalf("%d requests and %d attempts, want %d", len(s.requests), len(s.delivery.Attempts), n)
		}
		for _, r := range s.requests {
			if r.envelope(t).ID != s.event.ID || verify(t, s.secret, r) != nil {
				t.Errorf("a copy differs: %.200q", r.body)
			}
		}
		if s.delivery.Status != client.Succeeded {
			t.Errorf("the delivery is %s", s.delivery.Status)
		}
	}
}

// onWire is what each kind of fault looks like to a receiver.
var onWire = map[string]func(*testing.T, seen){
	"wrong_secret":          wantCode(contract.CodeSignatureMismatch),
	"no_signature":          wantCode(contract.CodeSignatureMissing),
	"two_signature_headers": wantCode(contract.CodeSignatureAmbiguous),
	"two_timestamps":        wantCode(contract.CodeSignatureAmbiguous),
	"unknown_version":       wantCode(contract.CodeSignatureMissing),
	"stale":                 wantCode(contract.CodeTimestampStale),
	"future":                wantCode(contract.CodeTimestampFuture),
	"tampered_body":         wantCode(contract.CodeSignatureMismatch),
	"reserialized_body": func(t *testing.T, s seen) {
		wantCode(contract.CodeSignatureMismatch)(t, s)
		if s.requests[0].envelope(t).ID != s.event.ID {
			t.Error("the JSON is not the same")
		}
	},
	"old_and_new_secret": func(t *testing.T, s seen) {
		wantCode("")(t, s)
		if n := strings.Count(s.requests[0].header.Get(contract.HeaderSignature), "v1="); n != 2 {
			t.Errorf("%d signatures, want 2", n)
		}
	},
	"other_scheme": func(t *testing.T, s seen) {
		wantCode(contract.CodeSignatureMismatch)(t, s)
		if got := s.delivery.Attempts[0].Scheme; got != "dari-body" {
			t.Errorf("signed by %s, want dari-body", got)
		}
	},
	"oversized_body": wantBody(func(body []byte) bool { return len(body) == 6<<20 && json.Valid(body) }),
	"not_json":       wantBody(func(body []byte) bool { return !json.Valid(body) }),
	"no_id":          wantBody(func(body []byte) bool { return !bytes.Contains(body, []byte("evt_")) && json.Valid(body) }),
	"gzip": func(t *testing.T, s seen) {
		wantCode("")(t, s)
		plain, err := gzip.NewReader(bytes.NewReader(s.requests[0].body))
		if err != nil || s.requests[0].header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("not gzip: %v", err)
		}
		if body, err := io.ReadAll(plain); err != nil || !bytes.Contains(body, []byte(s.event.ID)) {
			t.Errorf("the compressed body is %.200q, %v", body, err)
		}
	},
	"id_header_differs": func(t *testing.T, s seen) {
		wantCode("")(t, s)
		if got := s.requests[0].header.Get(contract.HeaderID); got == s.event.ID || got == "" {
			t.Errorf("the id header is %q", got)
		}
	},
	"chunked": func(t *testing.T, s seen) {
		wantCode("")(t, s)
		if !slices.Equal(s.requests[0].coding, []string{"chunked"}) {
			t.Errorf("the transfer coding is %q", s.requests[0].coding)
		}
	},
	"slow_body": func(t *testing.T, s seen) {
		wantCode("")(t, s)
		if took := s.delivery.Attempts[0].DurationMS; took < 40 {
			t.Errorf("the body took %v ms, want at least 40", took)
		}
	},
	"truncated_body": wantHalf,
	"reset":          wantHalf,
	"expect_continue": func(t *testing.T, s seen) {
		wantCode("")(t, s)
		if got := s.requests[0].header.Get("Expect"); got != "100-continue" {
			t.Errorf("the header Expect is %q", got)
		}
	},
	"duplicate_sequential":    wantCopies(3),
	"duplicate_concurrent":    wantCopies(3),
	"duplicate_after_success": wantCopies(3),
	"delay": func(t *testing.T, s seen) {
		wantCopies(1)(t, s)
		if wait := s.delivery.Attempts[0].At.Sub(s.delivery.CreatedAt); wait != time.Minute {
			t.Errorf("the attempt came after %v, want 1m", wait)
		}
	},
	"reorder": func(t *testing.T, s seen) {
		wantCopies(1)(t, s)
		if wait := s.delivery.Attempts[0].At.Sub(s.delivery.CreatedAt); wait != 5*time.Second {
			t.Errorf("with nothing behind it the attempt came after %v, want 5s", wait)
		}
	},
}

// wantHalf expects a body that ends early, and a retry that carries the event all the same.
func wantHalf(t *testing.T, s seen) {
	t.Helper()
	if s.requests[0].err == nil {
		t.Error("the first request could be read to its end")
	}
	if n := len(s.requests); n != 2 {
		t.Fatalf("%d requests came, want 2", n)
	}
	if err := verify(t, s.secret, s.requests[1]); err != nil || s.delivery.Status != client.Succeeded {
		t.Errorf("the retry is refused: %v", err)
	}
}

// parameters are what some faults are given here.
var parameters = map[string]faults.Fault{
	"other_scheme":            {Scheme: "dari-body"},
	"slow_body":               {Duration: "40ms"},
	"delay":                   {Duration: "1m"},
	"duplicate_sequential":    {Copies: 2},
	"duplicate_concurrent":    {Copies: 2},
	"duplicate_after_success": {Copies: 2},
}

func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			check, ok := onWire[kind.Name]
			if !ok {
				t.Fatal("no row says what this fault looks like")
			}
			f := parameters[kind.Name]
			f.Kind = kind.Name
			check(t, strike(t, f))
		})
	}
	if len(onWire) != len(faults.Kinds()) {
		t.Errorf("the table has rows for %q, which are not all kinds", slices.Sorted(maps.Keys(onWire)))
	}
}

// strike emits one event whose first attempt a fault strikes, and lets an hour pass.
func strike(t *testing.T, f faults.Fault) seen {
	t.Helper()
	to := newReceiver(t)
	m := mockserver.New(t)
	s := seen{secret: m.SetWebhook(t, to.URL)}
	one := 1
	f.Next = &one
	s.event = emit(t, m, client.Event{Type: contract.SessionCompleted, Faults: []client.FaultRef{{Fault: f}}})[0]
	advance(t, m, time.Hour)
	for n := len(to.requests()); n < 2 && (f.Kind == "truncated_body" || f.Kind == "reset"); n = len(to.requests()) {
		<-to.arrived // the receiver may still be reading what the sender has given up
	}
	s.requests, s.delivery = to.requests(), deliveryOf(t, m, s.event.DeliveryID)
	if f.Kind == "truncated_body" || f.Kind == "reset" {
		slices.SortStableFunc(s.requests, func(a, b request) int {
			if (a.err == nil) == (b.err == nil) {
				return 0
			} else if a.err != nil {
				return -1
			}
			return 1
		})
	}
	return s
}

// The same seed gives the same sequence, another one another, and the attempts' overlap does not matter.
func TestFaultsRepeat(t *testing.T) {
	t.Parallel()
	half := 0.5
	sequence := func(seed uint64) (hits []bool) {
		to := newReceiver(t, 500)
		m := mockserver.New(t, func(o *mockserver.Options) { o.RetrySchedule = []time.Duration{0, time.Second, time.Second} })
		m.SetWebhook(t, to.URL)
		f := faults.Fault{Kind: "wrong_secret", Probability: &half, Seed: seed}
		if _, err := m.Client.AddFault(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		for _, e := range emit(t, m, client.Event{Type: contract.SessionCompleted, Count: 20}) {
			advance(t, m, time.Minute)
			for _, a := range deliveryOf(t, m, e.DeliveryID).Attempts {
				hits = append(hits, len(a.Faults) > 0)
			}
		}
		return hits
	}
	first := sequence(7)
	if len(first) != 60 || !slices.Contains(first, true) || !slices.Contains(first, false) {
		t.Fatalf("a probability of a half gave %v", first)
	}
	if again := sequence(7); !slices.Equal(first, again) {
		t.Errorf("the same seed gave %v and %v", first, again)
	}
	if other := sequence(8); slices.Equal(first, other) {
		t.Error("another seed gave the same sequence")
	}
}

func TestFaultResources(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t)
	m.SetWebhook(t, to.URL)
	two := 2
	added, err := m.Client.AddFault(t.Context(), faults.Fault{Kind: "no_signature", Next: &two, EventType: contract.SessionFailed})
	if err != nil {
		t.Fatal(err)
	}
	emit(t, m, client.Event{Type: contract.SessionCompleted})
	emit(t, m, client.Event{Type: contract.SessionFailed, Count: 3})
	idle(t, m)
	unsigned := 0
	for _, r := range to.requests() {
		if r.header.Get(contract.HeaderSignature) == "" {
			unsigned++
		}
	}
	list, err := m.Client.Faults(t.Context())
	if err != nil || len(list) != 1 || list[0].Struck != 2 || unsigned != 2 {
		t.Errorf("%d requests are unsigned and the faults are %+v (%v), want 2 hits", unsigned, list, err)
	}
	if err := m.Client.RemoveFault(t.Context(), added.ID); err != nil {
		t.Error(err)
	}
	if refused, ok := errors.AsType[*client.Error](m.Client.RemoveFault(t.Context(), added.ID)); !ok || refused.Status != 404 {
		t.Errorf("removing it again answered %v, want 404", refused)
	}
}

func TestReorder(t *testing.T) {
	t.Parallel()
	to := newReceiver(t)
	m := mockserver.New(t)
	m.SetWebhook(t, to.URL)
	held := emit(t, m, client.Event{Type: contract.SessionCompleted, Faults: []client.FaultRef{named("reorder")}})[0]
	idle(t, m)
	if n := len(to.requests()); n != 0 {
		t.Fatalf("%d requests came although the delivery is held back", n)
	}
	later := emit(t, m, client.Event{Type: contract.SessionCompleted})[0]
	idle(t, m)
	var order []string
	for _, r := range to.requests() {
		order = append(order, r.envelope(t).ID)
	}
	if want := []string{later.ID, held.ID}; !slices.Equal(order, want) {
		t.Errorf("the deliveries came as %q, want %q", order, want)
	}
}

// named is the fault of a kind for the first attempt.
func named(kind string) client.FaultRef {
	one := 1
	return client.FaultRef{Fault: faults.Fault{Kind: kind, Next: &one}}
}

func TestFaultsAreValidated(t *testing.T) {
	t.Parallel()
	m := mockserver.New(t)
	rows := []struct{ name, body, field string }{
		{"fail/no kind", `{}`, "kind"},
		{"fail/unknown kind", `{"kind":"gremlins"}`, "kind"},
		{"fail/negative count", `{"kind":"stale","next":-1}`, "next"},
		{"fail/zero count", `{"kind":"stale","next":0}`, "next"},
		{"fail/probability", `{"kind":"stale","probability":1.5}`, "probability"},
		{"fail/unknown event", `{"kind":"stale","event_type":"session.exploded"}`, "event_type"},
		{"fail/unknown scheme", `{"kind":"other_scheme","scheme":"rot13"}`, "scheme"},
		{"fail/missing scheme", `{"kind":"other_scheme"}`, "scheme"},
		{"fail/foreign parameter", `{"kind":"stale","copies":3}`, "copies"},
		{"fail/bad duration", `{"kind":"stale","duration":"soon"}`, "duration"},
		{"fail/negative duration", `{"kind":"delay","duration":"-1s"}`, "duration"},
		{"fail/too many copies", `{"kind":"duplicate_concurrent","copies":1000}`, "copies"},
		{"fail/huge body", `{"kind":"oversized_body","size":1000000000}`, "size"},
		{"fail/unknown field", `{"kind":"stale","colour":"red"}`, "colour"},
		{"fail/wrong type", `{"kind":7}`, "kind"},
		{"fail/repeated name", `{"kind":"stale","kind":"future"}`, "kind"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var answer struct {
				Detail []struct {
					Loc  []any  `json:"loc"`
					Msg  string `json:"msg"`
					Type string `json:"type"`
				} `json:"detail"`
			}
			status := api(t, m, http.MethodPost, "/_mock/faults", row.body, &answer)
			if status != 422 || len(answer.Detail) != 1 || answer.Detail[0].Msg == "" || answer.Detail[0].Type == "" {
				t.Fatalf("answered %d %+v, want 422 with one fault", status, answer)
			}
			if loc := answer.Detail[0].Loc; loc[len(loc)-1] != row.field {
				t.Errorf("the fault is at %v, want %s", loc, row.field)
			}
		})
	}
	if list, err := m.Client.Faults(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("refused faults are on: %v, %v", list, err)
	}
}

func TestAssert(t *testing.T) {
	t.Parallel()
	to := newReceiver(t, 500, 200)
	m := mockserver.New(t)
	m.SetWebhook(t, to.URL)
	emit(t, m, client.Event{Type: contract.SessionCompleted})
	advance(t, m, time.Hour)
	holds := url.Values{"deliveries": {"1"}, "status": {"succeeded"}, "attempts": {"2"}, "last_status": {"200"}, "results": {"0"}}
	if err := m.Client.Assert(t.Context(), holds); err != nil {
		t.Errorf("a true assertion was refused: %v", err)
	}
	for name, value := range map[string]string{"deliveries": "2", "status": "failed", "attempts": "1", "last_status": "500", "results": "3"} {
		claim := maps.Clone(holds)
		claim.Set(name, value)
		refused, ok := errors.AsType[*client.Error](m.Client.Assert(t.Context(), claim))
		if !ok || refused.Status != http.StatusExpectationFailed || !strings.Contains(refused.Detail, name) {
			t.Errorf("%s=%s answered %v, want 417 that names it", name, value, refused)
		}
	}
	for _, query := range []url.Values{{}, {"colour": {"red"}}, {"deliveries": {"many"}}, {"deliveries": {"1"}, "wait": {"1h"}}} {
		if refused, ok := errors.AsType[*client.Error](m.Client.Assert(t.Context(), query)); !ok || refused.Status != 422 {
			t.Errorf("the assertion %v answered %v, want 422", query, refused)
		}
	}
}
