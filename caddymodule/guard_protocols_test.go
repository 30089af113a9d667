package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/contract"
)

// TestNobodyElseVouchesOverAnyProtocol sends forged headers and trailers beside a gate over each version of HTTP.
func TestNobodyElseVouchesOverAnyProtocol(t *testing.T) {
	g, r := newGateway(t), newSpy(t)
	address := g.loadTLS("vouch.localhost", "spy\n"+strings.Replace(gateBlock(inMemory()), "{", "/hooks/* {", 1)+"\n"+r.proxy()+
		"\nhandle_errors {\nspy\n"+r.proxy()+"\n}")
	for protocol, client := range protocols(t, "vouch.localhost") {
		t.Run(protocol, func(t *testing.T) {
			spies.reset()
			send := func(path string) error {
				req, err := http.NewRequest(http.MethodPost, "https://"+address+path, io.MultiReader(strings.NewReader("{}")))
				if err != nil {
					t.Fatal(err)
				}
				req.Host = "vouch.localhost"
				req.Trailer = http.Header{"X-Checksum": {"1"}}
				for _, name := range forgedNames {
					req.Header[name] = []string{"true"}
					req.Trailer[name] = []string{"true"}
				}
				_, err = sendBy(client, req)
				return err
			}
			for _, path := range []string{"/hooks", "/hooks/dari", "/anything"} {
				// A connection that is being closed takes no more requests, and a client does not repeat a POST by itself.
				eventually(t, path, func() bool { return send(path) == nil })
			}
			seen, forged := spies.reset()
			if seen < 6 {
				t.Errorf("%d requests were seen: this shows nothing", seen)
			}
			for _, f := range forged {
				t.Error(f)
			}
		})
	}
}

// TestNobodyElseVouchesToCGI has PHP's way to a program look at the variables that it gets.
func TestNobodyElseVouchesToCGI(t *testing.T) {
	g := newGateway(t)
	listener, err := net.Listen("unix", filepath.Join(g.dir, "fcgi"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = fcgi.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			spies.look("a CGI program", r) // its headers are made from the variables
			w.WriteHeader(http.StatusNoContent)
		}))
	}()
	defer func() { listener.Close(); <-done }()
	g.load(strings.Replace(gateBlock(inMemory()), "{", "/hooks/* {", 1) + "\nreverse_proxy unix/" + g.dir + "/fcgi {\ntransport fastcgi\n}")
	if seen := g.forge(); seen < len(forgedTargets)/2 {
		t.Errorf("%d requests were seen: this shows nothing", seen)
	}
}

// TestNobodyElseVouchesInJSON runs configurations that no Caddyfile makes.
func TestNobodyElseVouchesInJSON(t *testing.T) {
	g, r := newGateway(t), newSpy(t)
	gate := `{"handler":"dari_webhook","secrets":["{env.` + secretEnv + `}"],"dedup":{"store":{"type":"memory"}}}`
	proxy := `{"handler":"spy"},{"handler":"reverse_proxy","upstreams":[{"dial":"` + strings.TrimPrefix(r.URL, "http://") + `"}]}`
	const hooks, spy = `"match":[{"path":["/hooks/*"]}]`, `{"handler":"spy"}`
	for name, server := range map[string]string{
		"subroutes":                     `"routes":[{"handle":[` + spy + `,{"handler":"subroute","routes":[{` + hooks + `,"handle":[{"handler":"subroute","routes":[{"handle":[` + gate + `]}]}]},{"handle":[` + proxy + `]}]}]}]`,
		"a subroute's errors":           `"routes":[{"handle":[{"handler":"subroute","routes":[{"handle":[` + spy + `,` + gate + `,` + proxy + `]}],"errors":{"routes":[{"handle":[` + proxy + `]}]}}]}]`,
		"the last route":                `"routes":[{"match":[{"spy":{}}],"handle":[` + spy + `]},{"match":[{"path":["/any*"]},{"spy":{}}],"handle":[` + proxy + `],"terminal":true},{"handle":[` + gate + `]}]`,
		"groups":                        `"routes":[{"group":"a","match":[{"path":["/none"]}],"handle":[` + spy + `]},{"group":"a",` + hooks + `,"handle":[` + gate + `,` + proxy + `]},{"group":"a","handle":[` + proxy + `]}]`,
		"a route without handlers":      `"routes":[{"match":[{"path":["/none"]}]},{` + hooks + `,"handle":[` + gate + `]},{"handle":[` + proxy + `]}]`,
		"an error route with a gate":    `"routes":[{"handle":[{"handler":"subroute","routes":[{"handle":[` + spy + `,{"handler":"error","status_code":"404"}]}]}]}],"errors":{"routes":[{` + hooks + `,"handle":[` + gate + `]},{"handle":[` + proxy + `]}]}`,
		"an error route and no route":   `"errors":{"routes":[{"handle":[` + spy + `,` + gate + `,` + proxy + `]}]},"routes":[{"match":[{"path":["*"]}],"handle":[` + spy + `,{"handler":"error","status_code":"404"}]}]`,
		"named routes in each other":    `"named_routes":{"a":{"handle":[{"handler":"invoke","name":"b"}]},"b":{` + hooks + `,"handle":[` + gate + `]}},"routes":[{"handle":[{"handler":"invoke","name":"a"}]},{"handle":[` + proxy + `]}]`,
		"a named route in error ones":   `"named_routes":{"a":{"handle":[` + spy + `,` + gate + `,` + proxy + `]}},"routes":[{"match":[{"path":["/*"]}],"handle":[` + spy + `,{"handler":"error","status_code":"404"}]}],"errors":{"routes":[{"handle":[{"handler":"invoke","name":"a"}]}]}`,
		"names with underscores wanted": `"expected_underscore_headers":["Dari_*"],"expected_dot_headers":["Dari.*"],"routes":[{` + hooks + `,"handle":[` + gate + `]},{"handle":[` + proxy + `]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			g := &gateway{t: t, dir: g.dir, client: g.client, secret: g.secret}
			config := fmt.Sprintf(`{"admin":{"disabled":true},"logging":{"logs":{"default":{"writer":{"output":"dari_test"}}}},"apps":{"http":{"servers":{"s":{"listen":["unix/%s/gate"],"automatic_https":{"disable":true},%s}}}}}`, g.dir, server)
			if !json.Valid([]byte(config)) {
				t.Fatal(config)
			}
			running.Do(t)
			if err := caddy.Load([]byte(config), true); err != nil {
				t.Fatal(err)
			}
			if seen := g.forge(); seen < len(forgedTargets)/2 {
				t.Errorf("%d requests were seen: this shows nothing", seen)
			}
		})
	}
}

// TestGuardComesAndGoesWithTheGate reloads a site with a gate and without, and two servers of which one has a gate.
func TestGuardComesAndGoesWithTheGate(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	vouched := func() bool {
		req := g.request(event("evt_1"))
		req.Header.Del(contract.HeaderSignature)
		req.Header.Set(contract.HeaderVerified, "true")
		req.URL.Path = "/beside"
		if a := g.send(req); a.status != http.StatusOK {
			t.Fatalf("%s", a)
		}
		return r.last(t).header.Get(contract.HeaderVerified) != ""
	}
	gate := strings.Replace(gateBlock(inMemory()), "{", "/hooks/* {", 1)
	other := "http://gate.test {\nbind unix/" + g.dir + "/other\n" + gate + "\n" + r.proxy() + "\n}\n"
	for _, row := range []struct {
		name, file string
		want       bool
	}{
		{"no gate", g.caddyfile("http://gate.test", r.proxy()), true},
		{"a gate", g.caddyfile("http://gate.test", gate+"\n"+r.proxy()), false},
		{"the gate on another server", g.caddyfile("http://gate.test", r.proxy()) + other, true},
		{"gates on both", g.caddyfile("http://gate.test", gate+"\n"+r.proxy()) + other, false},
		{"the gate in a named route", onTop("&(gate) {\n"+gateBlock(inMemory())+"\n}", g.caddyfile("http://gate.test", "invoke /hooks/* gate\n"+r.proxy())), false},
		{"no gate again", g.caddyfile("http://gate.test", r.proxy()), true},
	} {
		if err := g.tryLoadFile(row.file); err != nil {
			t.Fatal(err)
		}
		// A server that is shutting down may still take a connection after the reload.
		eventually(t, row.name, func() bool { return vouched() == row.want })
	}
}

// TestErrorRoutesSeeNobodyVouch shows that error routes get none of the gate's fields: not from a request that was refused, and
// not with a delivery whose receiver has failed, since they get it without its body.
func TestErrorRoutesSeeNobodyVouch(t *testing.T) {
	g, r := newGateway(t), newSpy(t)
	g.load(gateBlock(inMemory()) + "\nreverse_proxy 127.0.0.1:1\nhandle_errors {\n" + r.proxy() + "\n}")
	spies.reset()
	g.deliver("evt_1")
	refused := g.request(event("evt_2"))
	setBody(refused, event("evt_3"))
	refused.Header.Set(contract.HeaderID, "evt_2")
	g.send(refused)
	seen, vouched := spies.reset()
	if seen != 2 || len(vouched) > 0 {
		t.Errorf("%d requests came to the error route, want 2: %q", seen, vouched)
	}
}
