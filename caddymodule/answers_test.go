package caddymodule_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

func init() { caddy.RegisterModule(new(brokenStore)) }

// brokenStore is a store module that somebody else might write, whose store cannot answer.
type brokenStore struct{}

func (*brokenStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.dari_webhook.stores.test_broken",
		New: func() caddy.Module { return new(brokenStore) },
	}
}

func (*brokenStore) Address() string                               { return "" }
func (*brokenStore) Adjust(caddymodule.Store) error                { return nil }
func (*brokenStore) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }
func (*brokenStore) Open(*slog.Logger) (caddymodule.Store, error) {
	module := new(caddymodule.MemoryStore)
	store, err := module.Open(nil)
	return mute{store}, err
}

// mute is a store that has lost its tongue.
type mute struct{ caddymodule.Store }

var errMute = errors.New("the store says nothing")

func (mute) Claim(_ context.Context, _ caddymodule.Key, _ caddymodule.Owner, _ time.Duration) (caddymodule.Claim, error) {
	return caddymodule.Claim{}, errMute
}

// provocations make the gate give each of its answers.
var provocations = map[contract.Code]func(*testing.T, *gateway) answer{
	contract.CodeMethodNotAllowed: changed(func(r *http.Request) { r.Method = http.MethodPut }),
	contract.CodeSignatureMissing: changed(func(r *http.Request) { r.Header.Del(contract.HeaderSignature) }),
	contract.CodeSignatureAmbiguous: changed(func(r *http.Request) {
		r.Header.Add(contract.HeaderSignature, r.Header.Get(contract.HeaderSignature))
	}),
	contract.CodeSignatureMalformed: changed(func(r *http.Request) { r.Header.Set(contract.HeaderSignature, "t=1,v1=zz") }),
	contract.CodeTimestampMissing: changed(func(r *http.Request) {
		_, sum, _ := strings.Cut(r.Header.Get(contract.HeaderSignature), ",")
		r.Header.Set(contract.HeaderSignature, sum)
		r.Header.Del(contract.HeaderTimestamp)
	}),
	contract.CodeTimestampMalformed: changed(func(r *http.Request) {
		_, sum, _ := strings.Cut(r.Header.Get(contract.HeaderSignature), ",")
		r.Header.Set(contract.HeaderSignature, "t=now,"+sum)
		r.Header.Del(contract.HeaderTimestamp)
	}),
	contract.CodeTimestampStale:    signedAt(-time.Hour),
	contract.CodeTimestampFuture:   signedAt(time.Hour),
	contract.CodeBodyTooLarge:      withBody(strings.Repeat("x", 2000)),
	contract.CodeOverloaded:        provokeOverload,
	contract.CodeBodyUnreadable:    provokeUnreadable,
	contract.CodeSignatureMismatch: changed(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(event("evt_x"))) }),
	contract.CodeBodyInvalid:       withBody(`{"id":"evt_1","id":"evt_2"}`),
	contract.CodeIDMissing:         withBody(`{"id":7}`),
	contract.CodeIDMismatch:        changed(func(r *http.Request) { r.Header.Set(contract.HeaderID, "evt_2") }),
	contract.CodeInFlight:          provokeInFlight,
	contract.CodeStoreUnavailable: func(t *testing.T, g *gateway) answer {
		req := g.request(event("evt_1"))
		req.URL.Path = "/broken"
		return g.send(req)
	},
}

func changed(change func(*http.Request)) func(*testing.T, *gateway) answer {
	return func(_ *testing.T, g *gateway) answer {
		req := g.request(event("evt_1"))
		change(req)
		return g.send(req)
	}
}

func withBody(body string) func(*testing.T, *gateway) answer {
	return func(_ *testing.T, g *gateway) answer { return g.send(g.request(body)) }
}

func signedAt(offset time.Duration) func(*testing.T, *gateway) answer {
	return func(t *testing.T, g *gateway) answer {
		req := g.request(event("evt_1"))
		signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{g.secret}})
		if err != nil {
			t.Fatal(err)
		}
		fields, err := signer.Sign(signature.Message{Time: time.Now().Add(offset), Body: []byte(event("evt_1"))})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fields {
			req.Header.Set(f.Name, f.Value)
		}
		return g.send(req)
	}
}

// hold sends a delivery whose receiver does not answer until the returned function is called.
func hold(t *testing.T, g *gateway, id string) (let func()) {
	t.Helper()
	blocked.Store(id, make(chan struct{}))
	reached := make(chan struct{})
	reaching.Store(id, reached)
	done := make(chan answer, 1)
	req := g.request(event(id))
	go func() {
		a, _ := sendBy(g.client, req)
		done <- a
	}()
	select {
	case <-reached:
	case <-time.After(10 * time.Second):
		t.Fatal("the delivery to be held did not reach the receiver")
	}
	return func() {
		ch, _ := blocked.LoadAndDelete(id)
		close(ch.(chan struct{}))
		if a := <-done; a.status != http.StatusOK {
			t.Errorf("the delivery that was held: %s", a)
		}
	}
}

func provokeOverload(t *testing.T, g *gateway) answer {
	let := hold(t, g, "evt_held")
	defer let()
	req := g.request(event("evt_1"))
	req.URL.Path = "/hook"
	return g.send(req)
}

func provokeInFlight(t *testing.T, g *gateway) answer {
	let := hold(t, g, "evt_twice")
	defer let()
	req := g.request(event("evt_twice"))
	req.URL.Path = "/roomy" // another budget, the same scope
	return g.send(req)
}

// provokeUnreadable ends a body before its declared length, leaving the way back open.
func provokeUnreadable(t *testing.T, g *gateway) answer {
	conn, err := net.Dial("unix", filepath.Join(g.dir, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	req := g.request(event("evt_1"))
	var head strings.Builder
	head.WriteString("POST /hook HTTP/1.1\r\nHost: gate.test\r\nContent-Length: " + strconv.Itoa(len(event("evt_1"))) + "\r\n")
	_ = req.Header.Write(&head)
	head.WriteString("\r\n" + event("evt_1")[:20])
	if _, err := conn.Write([]byte(head.String())); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), req)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// answersSite has a gate with little room, one with more, and one whose store is broken.
func answersSite(r *receiver, rest string) string {
	tight := "max_body 1KiB\nbody_budget 4KiB\n"
	return "route /broken {\n" + gateBlock("dedup test_broken") + "\n}\n" +
		"route /roomy {\n" + gateBlock("dedup memory {\nin_flight reject\n}") + "\n}\n" +
		"route /hook {\n" + gateBlock(tight+inMemory()) + "\n}\n" + r.proxy() + "\n" + rest
}

// TestAnswers provokes every refusal there is, with and without error routes.
func TestAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		rest  string
		check func(*testing.T, answer, contract.Refusal)
	}{
		"ok/problem":        {"", isProblem},
		"ok/error routes":   {"handle_errors {\nrespond \"{http.dari_webhook.code} {err.status_code}\"\n}", isErrorRoute},
		"ok/other errors":   {"handle_errors 404 410 {\nrespond \"not this\"\n}", isProblem},
		"ok/another site's": {"}\nhttp://other.test {\nbind unix/{dir}/gate\nhandle_errors {\nrespond \"not this\"\n}", isProblem},
	} {
		t.Run(name, func(t *testing.T) {
			g, r := newGateway(t), newReceiver(t, holding)
			g.load(answersSite(r, strings.ReplaceAll(row.rest, "{dir}", g.dir)))
			for _, refusal := range contract.Refusals() {
				t.Run(string(refusal.Code), func(t *testing.T) {
					provoke, ok := provocations[refusal.Code]
					if !ok {
						t.Fatal("nothing provokes this answer")
					}
					before := r.hits.Load()
					a := provoke(t, g)
					checkRefusal(t, a, refusal)
					row.check(t, a, refusal)
					if held := r.hits.Load() - before; held > 1 || held == 1 && refusal.Code != contract.CodeInFlight && refusal.Code != contract.CodeOverloaded {
						t.Error("the refused delivery reached the receiver")
					}
				})
			}
		})
	}
}

// checkRefusal holds what every answer to a refused request has (clause GATE-010).
func checkRefusal(t *testing.T, a answer, want contract.Refusal) {
	t.Helper()
	if a.status != want.Status || a.code() != string(want.Code) {
		t.Fatalf("%s, want %d %s", a, want.Status, want.Code)
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
	for header, due := range map[string]bool{
		"WWW-Authenticate": want.Status == http.StatusUnauthorized,
		"Allow":            want.Status == http.StatusMethodNotAllowed,
		"Retry-After":      want.Retry,
	} {
		if got := a.header.Get(header); (got != "") != due {
			t.Errorf("%s: %q", header, got)
		}
	}
	if seconds := a.header.Get("Retry-After"); want.Retry {
		if n, err := strconv.Atoi(seconds); err != nil || n < 1 || n > 60 {
			t.Errorf("Retry-After: %q", seconds)
		}
	}
}

// isProblem holds clause GATE-011.
func isProblem(t *testing.T, a answer, want contract.Refusal) {
	t.Helper()
	if media, _, err := mime.ParseMediaType(a.header.Get("Content-Type")); err != nil || media != "application/problem+json" {
		t.Errorf("media type %q", media)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	if !strings.HasSuffix(got["type"].(string), "#"+string(want.Code)) {
		t.Errorf("type %q", got["type"])
	}
	delete(got, "type")
	for name, value := range map[string]any{
		"title": want.Title, "detail": want.Detail, "status": float64(want.Status), "code": string(want.Code),
	} {
		if got[name] != value {
			t.Errorf("%s: %v, want %v", name, got[name], value)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("unexpected members %v", got)
	}
}

func isErrorRoute(t *testing.T, a answer, want contract.Refusal) {
	t.Helper()
	if body := string(want.Code) + " " + strconv.Itoa(want.Status); a.body != body {
		t.Errorf("%q, want %q", a.body, body)
	}
}
