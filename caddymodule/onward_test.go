package caddymodule_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/darihook/darihook/contract"
)

// unsignedSite is a gate for a provider that signs nothing, with some lines in front of what is behind it. The returned path
// is one that holds the secret.
func unsignedSite(t *testing.T, behind string, lines ...string) (site, path string) {
	t.Helper()
	secret := randomText("", hex.EncodeToString)
	t.Setenv("PROVIDER_SECRET", secret)
	lines = append([]string{"dari_webhook {", "provider tess", "url_secret path", "secret {env.PROVIDER_SECRET}"}, lines...)
	return strings.Join(lines, "\n") + "\n}\n" + behind, "/hook/" + secret
}

// TestOneRequestThroughTheSite has handlers behind the gate change the request, and others look at it as Caddy's placeholders
// and matchers do.
func TestOneRequestThroughTheSite(t *testing.T) {
	const behind = `
		method PATCH
		request_header Host other.test
		@body expression {http.request.body}.contains("evt_1")
		@method method PATCH
		@host host other.test
		request_header @body X-Body yes
		request_header @method X-Method yes
		request_header @host X-Host yes
		respond "{method} {host} {http.request.body} {header.X-Body} {header.X-Method} {header.X-Host}"`
	want := "PATCH other.test " + event("evt_1") + " yes yes yes"
	t.Run("ok/signed", func(t *testing.T) {
		g := newGateway(t)
		g.load("route {\n" + gateBlock(inMemory()) + behind + "\n}")
		if a := g.deliver("evt_1"); a.body != want {
			t.Errorf("%s, want %q", a, want)
		}
	})
	t.Run("ok/secret in the URL", func(t *testing.T) {
		g := newGateway(t)
		site, path := unsignedSite(t, behind, inMemory("ttl 1h"))
		g.load("route {\n" + site + "\n}")
		req := g.request(event("evt_1"))
		req.URL.Path = path
		if a := g.send(req); a.body != want {
			t.Errorf("%s, want %q", a, want)
		}
	})
	t.Run("ok/length", func(t *testing.T) {
		g := newGateway(t)
		g.load("route {\n" + gateBlock(inMemory()) + "\nrespond \"{header.Content-Length} {header.Expect}\"\n}")
		req := g.request(event("evt_1"))
		req.ContentLength = -1
		if a := g.send(req); a.body != strconv.Itoa(len(event("evt_1")))+" " {
			t.Errorf("%s, want the length of the body", a)
		}
	})
}

// TestErrorRouteBehindTheGate shows what an error route gets of a delivery: a request whose context has not ended, without
// the body, and without the word of a gate.
func TestErrorRouteBehindTheGate(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		for name, request := range map[string]func(*gateway) *http.Request{
			"ok/receiver that is away": func(g *gateway) *http.Request { return g.request(event("evt_1")) },
			"ok/refused": func(g *gateway) *http.Request {
				req := g.request(event("evt_1"))
				setBody(req, event("evt_2"))
				return req
			},
		} {
			t.Run(name, func(t *testing.T) {
				g, pages := newGateway(t), newReceiver(t, status(http.StatusTeapot))
				g.load(by.siteAt("unix/"+g.dir+"/nobody", inMemory()) + "\nhandle_errors {\n" + pages.proxy() + "\n}")
				if a := g.send(request(g)); a.status != http.StatusTeapot {
					t.Fatalf("%s, want the error route's answer", a)
				}
				got := pages.last(t)
				if len(got.body) > 0 || got.length > 0 || got.header.Get(contract.HeaderVerified) != "" || got.header.Get(contract.HeaderEvent) != "" {
					t.Errorf("the error route got %d bytes and %v", len(got.body), got.header)
				}
			})
		}
	})
}

// TestFieldsThatAskForSomethingElse reach no receiver: nobody has signed them.
func TestFieldsThatAskForSomethingElse(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, nil)
		g.load(by.site(r, inMemory()))
		req := g.request(event("evt_1"))
		for name, value := range map[string]string{
			"Connection": "Upgrade, HTTP2-Settings, X-Hop", "Upgrade": "websocket", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA", "X-Hop": "1",
			"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "chat",
			"Sec-WebSocket-Extensions": "permessage-deflate", "Incremental": "?1", "Range": "bytes=0-0", "If-Range": `"a"`,
			"If-Match": `"a"`, "If-None-Match": "*", "If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT",
			"If-Unmodified-Since": "Thu, 01 Jan 2015 00:00:00 GMT", "X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE",
			"X-Method-Override": "DELETE",
		} {
			req.Header.Set(name, value)
		}
		kept := map[string]string{"Idempotency-Key": "k", "X-Github-Event": "push", "Authorization": "Basic eA==", "Content-Encoding": "identity"}
		for name, value := range kept {
			req.Header.Set(name, value)
		}
		if a := g.send(req); a.status != http.StatusOK {
			t.Fatalf("%s", a)
		}
		got := r.last(t).header
		for name := range req.Header {
			if _, keep := kept[name]; !keep && !strings.HasPrefix(name, "Dari-Webhook-") && got.Get(name) != "" {
				t.Errorf("the receiver got %s: %s", name, got.Get(name))
			}
		}
		for name, value := range kept {
			if got.Get(name) != value {
				t.Errorf("%s: %q, want %q", name, got.Get(name), value)
			}
		}
	})
}

// TestReceiverThatSwitchesProtocols shows that an unasked 101 is a failure, and no tunnel for the sender.
func TestReceiverThatSwitchesProtocols(t *testing.T) {
	for name, fields := range map[string]string{
		"fail/named":         "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
		"fail/not named":     "",
		"fail/empty upgrade": "Connection: Upgrade\r\nUpgrade:\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, by way) {
				g, r := newGateway(t), newReceiver(t, inTurn(func(w http.ResponseWriter, _ *http.Request) {
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n"+fields+"\r\nthrough the tunnel")
				}, status(http.StatusOK)))
				g.load(by.site(r, inMemory()))
				req := g.request(event("evt_1"))
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "websocket")
				a := g.send(req)
				if a.status != http.StatusBadGateway || strings.Contains(a.body, "tunnel") || a.header.Get("Upgrade") != "" || a.header.Get("Sec-WebSocket-Accept") != "" {
					t.Errorf("%s %v, want 502 and nothing else", a, a.header)
				}
				if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
					t.Errorf("the next attempt: %s", a)
				}
			})
		})
	}
}

// dropper is a receiver that answers as many requests as it pools connections, all at once, and drops the connection of each
// one after them.
type dropper struct {
	net.Listener
	pooled int64
	full   chan struct{}
	hits   atomic.Int64
	key    atomic.Value // what Idempotency-Key it got last
}

func newDropper(t *testing.T, pooled int64) *dropper {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &dropper{Listener: ln, pooled: pooled, full: make(chan struct{})}
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			context.AfterFunc(t.Context(), func() { _ = conn.Close() })
			serving.Go(func() { d.serve(conn) })
		}
	})
	return d
}

func (d *dropper) serve(conn net.Conn) {
	defer conn.Close()
	from := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		d.key.Store(req.Header.Get("Idempotency-Key"))
		switch n := d.hits.Add(1); {
		case n > d.pooled:
			return
		case n == d.pooled:
			close(d.full)
		}
		<-d.full
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	}
}

// fill has the site make the connections.
func (d *dropper) fill(t *testing.T, g *gateway) {
	t.Helper()
	var under sync.WaitGroup
	for range d.pooled {
		under.Go(func() {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://gate.test/warm", nil) // the URL is right
			if a, err := sendBy(g.client, req); err != nil || a.status != http.StatusOK {
				t.Errorf("%s, %v", a, err)
			}
		})
	}
	under.Wait()
}

// TestNothingIsSentTwiceInOneAttempt has a receiver drop connections that were used before, where net/http sends what it takes
// for idempotent again by itself. Idempotency-Key is not signed, and receivers may want it.
func TestNothingIsSentTwiceInOneAttempt(t *testing.T) {
	const pooled = 6
	for name, row := range map[string]struct {
		method, body, key string
		signed            bool
		behind            string
	}{
		"ok/a key of the sender":           {"POST", event("evt_1"), "k", true, ""},
		"ok/a key that the site sets":      {"POST", event("evt_1"), "evt_1", true, "\nrequest_header Idempotency-Key {http.dari_webhook.id}"},
		"ok/a key and an empty body":       {"POST", "", "k", false, ""},
		"ok/a method that may be repeated": {"GET", "", "", false, ""},
		"ok/that method and a key":         {"GET", "", "k", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, d := newGateway(t), newDropper(t, pooled)
			site, path := unsignedSite(t, "", "dedup off")
			if row.signed {
				site, path = gateBlock(inMemory()), "/hook"
			}
			site = strings.Replace(site, "dari_webhook", "@gated not path /warm\ndari_webhook @gated", 1)
			g.load("route {\n" + site + row.behind + "\nreverse_proxy " + d.Addr().String() + "\n}")
			d.fill(t, g)
			req := g.request(row.body)
			req.Method, req.URL.Path, req.URL.RawQuery = row.method, path, "run=1"
			if row.key != "" && row.behind == "" {
				req.Header.Set("Idempotency-Key", row.key)
			}
			if a := g.send(req); a.status != http.StatusBadGateway {
				t.Errorf("%s, want 502", a)
			}
			if n := d.hits.Load() - pooled; n != 1 {
				t.Errorf("the receiver got the delivery %d times", n)
			}
			if key := d.key.Load(); key != row.key {
				t.Errorf("the receiver got the key %q, want %q", key, row.key)
			}
		})
	}
}
