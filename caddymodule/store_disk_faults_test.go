package caddymodule_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDirectoryIsTakenAway takes the directory of a store on disk away while deliveries come, reloads, and puts it back. Caddy
// lives, another site of it answers all the while, deliveries get 503 with the reason in the metrics and the health, and
// afterwards nothing that was acknowledged runs again.
func TestDirectoryIsTakenAway(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	store := filepath.Join(g.dir, "store")
	load := func(ttl string) {
		site := gateBlock("dedup disk "+store+" {\nttl "+ttl+"\n}") + "\n" + r.proxy()
		other := fmt.Sprintf("http://other.test {\nbind unix/%s/gate\nrespond \"here\"\n}\n", g.dir)
		if err := g.tryLoadFile(g.caddyfile("http://gate.test", site) + other); err != nil {
			t.Fatal(err)
		}
	}
	load("1h")
	const ids = 20
	for i := range ids {
		if a := g.deliver(fmt.Sprintf("evt_%d", i)); a.status != http.StatusOK {
			t.Fatalf("evt_%d: %s", i, a)
		}
	}
	records, away := filepath.Join(store, "records"), filepath.Join(store, "away")
	if err := os.Rename(records, away); err != nil {
		t.Fatal(err)
	}
	next := ids
	deliverNew := func() answer {
		next++
		return g.deliver(fmt.Sprintf("evt_%d", next))
	}
	eventually(t, "503 without the directory", func() bool { return deliverNew().status == http.StatusServiceUnavailable })
	load("2h")
	for range 50 {
		if a := deliverNew(); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Fatalf("without the directory, after a reload: %s", a)
		}
		g.wantOtherSite(t)
	}
	if n := g.metric(`caddy_dari_webhook_store_faults_total{operation="claim",provider="dari",reason="failed"}`); n == "" || n == "0" {
		t.Errorf("%q faults of the reason failed", n)
	}
	hits := r.hits.Load()
	if err := os.Rename(away, records); err != nil {
		t.Fatal(err)
	}
	eventually(t, "200 with the directory", func() bool { return deliverNew().status == http.StatusOK })
	for i := range ids {
		if a := g.deliver(fmt.Sprintf("evt_%d", i)); a.status != http.StatusOK || !a.duplicate() {
			t.Errorf("evt_%d again: %s, want a duplicate", i, a)
		}
	}
	if got := r.hits.Load(); got != hits+1 {
		t.Errorf("%d deliveries reached the receiver afterwards, want 1", got-hits)
	}
}

// wantOtherSite asks the site beside the gate.
func (g *gateway) wantOtherSite(t *testing.T) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://other.test/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if a := g.send(req); a.status != http.StatusOK || !strings.Contains(a.body, "here") {
		t.Errorf("another site: %s", a)
	}
}
