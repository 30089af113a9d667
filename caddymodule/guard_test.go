package caddymodule_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/contract"
)

func init() {
	caddy.RegisterModule(overtaker{})
	httpcaddyfile.RegisterHandlerDirective("overtake", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		h.NextArg()
		return &overtaker{Of: h.Val()}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("overtake", httpcaddyfile.After, "reverse_proxy")
}

// forgedNames are the gate's fields in every spelling that a server may take for them.
var forgedNames = func() (names []string) {
	for _, name := range []string{
		contract.HeaderVerified, contract.HeaderID, contract.HeaderEvent, contract.HeaderTimestamp, contract.HeaderDuplicate, contract.HeaderError,
	} {
		names = append(names, strings.ToLower(name), strings.Replace(name, "-", "_", 1))
		for _, separator := range "-_.!#$%&'*+^`|~" {
			names = append(names, strings.ReplaceAll(name, "-", string(separator)))
		}
	}
	return names
}()

// forgedTargets are request targets inside, beside and around a gate at /hooks/*.
var forgedTargets = []string{
	"POST /hooks/dari", "POST /hooks", "POST /hooks/", "POST /anything", "POST /", "POST /hooks?x", "POST /hooks;a=b/dari", `POST /hooks\dari`,
	"POST /hooks%00/dari", "POST /hooks%2fdari", "POST //hooks/dari", "POST /x/../hooks/dari", "POST http:hooks/dari",
	"POST http://gate.test/hooks", "GET /hooks/dari", "HEAD /hooks", "OPTIONS *", "PATCH /HOOKS/dari", strings.Repeat("X", 40) + " /hooks",
}

// forge sends unsigned requests that vouch for themselves, in headers and in trailers, and fails the test where anything on
// the server sees that. It returns the number of requests that were seen.
func (g *gateway) forge(hosts ...string) int {
	g.t.Helper()
	spies.reset()
	var fields strings.Builder
	for _, name := range forgedNames {
		fmt.Fprintf(&fields, "%s: true\r\n", name)
	}
	for _, host := range append(hosts, "gate.test") {
		for _, target := range forgedTargets {
			g.sendForged(fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%sContent-Length: 2\r\n\r\n{}", target, host, &fields))
			g.sendForged(fmt.Sprintf("%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum, %s\r\n\r\n2\r\n{}\r\n0\r\n%sDari-Webhook-Verified : true\r\n\r\n",
				target, host, contract.HeaderVerified, &fields))
		}
	}
	g.sendForged(fmt.Sprintf("POST /hooks HTTP/1.1\r\nHost: \r\nConnection: close\r\n%sContent-Length: 2\r\n\r\n{}", &fields))
	seen, forged := spies.reset()
	for i, f := range forged {
		if i == 5 {
			g.t.Errorf("and %d more", len(forged)-i)
			break
		}
		g.t.Error(f)
	}
	return seen
}

// sendForged sends bytes on a connection of their own, and waits for the answer. An old server may have cut it.
func (g *gateway) sendForged(request string) {
	g.t.Helper()
	err := g.trySending(request)
	for range 5 {
		if err == nil || !cutByReload(err) {
			break
		}
		err = g.trySending(request)
	}
	if err != nil {
		g.t.Fatalf("%v: %.60q", err, request)
	}
}

func (g *gateway) trySending(request string) error {
	conn, err := new(net.Dialer).DialContext(g.t.Context(), "unix", filepath.Join(g.dir, "gate"))
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(conn, request) // an answer may come before all of it has been taken
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// onTop puts a snippet or a named route between a Caddyfile's options and its site.
func onTop(block, file string) string {
	return strings.Replace(file, "\nhttp://", "\n"+block+"\nhttp://", 1)
}

// TestNobodyElseVouches sends forged requests to sites with the gate in every place that it may have. Before, behind and
// beside it are handlers, matchers, receivers and error routes that must not see them.
func TestNobodyElseVouches(t *testing.T) {
	g, r := newGateway(t), newSpy(t)
	gate := strings.Replace(gateBlock(inMemory()), "{", "/hooks/* {", 1)
	open := gateBlock(inMemory())
	errorRoute := "\nhandle_errors {\nspy\n" + r.proxy() + "\n}"
	for _, row := range []struct{ name, file string }{
		{"a matcher", g.caddyfile("http://gate.test", "spy\n"+gate+"\n"+r.proxy()+errorRoute)},
		{"a matcher and forward", g.caddyfile("http://gate.test", strings.Replace(gate, "\n", "\nforward "+r.URL+"\n", 1)+"\nspy\n"+r.proxy()+errorRoute)},
		{"no host", g.caddyfile("http://", "spy\n"+gate+"\n"+r.proxy()+errorRoute)},
		{"a matcher in the first place", g.caddyfile("http://", "@spy spy\nspy @spy\n"+gate+"\n"+r.proxy()+errorRoute)},
		{"all of the site", g.caddyfile("http://gate.test", "spy\n"+open+"\n"+r.proxy()+errorRoute)},
		{"observe", g.caddyfile("http://gate.test", "spy\n"+strings.Replace(gateBlock("observe"), "{", "/elsewhere {", 1)+"\n"+r.proxy()+errorRoute)},
		{"handle", g.caddyfile("http://gate.test", "spy\nhandle /hooks/* {\n"+open+"\n"+r.proxy()+"\n}\nhandle {\n"+r.proxy()+"\n}"+errorRoute)},
		{"handle_path", g.caddyfile("http://", "spy\nhandle_path /hooks/* {\n"+open+"\n"+r.proxy()+"\n}\n"+r.proxy()+errorRoute)},
		{"route", g.caddyfile("http://", "route {\nspy\n"+gate+"\n"+r.proxy()+"\n}"+errorRoute)},
		{"route deep down", g.caddyfile("http://", "route {\nroute /hooks* {\nspy\nroute /hooks/* {\n"+open+"\n}\n"+r.proxy()+"\n}\nspy answer\n}"+errorRoute)},
		{"a snippet", onTop("(gate) {\n"+gate+"\n}", g.caddyfile("http://gate.test", "spy\nimport gate\n"+r.proxy()+errorRoute))},
		{"a named route", onTop("&(gate) {\nroute {\nspy\n"+open+"\n"+r.proxy()+"\n}\n}", g.caddyfile("http://gate.test", "spy\ninvoke /hooks/* gate\n"+r.proxy()+errorRoute))},
		{"a named route and no host", onTop("&(gate) {\nroute {\nspy\n"+open+"\n"+r.proxy()+"\n}\n}", g.caddyfile("http://", "invoke gate\n"+errorRoute))},
		{"a named route in a route", onTop("&(gate) {\nroute {\n"+open+"\n"+r.proxy()+"\n}\n}", g.caddyfile("http://", "route {\nspy\ninvoke /hooks/* gate\n"+r.proxy()+"\n}"+errorRoute))},
		{"an error route", g.caddyfile("http://gate.test", "spy\nerror /hooks/* 404\n"+r.proxy()+"\nhandle_errors {\nspy\n"+gate+"\n"+r.proxy()+"\n}")},
		{"two gates", g.caddyfile("http://gate.test", "spy\nroute {\n"+gate+"\n"+strings.Replace(gate, "/hooks/*", "/any*", 1)+"\n"+r.proxy()+"\n}"+errorRoute)},
		{"two sites", g.caddyfile("http://gate.test", "spy\n"+gate+"\n"+r.proxy()+errorRoute) +
			fmt.Sprintf("http://other.test {\nbind unix/%s/gate\nspy\n%s\nhandle_errors {\nspy answer\n}\n}\n", g.dir, r.proxy())},
		{"a body that is read first", g.caddyfile("http://gate.test", "spy\n"+gate+"\nrequest_header X-Body {http.request.body}\n"+r.proxy()+" {\nrequest_buffers 1MiB\n}"+errorRoute)},
		{"intercept", g.caddyfile("http://gate.test", "spy\n"+gate+"\nintercept {\n@any status 2xx 4xx\nhandle_response @any {\nspy\n"+r.proxy()+"\n}\n}\nrespond ok"+errorRoute)},
		{"handle_response", g.caddyfile("http://gate.test", "spy\n"+gate+"\n"+r.proxy()+" {\n@any status 2xx\nhandle_response @any {\nspy\n"+r.proxy()+"\n}\n}"+errorRoute)},
		{"a gate behind an answer", g.caddyfile("http://gate.test", "spy\n"+r.proxy()+" {\n@any status 2xx\nhandle_response @any {\nspy\n"+gate+"\n"+r.proxy()+"\n}\n}"+errorRoute)},
		{"forward_auth", g.caddyfile("http://gate.test", "spy\n"+gate+"\nforward_auth "+strings.TrimPrefix(r.URL, "http://")+" {\nuri /auth\ncopy_headers X-User\n}\n"+r.proxy()+errorRoute)},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := &gateway{t: t, dir: g.dir, client: g.client, admin: g.admin, secret: g.secret}
			if err := g.tryLoadFile(row.file); err != nil {
				t.Fatal(err)
			}
			config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(row.file), map[string]any{"filename": "Caddyfile"})
			if err != nil || !bytes.Contains(config, []byte(`"handler":"dari_webhook"`)) {
				t.Fatalf("no gate: %v", err)
			}
			if seen := g.forge("other.test"); seen < len(forgedTargets)/2 {
				t.Errorf("%d requests were seen: this shows nothing", seen)
			}
		})
	}
}

// TestGuardHasNoPlace shows that a configuration which cannot be guarded does not load, and says what would help.
func TestGuardHasNoPlace(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	named := "&(gate) {\nroute {\n" + gateBlock(inMemory()) + "\n" + r.proxy() + "\n}\n}"
	const site = "request_header X-A b\ninvoke gate"
	err := g.tryLoadFile(onTop(named, g.caddyfile("http://", site)))
	if err == nil || !strings.Contains(err.Error(), "wrap the site's directives in route { … }") {
		t.Errorf("loading gave %v", err)
	}
	if err := g.tryLoadFile(onTop(named, g.caddyfile("http://", "route {\n"+site+"\n}"))); err != nil {
		t.Errorf("as the error says: %v", err)
	}
	if a := g.deliver("evt_1"); a.status != http.StatusOK || r.hits.Load() != 1 {
		t.Errorf("a delivery: %s", a)
	}
}

// TestGuardIsOvertaken shows that Caddy does not start with another module ahead of the guard.
func TestGuardIsOvertaken(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	for name, row := range map[string]struct{ site, where string }{
		"fail/routes":       {"overtake routes\n" + gateBlock(inMemory()) + "\n" + r.proxy(), "routes: a handler would see"},
		"fail/error routes": {gateBlock(inMemory()) + "\n" + r.proxy() + "\nhandle_errors {\novertake errors\n}", "error routes: a handler would see"},
		"ok/neither":        {"overtake neither\n" + gateBlock(inMemory()) + "\n" + r.proxy(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := (&gateway{t: t, dir: g.dir, client: g.client}).tryLoad(row.site)
			if row.where == "" && err != nil || row.where != "" && (err == nil || !strings.Contains(err.Error(), row.where)) {
				t.Errorf("loading gave %v, want %q", err, row.where)
			}
		})
	}
	if n := r.hits.Load(); n != 0 {
		t.Errorf("the receiver got %d requests", n)
	}
}

// overtaker is a handler that puts a matcher ahead of the gate's guard.
type overtaker struct {
	Of string `json:"of,omitempty"`
}

func (overtaker) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.overtake", New: func() caddy.Module { return new(overtaker) }}
}

func (o *overtaker) Provision(ctx caddy.Context) error {
	server := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	routes := map[string]caddyhttp.RouteList{"routes": server.Routes}
	if server.Errors != nil {
		routes["errors"] = server.Errors.Routes
	}
	if first := routes[o.Of]; len(first) > 0 {
		first[0].MatcherSets = slices.Insert(first[0].MatcherSets, 0, caddyhttp.MatcherSet{spyMatcher{}})
	}
	return nil
}

func (*overtaker) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}
