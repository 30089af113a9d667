package caddymodule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestHandlersBehindForward shows which sites are warned of.
func TestHandlersBehindForward(t *testing.T) {
	gate := "secret {env." + secretEnv + "}\nforward a:1\n" + inMemory()
	for name, row := range map[string]struct {
		site  string
		warns bool
	}{
		"ok/alone":               {"dari_webhook {\n" + gate + "\n}", false},
		"ok/handled beside":      {"handle /hooks {\ndari_webhook {\n" + gate + "\n}\n}\nhandle {\nrespond 404\n}", false},
		"ok/beside the matcher":  {"dari_webhook /hooks {\n" + gate + "\n}\nrespond 404", false},
		"ok/ahead":               {"header A b\ndari_webhook {\n" + gate + "\n}", false},
		"fail/proxy":             {"dari_webhook {\n" + gate + "\n}\nreverse_proxy a:2", true},
		"fail/by the event":      {"dari_webhook {\n" + gate + "\n}\n@e dari_event session.completed\nrespond @e 200", true},
		"fail/in a route":        {"route {\ndari_webhook {\n" + gate + "\n}\nrespond 404\n}", true},
		"fail/inside the handle": {"handle /hooks {\ndari_webhook {\n" + gate + "\n}\nrespond 200\n}\nhandle {\nrespond 404\n}", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			g.load(row.site)
			if log, _ := transcript.since(seen); strings.Contains(log, "forward takes every delivery") != row.warns {
				t.Errorf("warned: %v, want %v", !row.warns, row.warns)
			}
		})
	}
}

// TestForwardToTheGateItself is refused, by whichever name the gate's own listener goes.
func TestForwardToTheGateItself(t *testing.T) {
	for name, row := range map[string]struct {
		listen, to string
		refused    bool
	}{
		"ok/another port":     {":8080", "127.0.0.1:8081", false},
		"ok/another host":     {":8080", "receiver.internal:8080", false},
		"ok/another address":  {"192.0.2.1:8080", "127.0.0.1:8080", false},
		"fail/loopback":       {":8080", "127.0.0.1:8080", true},
		"fail/localhost":      {":8080", "localhost:8080", true},
		"fail/IPv6":           {":8080", "[::1]:8080", true},
		"fail/same address":   {"192.0.2.1:8080", "192.0.2.1:8080", true},
		"fail/two loopbacks":  {"127.0.0.1:8080", "localhost:8080", true},
		"fail/within a range": {":8080-8090", "127.0.0.1:8085", true},
		"fail/anywhere":       {"127.0.0.1:8080", "0.0.0.0:8080", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(secretEnv, "whsec_0123456789abcdef0123456789abcdef")
			err := validateJSON(t, `{"admin":{"disabled":true},"apps":{"http":{"servers":{"s":{"listen":["`+row.listen+`"],"automatic_https":{"disable":true},
				"routes":[{"handle":[{"handler":"dari_webhook","secrets":["{env.`+secretEnv+`}"],"dedup":{"off":true},"forward":{"address":"`+row.to+`"}}]}]}}}}}`)
			if refused := err != nil && strings.Contains(err.Error(), "a delivery would come back to it"); refused != row.refused || err != nil && !refused {
				t.Errorf("%v; refused: %v, want %v", err, refused, row.refused)
			}
		})
	}
	g := newGateway(t)
	if err := g.tryLoad(gateBlock(inMemory(), "forward unix/"+g.dir+"/gate")); err == nil || !strings.Contains(err.Error(), "a delivery would come back to it") {
		t.Errorf("at its own socket: %v", err)
	}
}

// validateJSON does what caddy validate does.
func validateJSON(t *testing.T, config string) error {
	t.Helper()
	var parsed caddy.Config
	if err := json.Unmarshal([]byte(config), &parsed); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(&parsed)
}

// TestEventWithoutAGate is warned of, since the matcher then matches nothing.
func TestEventWithoutAGate(t *testing.T) {
	for name, row := range map[string]struct {
		site  string
		warns bool
	}{
		"ok/with a gate": {gateBlock(inMemory()) + "\n@e dari_event session.completed\nrespond @e 200\nrespond 404", false},
		"fail/without":   {"@e dari_event session.completed\nrespond @e 200\nrespond 404", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			g.load(row.site)
			if log, _ := transcript.since(seen); strings.Contains(log, "dari_event matches nothing") != row.warns {
				t.Errorf("warned: %v, want %v", !row.warns, row.warns)
			}
		})
	}
}
