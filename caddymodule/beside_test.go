package caddymodule_test

import (
	"strings"
	"testing"
)

// TestWhatTheMatcherLeavesOut shows which matchers are warned of.
func TestWhatTheMatcherLeavesOut(t *testing.T) {
	const lost, slash, proxied = "nothing answers what the gate's matcher leaves out", "matches nothing below it", "a proxy beside the gate takes paths"
	at := func(matcher string, lines ...string) string {
		return strings.Replace(gateBlock(append(lines, "dedup off")...), "{", matcher+" {", 1)
	}
	const to, notFound = "\nreverse_proxy 127.0.0.1:9", "\nhandle {\nrespond 404\n}"
	for _, row := range []struct {
		name, address, site string
		want                []string
	}{
		{"ok/no matcher", "http://gate.test", at("", "forward a:1"), nil},
		{"ok/no matcher and no host", "http://", at("", "forward a:1"), nil},
		{"ok/the rest is answered", "http://gate.test", at("/hooks/*", "forward a:1") + notFound, nil},
		{"ok/the rest is an error", "http://", at("/hooks/*", "forward a:1") + "\nerror 404", nil},
		{"ok/the rest goes to the receiver", "http://", at("/hooks/*") + to, nil},
		{"ok/handle and the rest", "http://gate.test", "handle /hooks/* {\n" + at("") + to + "\n}" + notFound, nil},
		{"ok/an exact path", "http://gate.test", at("/hooks/dari", "forward a:1") + notFound, nil},
		{"ok/the same path twice", "http://gate.test", at("/hooks/*") + "\nreverse_proxy /hooks/* 127.0.0.1:9" + notFound, nil},
		{"fail/forward alone", "http://gate.test", at("/hooks/*", "forward a:1"), []string{lost}},
		{"fail/forward alone and no host", "http://", at("/hooks/*", "forward a:1"), []string{lost}},
		{"fail/something else is answered", "http://gate.test", at("/hooks/*", "forward a:1") + "\nrespond /health ok", []string{lost}},
		{"fail/handlers that answer nothing", "http://", at("/hooks/*", "forward a:1") + "\nrequest_header X-A b\nencode", []string{lost}},
		{"fail/a proxy with the same matcher", "http://gate.test", at("/hooks/*") + "\nreverse_proxy /hooks/* 127.0.0.1:9", []string{lost}},
		{"fail/handle alone", "http://gate.test", "handle /hooks/* {\n" + at("") + to + "\n}", []string{lost}},
		{"fail/handle_path alone", "http://", "handle_path /hooks/* {\n" + at("", "forward a:1") + "\n}", []string{lost}},
		{"fail/a matcher inside of handle", "http://gate.test", "handle /hooks/* {\n" + at("/hooks/dari", "forward a:1") + "\n}" + notFound, []string{lost}},
		{"fail/another matcher", "http://gate.test", "@post method POST\n" + at("@post", "forward a:1"), []string{lost}},
		{"fail/a slash and no *", "http://gate.test", at("/hooks/", "forward a:1") + notFound, []string{slash}},
		{"fail/the proxy takes more", "http://gate.test", at("/hooks") + "\nreverse_proxy /hooks/* 127.0.0.1:9" + notFound, []string{proxied}},
		{"fail/the proxy takes the folder too", "http://gate.test", at("/hooks/*") + "\nreverse_proxy /hooks* 127.0.0.1:9" + notFound, []string{proxied}},
		{"fail/handle takes more", "http://", at("/hooks") + "\nhandle /hooks/* {" + to + "\n}" + notFound, []string{proxied}},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			if err := g.tryLoadFile(g.caddyfile(row.address, row.site)); err != nil {
				t.Fatal(err)
			}
			log, _ := transcript.since(seen)
			for _, text := range []string{lost, slash, proxied} {
				want := 0
				for _, w := range row.want {
					if w == text {
						want++
					}
				}
				if n := strings.Count(log, text); n != want {
					t.Errorf("warned of %q %d times, want %d", text, n, want)
				}
			}
		})
	}
}
