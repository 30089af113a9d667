package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestPinnedPath runs the documented site that pins what is not signed, and sends a captured delivery elsewhere.
func TestPinnedPath(t *testing.T) {
	g := newGateway(t)
	type where struct{ method, target, host, override string }
	seen := make(chan where, 1)
	r := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
		seen <- where{req.Method, req.RequestURI, req.Host, req.Header.Get("X-HTTP-Method-Override")}
	})
	var site string
	for _, block := range caddyfilesOf(t, "../docs/operations.md") {
		if strings.Contains(block, "rewrite * ") {
			site = block
		}
	}
	_, site, found := strings.Cut(strings.TrimSuffix(strings.TrimSpace(site), "}"), "{\n")
	if !found {
		t.Fatal("the documentation shows no such site")
	}
	site = strings.NewReplacer("{env.DARI_WEBHOOK_SECRET}", "{env."+secretEnv+"}\n"+inMemory(), "127.0.0.1:9000", strings.TrimPrefix(r.URL, "http://")).Replace(site)
	g.load(site)
	captured := g.request(event("evt_1"))
	captured.URL.Path, captured.URL.RawQuery = "/admin/delete", "all=1&_method=DELETE"
	captured.Header.Set("X-HTTP-Method-Override", "DELETE")
	if a := g.send(captured); a.status != http.StatusOK {
		t.Fatalf("%s", a)
	}
	if got, want := <-seen, (where{http.MethodPost, "/hooks/dari", "receiver.internal", ""}); got != want {
		t.Errorf("the receiver sees %+v, want %+v", got, want)
	}
}
