package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestTwoGatesWithOneScopeDoNotLoad shows what is refused when a configuration is loaded, and what is not: a store of its own, a
// scope of its own, and requests that meet one of the gates.
func TestTwoGatesWithOneScopeDoNotLoad(t *testing.T) {
	const refusal = "two gates with scope dari"
	gate, other := gateBlock(inMemory()), gateBlock(inMemory(), "scope other")
	at := func(matcher string) string { return strings.Replace(gate, "dari_webhook", "dari_webhook "+matcher, 1) }
	for _, row := range []struct{ name, site, refusal string }{
		{"fail/one after the other", gate + "\n" + gate, refusal},
		{"fail/a matcher within all", gate + "\n" + at("/hooks/*"), refusal},
		{"fail/the same matcher", at("/hooks/*") + "\n" + at("/hooks/*"), refusal},
		{"fail/a route within", gate + "\nroute /hooks/* {\nroute {\n" + gate + "\n}\n}", refusal},
		{"fail/in one route", "route {\n" + gate + "\n" + gate + "\n}", refusal},
		{"fail/in one handle", "handle /hooks/* {\n" + gate + "\n" + gate + "\n}", refusal},
		{"ok/a route that answers", "route {\nroute /hooks/* {\n" + gate + "\nrespond ok\n}\n" + gate + "\n}", ""},
		{"ok/other matchers", at("/a/*") + "\n" + at("/b/*"), ""},
		{"ok/alternatives", "handle /a/* {\n" + gate + "\n}\nhandle {\n" + gate + "\n}", ""},
		{"ok/routes side by side", "route /a/* {\n" + gate + "\n}\nroute /b/* {\n" + gate + "\n}", ""},
		{"ok/another scope", gate + "\n" + other, ""},
		{"ok/without deduplication", gate + "\n" + gateBlock("dedup off"), ""},
		{"ok/observing", gateBlock("observe") + "\n" + gate, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGateway(t)
			err := g.tryLoad(row.site + "\nrespond ok")
			if (err == nil) != (row.refusal == "") || err != nil && !strings.Contains(err.Error(), row.refusal) {
				t.Errorf("%v, want %q", err, row.refusal)
			}
		})
	}
}

// TestTwoGatesWithOneScopeOnOneWay shows a delivery that meets two gates under matchers that nobody compared: it passes the
// second one under the claim of the first, once, and the log says so.
func TestTwoGatesWithOneScopeOnOneWay(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, inTurn(status(http.StatusInternalServerError), status(http.StatusAccepted)))
		gate := gateBlock("dedup memory {\nlease 5m\nin_flight wait 2m\n}")
		_, seen := transcript.since(0)
		g.load("route {\n" + strings.Replace(gate, "dari_webhook", "dari_webhook /hook*", 1) + "\n" +
			strings.Replace(by.site(r, "dedup memory {\nlease 5m\nin_flight wait 2m\n}"), "dari_webhook", "dari_webhook /hook", 1) + "\n}")
		if a := g.deliver("evt_1"); a.status != http.StatusInternalServerError {
			t.Fatalf("the first attempt: %s", a)
		}
		if a := g.deliver("evt_1"); a.status != http.StatusAccepted || a.duplicate() {
			t.Errorf("the second attempt: %s", a)
		}
		if a := g.deliver("evt_1"); a.status != http.StatusAccepted || !a.duplicate() {
			t.Errorf("a copy: %s", a)
		}
		if n := r.hits.Load(); n != 2 {
			t.Errorf("the receiver was called %d times, want 2", n)
		}
		if log, _ := transcript.since(seen); strings.Count(log, "two gates with one scope in a delivery's way") != 1 {
			t.Error("the log does not say it once")
		}
	})
}

// TestTwoGatesWithOneScopeOnTwoServers shows a gate whose receiver is another one: their claims stand in each other's way, which
// the log tells at once.
func TestTwoGatesWithOneScopeOnTwoServers(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, nil)
		memory := "dedup memory {\nlease 5m\nin_flight wait 2m\n}"
		_, seen := transcript.since(0)
		inner := "http://inner.test {\nbind unix/" + g.dir + "/inner\n" + gateBlock(memory) + "\n" + r.proxy() + "\n}\n"
		outer := g.caddyfile("http://gate.test", by.siteAt("unix/"+g.dir+"/inner", memory))
		if by == byProxy {
			outer = strings.Replace(outer, "/inner\n", "/inner {\nheader_up Host inner.test\n}\n", 1)
		} else {
			inner = strings.Replace(inner, "http://inner.test", "http://", 1)
		}
		if err := g.tryLoadFile(outer + inner); err != nil {
			t.Fatal(err)
		}
		if a := g.deliver("evt_1"); a.status != http.StatusConflict {
			t.Errorf("%s, want 409", a)
		}
		if log, _ := transcript.since(seen); !strings.Contains(log, "two gates with one scope refuse each other's deliveries") {
			t.Error("the log does not say why")
		}
	})
}
