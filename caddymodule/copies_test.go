package caddymodule_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/darihook/darihook/contract"
)

// TestTwoCopiesAtTheSameInstant holds clause GATE-009, a hundred times over.
func TestTwoCopiesAtTheSameInstant(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		var perID sync.Map
		r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
			n, _ := perID.LoadOrStore(req.Header.Get(contract.HeaderID), new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
			w.WriteHeader(http.StatusCreated)
		})
		g.load(by.site(r, inMemory()))
		for i := range 100 {
			id := fmt.Sprintf("evt_%d", i)
			start := make(chan struct{})
			answers := make(chan answer, 2)
			for range 2 {
				req := g.request(event(id))
				go func() {
					<-start
					a, _ := sendBy(g.client, req)
					answers <- a
				}()
			}
			close(start)
			first, second := <-answers, <-answers
			if first.status != http.StatusCreated || second.status != http.StatusCreated || first.duplicate() == second.duplicate() {
				t.Fatalf("%s: %s and %s", id, first, second)
			}
			if n, _ := perID.Load(id); n.(*atomic.Int64).Load() != 1 {
				t.Fatalf("%s: the receiver saw it %d times", id, n)
			}
		}
	})
}

// inTurn answers each call with the next function, and the last for all after it.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	var calls atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		answers[min(n, len(answers))-1](w, r)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// breakOff answers, and breaks the connection after a part of the body.
func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write([]byte("part"))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// TestFailuresLetTheNextCopyThrough holds clause GATE-007: whatever the first attempt came to, the retry is a new one.
func TestFailuresLetTheNextCopyThrough(t *testing.T) {
	for name, row := range map[string]struct {
		fails  http.HandlerFunc
		answer int // 0: the connection breaks
	}{
		"ok/500":        {status(500), 500},
		"ok/404":        {status(404), 404},
		"ok/302":        {status(302), 302},
		"ok/429":        {status(429), 429},
		"ok/panic":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 502},
		"ok/broken off": {breakOff, 0},
		"ok/time-out":   {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 504},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, by way) {
				g, r := newGateway(t), newReceiver(t, inTurn(row.fails, status(200)))
				g.load(by.impatient(r, inMemory()))
				g.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				a, err := sendBy(g.client, g.request(event("evt_1")))
				if row.answer == 0 && err == nil || row.answer != 0 && a.status != row.answer {
					t.Fatalf("the first attempt: %s (%v), want %d", a, err, row.answer)
				}
				if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
					t.Errorf("the second attempt: %s", a)
				}
				if a := g.deliver("evt_1"); !a.duplicate() {
					t.Errorf("after success: %s", a)
				}
				if n := r.hits.Load(); n != 2 {
					t.Errorf("the receiver was called %d times, want 2", n)
				}
			})
		})
	}
}

func TestReceiverThatCannotBeReached(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, nil)
		g.load("handle /dead {\n" + by.siteAt("unix/"+g.dir+"/nobody", inMemory()) + "\n}\nhandle {\n" + by.site(r, inMemory()) + "\n}")
		req := g.request(event("evt_1"))
		req.URL.Path = "/dead"
		if a := g.send(req); a.status != http.StatusBadGateway {
			t.Fatalf("%s", a)
		}
		if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
			t.Errorf("the next attempt: %s", a)
		}
	})
}

// TestWaitingCopyTakesOver shows the second of two copies at once reaching the receiver when the first fails.
func TestWaitingCopyTakesOver(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		fail := make(chan struct{})
		letFail := sync.OnceFunc(func() { close(fail) })
		r := newReceiver(t, inTurn(func(w http.ResponseWriter, _ *http.Request) {
			<-fail
			w.WriteHeader(http.StatusInternalServerError)
		}, status(http.StatusAccepted)))
		t.Cleanup(letFail)
		g.load(by.site(r, inMemory()))
		answers := make(chan answer, 2)
		for range 2 {
			req := g.request(event("evt_1"))
			go func() {
				a, _ := sendBy(g.client, req)
				answers <- a
			}()
		}
		eventually(t, "both copies under way", func() bool {
			return g.metric(`caddy_dari_webhook_in_flight{provider="dari"}`) == "2"
		})
		letFail()
		first, second := <-answers, <-answers
		if first.status == http.StatusAccepted { // its sender may be the quicker one to read
			first, second = second, first
		}
		if first.status != http.StatusInternalServerError || second.status != http.StatusAccepted || second.duplicate() {
			t.Errorf("%s and %s", first, second)
		}
	})
}

// TestSenderHangsUp holds clause GATE-008: the receiver's work goes on, and the retry is given its outcome.
func TestSenderHangsUp(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		for name, answer := range map[string]http.HandlerFunc{
			"ok/before the answer": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) },
			"ok/long answer": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				for range 100 {
					_, _ = w.Write([]byte(strings.Repeat("x", 64<<10)))
					_ = http.NewResponseController(w).Flush()
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				g := newGateway(t)
				reached, proceed := make(chan struct{}), make(chan struct{})
				r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
					close(reached)
					<-proceed
					answer(w, req)
					if err := req.Context().Err(); err != nil {
						t.Errorf("the receiver's work was cancelled: %v", err)
					}
				})
				g.load(by.site(r, inMemory()))
				ctx, hangUp := context.WithCancel(t.Context())
				gone := make(chan error, 1)
				req := g.request(event("evt_1")).WithContext(ctx)
				go func() {
					_, err := sendBy(g.client, req)
					gone <- err
				}()
				<-reached
				hangUp()
				if err := <-gone; err == nil {
					t.Fatal("the sender got an answer")
				}
				close(proceed)
				if a := g.deliver("evt_1"); a.status != http.StatusAccepted || !a.duplicate() {
					t.Errorf("the retry: %s, want the recorded 202", a)
				}
				if n := r.hits.Load(); n != 1 {
					t.Errorf("the receiver was called %d times", n)
				}
			})
		}
	})
}

// TestReceiverSlowerThanTheLease shows that a claim is renewed: nothing runs twice.
func TestReceiverSlowerThanTheLease(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		proceed := make(chan struct{})
		r := newReceiver(t, func(http.ResponseWriter, *http.Request) { <-proceed })
		g.load(by.site(r, "dedup memory {\nlease 900ms\nin_flight reject\n}"))
		done := make(chan answer, 1)
		req := g.request(event("evt_1"))
		go func() {
			a, _ := sendBy(g.client, req)
			done <- a
		}()
		eventually(t, "four renewals, which take longer than the lease", func() bool {
			if r.hits.Load() == 0 {
				return false
			}
			if a := g.deliver("evt_1"); a.code() != string(contract.CodeInFlight) {
				t.Fatalf("a copy: %s", a)
			}
			n := g.metric(`caddy_dari_webhook_store_seconds_count{operation="renew",provider="dari"}`)
			return len(n) > 1 || n >= "4"
		})
		close(proceed)
		if a := <-done; a.status != http.StatusOK {
			t.Errorf("%s", a)
		}
		if a := g.deliver("evt_1"); !a.duplicate() || r.hits.Load() != 1 {
			t.Errorf("%s after %d calls", a, r.hits.Load())
		}
	})
}

func TestConfiguredSuccess(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		r := newReceiver(t, inTurn(status(200), status(409)))
		g.load(by.site(r, "dedup memory {\nsuccess 201 4xx\n}"))
		if a := g.deliver("evt_1"); a.status != 200 {
			t.Fatalf("%s", a)
		}
		if a := g.deliver("evt_1"); a.status != 409 || a.duplicate() {
			t.Fatalf("200 counted as success: %s", a)
		}
		if a := g.deliver("evt_1"); a.status != 409 || !a.duplicate() {
			t.Errorf("409 did not count as success: %s", a)
		}
	})
}

// TestErrorOfTheNextHandler shows that it passes through with its own status, and that the claim is released.
func TestErrorOfTheNextHandler(t *testing.T) {
	g := newGateway(t)
	g.load("route {\n" + gateBlock(inMemory()) + "\nerror \"no\" 418\n}\nhandle_errors {\nrespond \"{err.status_code} [{http.dari_webhook.code}]\"\n}")
	for range 2 {
		if a := g.deliver("evt_1"); a.status != http.StatusTeapot || a.body != "418 []" || a.duplicate() {
			t.Errorf("%s", a)
		}
	}
}

// TestInformationalAnswers shows 1xx answers passing through without counting as the outcome.
func TestInformationalAnswers(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		r := newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		})
		g.load(by.site(r, inMemory()))
		if a := g.deliver("evt_1"); a.status != http.StatusNoContent {
			t.Errorf("%s", a)
		}
		if a := g.deliver("evt_1"); a.status != http.StatusNoContent || !a.duplicate() {
			t.Errorf("a copy: %s", a)
		}
	})
}

// TestForgedRequestsLeaveNoTrace holds clause DUP-004.
func TestForgedRequestsLeaveNoTrace(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(inMemory()) + "\n" + r.proxy())
	forged := g.request(event("evt_1"))
	const workers, each = 8, 1250
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				req := forged.Clone(t.Context())
				body := event(fmt.Sprintf("evt_%d", w*each+i+2))
				setBody(req, body)
				if a, err := sendBy(g.client, req); err != nil || a.code() != string(contract.CodeSignatureMismatch) {
					t.Errorf("%s (%v)", a, err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, state := range []string{"in_flight", "done"} {
		if n := g.metric(`caddy_dari_webhook_store_ids{state="` + state + `",store="memory"}`); n != "0" {
			t.Errorf("%s in the store: %s", state, n)
		}
	}
	if n := g.metric(`caddy_dari_webhook_requests_total{code="signature_mismatch",decision="refused",provider="dari"}`); n != "10000" {
		t.Errorf("%s requests refused, want 10000", n)
	}
	if n := g.metric(`caddy_dari_webhook_body_bytes{provider="dari"}`); n != "0" {
		t.Errorf("%s bytes of bodies left over", n)
	}
	if r.hits.Load() != 0 {
		t.Errorf("%d forged requests reached the receiver", r.hits.Load())
	}
	if a := g.deliver("evt_2"); a.status != http.StatusOK || a.duplicate() {
		t.Errorf("the true delivery: %s", a)
	}
}

// TestIDHeaderCannotVaryTheKey holds clause ID-003.
func TestIDHeaderCannotVaryTheKey(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(inMemory()) + "\n" + r.proxy())
	g.deliver("evt_1")
	for id, code := range map[string]string{"evt_1": "", "evt_2": "id_mismatch", "": "id_mismatch"} {
		req := g.request(event("evt_1"))
		req.Header[contract.HeaderID] = []string{id}
		if a := g.send(req); a.code() != code || (code == "") != a.duplicate() {
			t.Errorf("with the id %q: %s", id, a)
		}
	}
	req := g.request(event("evt_1"))
	req.URL.Path, req.Host = "/elsewhere", "gate.test"
	if a := g.send(req); !a.duplicate() {
		t.Errorf("at another path: %s", a)
	}
	if r.hits.Load() != 1 {
		t.Errorf("the receiver was called %d times", r.hits.Load())
	}
}

func TestUnavailableStoreAllowed(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock("dedup test_broken {\non_unavailable allow\n}") + "\n" + r.proxy())
	for range 20 { // more than the circuit breaker lets through
		if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
			t.Fatalf("%s", a)
		}
	}
	if n := g.metric(`caddy_dari_webhook_unrecorded_total{provider="dari"}`); n != "20" || r.hits.Load() != 20 {
		t.Errorf("%s unrecorded, %d received", n, r.hits.Load())
	}
	if n := g.metric(`caddy_dari_webhook_breaker_open{provider="dari"}`); n != "1" {
		t.Errorf("breaker open: %s", n)
	}
}
