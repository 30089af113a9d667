package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/contract"
)

func init() {
	caddy.RegisterModule(new(opaque))
	httpcaddyfile.RegisterHandlerDirective("dari_opaque", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return new(opaque), new(opaque).UnmarshalCaddyfile(h.Dispenser)
	})
}

// opaque is a handler that hides what the server's writer can do, a read deadline for one.
type opaque struct{}

func (*opaque) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.dari_opaque", New: func() caddy.Module { return new(opaque) }}
}

func (*opaque) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*opaque) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
}

// dribble is a body that goes on for ever, a byte at a time.
type dribble struct{ *time.Ticker }

func newDribble(t *testing.T) dribble {
	d := dribble{time.NewTicker(10 * time.Millisecond)}
	t.Cleanup(d.Stop)
	return d
}

func (d dribble) Read(p []byte) (int, error) {
	<-d.C
	return copy(p, "x"), nil
}

// Close implements [io.Closer].
func (dribble) Close() error { return nil }

// withheld is a body that comes to a halt until it is closed.
func withheld(start string) io.ReadCloser {
	out, _ := io.Pipe()
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(start), out), out}
}

// shortTime is a time for bodies that tests can wait for, and that no body which is on its way takes.
const shortTime = 500 * time.Millisecond

// bodyTime is the option that gives bodies the short time.
var bodyTime = "body_timeout " + shortTime.String()

// timedSite is a gate that gives bodies the short time, at a path and behind another handler.
func timedSite(path, front string, r *receiver) string {
	return "handle " + path + " {\nroute {\n" + front + byProxy.site(r, bodyTime, inMemory()) + "\n}\n}\n"
}

// late sends a signed body that never ends, and makes sure of the refusal, which has taken the time that bodies have.
func late(t *testing.T, client *http.Client, req *http.Request, body io.ReadCloser, length int64) {
	t.Helper()
	req.Body, req.GetBody, req.ContentLength = body, nil, length
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if code := resp.Header.Get(contract.HeaderError); resp.StatusCode != http.StatusBadRequest || code != string(contract.CodeBodyUnreadable) {
		t.Errorf("%s %s", resp.Status, code)
	}
	if took := time.Since(start); took < shortTime {
		t.Errorf("refused after %s", took)
	}
	if resp.ProtoMajor == 1 && !resp.Close {
		t.Error("the connection stays open")
	}
}

// TestLateBodies has bodies that never end refused in time over every version of HTTP, whatever Caddy itself would wait for,
// and nothing of them held.
func TestLateBodies(t *testing.T) {
	const host = "late.localhost"
	g, r := newGateway(t), newReceiver(t, nil)
	_, end := transcript.since(0)
	site := ""
	fronts := map[string]string{"/plain": "", "/opaque": "dari_opaque\n"}
	for path, front := range fronts {
		site += timedSite(path, front, r)
	}
	address := g.loadTLS(host, site)
	for protocol, client := range protocols(t, host) {
		for path := range fronts {
			for name, row := range map[string]struct {
				body   func() io.ReadCloser
				length int64
			}{
				"fail/nothing":             {func() io.ReadCloser { return withheld("") }, 1000},
				"fail/a part":              {func() io.ReadCloser { return withheld(strings.Repeat("x", 100_000)) }, 200_000},
				"fail/a part, in chunks":   {func() io.ReadCloser { return withheld(strings.Repeat("x", 1000)) }, -1},
				"fail/dribbled":            {func() io.ReadCloser { return newDribble(t) }, 1_000_000},
				"fail/dribbled, in chunks": {func() io.ReadCloser { return newDribble(t) }, -1},
			} {
				t.Run(protocol+path+"/"+name, func(t *testing.T) {
					late(t, client, g.over(address, host, path, "evt_late"), row.body(), row.length)
				})
			}
			t.Run(protocol+path+"/ok/in time", func(t *testing.T) {
				id := "evt_" + protocol + path
				if a, _, err := sendVersion(client, g.over(address, host, path, id)); err != nil || a.status != http.StatusOK || a.duplicate() {
					t.Errorf("%s, %v", a, err)
				}
			})
		}
	}
	if n := g.metric(`caddy_dari_webhook_body_bytes{provider="dari"}`); n != "0" {
		t.Errorf("%s bytes of bodies left over", n)
	}
	logs, _ := transcript.since(end)
	if cause := `"cause":"the body has not arrived within ` + shortTime.String(); !strings.Contains(logs, cause) {
		t.Errorf("no line of the log has %s", cause)
	}
	if r.hits.Load() != 6 {
		t.Errorf("the receiver got %d deliveries, want 6", r.hits.Load())
	}
}

// over is a signed delivery to a site with a certificate.
func (g *gateway) over(address, host, path, id string) *http.Request {
	req := g.request(event(id))
	req.URL.Scheme, req.URL.Host, req.URL.Path, req.Host = "https", address, path, host
	return req
}

// TestTimeForBodiesEndsWithTheBody has deliveries outlast the time for bodies at the receiver and in the wait for another
// copy: the server reads on meanwhile, to see senders hang up, and must not take the end of that time for one. The same
// connections then carry other deliveries.
func TestTimeForBodiesEndsWithTheBody(t *testing.T) {
	const host = "afterwards.localhost"
	g, r := newGateway(t), newReceiver(t, holding)
	site := ""
	fronts := map[string]string{"/plain": "", "/opaque": "dari_opaque\n", "/nested": gateBlock("observe") + "\n"}
	for path, front := range fronts {
		site += timedSite(path, front, r)
	}
	address := g.loadTLS(host, site)
	for protocol, client := range protocols(t, host) {
		for path := range fronts {
			t.Run(protocol+path, func(t *testing.T) {
				id := "evt_" + protocol + path
				before, inFlight := r.hits.Load(), "2"
				if path == "/nested" { // each passes two gates
					inFlight = "4"
				}
				let := make(chan struct{})
				blocked.Store(id, let)
				answers := make(chan answer, 2)
				send := func() {
					a, _, err := sendVersion(client, g.over(address, host, path, id))
					if err != nil {
						t.Error(err)
					}
					answers <- a
				}
				go send()
				eventually(t, "the first copy at the receiver", func() bool { return r.hits.Load() == before+1 })
				go send()
				eventually(t, "two deliveries in flight", func() bool {
					return g.metric(`caddy_dari_webhook_in_flight{provider="dari"}`) == inFlight
				})
				late(t, client, g.over(address, host, "/plain", "evt_late"), withheld(""), 1000)
				close(let)
				first, second := <-answers, <-answers
				if first.status != http.StatusOK || second.status != http.StatusOK || first.duplicate() == second.duplicate() {
					t.Errorf("%s and %s, want a success and a duplicate of it", first, second)
				}
				for i := range 3 {
					if a, _, err := sendVersion(client, g.over(address, host, path, fmt.Sprint(id, i))); err != nil || a.status != http.StatusOK {
						t.Errorf("afterwards: %s, %v", a, err)
					}
				}
			})
		}
	}
}

// TestObservedBodiesTakeTheirTime has a body take longer than a gate that does not observe would read it for.
func TestObservedBodiesTakeTheirTime(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load("handle /late {\n" + gateBlock(bodyTime, inMemory()) + "\n}\nroute {\n" + gateBlock("observe", bodyTime) + "\n" + r.proxy() + "\n}")
	body := event("evt_1")
	out, in := io.Pipe()
	req := g.request(body)
	req.Body, req.GetBody, req.ContentLength = out, nil, -1
	answers := make(chan answer, 1)
	go func() {
		a, err := sendBy(g.client, req)
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	_, _ = io.WriteString(in, body[:20])
	other := g.request(event("evt_late"))
	other.URL.Path = "/late"
	late(t, g.client, other, withheld(""), 1000) // which began after the other
	_, _ = io.WriteString(in, body[20:])
	_ = in.Close()
	if a := <-answers; a.status != http.StatusOK || string(r.last(t).body) != body {
		t.Errorf("%s, and the receiver got %q", a, r.last(t).body)
	}
}
