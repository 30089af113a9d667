package caddymodule_test

import (
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// pendingOutcomes is the series of outcomes that wait for their store.
const pendingOutcomes = `caddy_dari_webhook_pending_outcomes{provider="dari"}`

// succeedWithoutRedis has a delivery succeed at its receiver after the server was killed, and returns once the sender has its
// answer: all attempts that it waits for have failed by then.
func succeedWithoutRedis(t *testing.T, g *gateway, server *redistest.Server, id string) {
	t.Helper()
	let := hold(t, g, id)
	server.Kill()
	start := time.Now()
	let()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the sender waited for %s", took)
	}
	if n := g.metric(pendingOutcomes); n != "1" {
		t.Errorf("%q outcomes pending, want 1", n)
	}
}

// wantDuplicate sends a copy until the store can be asked, and wants it answered from the record.
func wantDuplicate(t *testing.T, g *gateway, r *receiver, id string) {
	t.Helper()
	var a answer
	eventually(t, "an answer of the store", func() bool { a = g.deliver(id); return a.status != 503 })
	if n := r.hits.Load(); !a.duplicate() || a.status != 200 || n != 1 {
		t.Errorf("a copy: %s; the receiver got it %d times", a, n)
	}
}

// TestOutcomeOutlivesRedisRestart kills the server while the receiver works, and starts it again with its data after the sender
// has been answered.
func TestOutcomeOutlivesRedisRestart(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
		g, r := newGateway(t), newReceiver(t, holding)
		g.load(by.site(r, onRedis(server, "in_flight wait 5s")))
		succeedWithoutRedis(t, g, server, "evt_1")
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		wantDuplicate(t, g, r, "evt_1")
		eventually(t, "nothing pending", func() bool { return g.metric(pendingOutcomes) == "0" })
		if n := g.metric(`caddy_dari_webhook_lost_claims_total{provider="dari"}`); n != "" {
			t.Errorf("%s lost claims", n)
		}
	})
}

// TestPendingOutcomeOutlivesReload shows that its store is kept for it, though no configuration names it any more.
func TestPendingOutcomeOutlivesReload(t *testing.T) {
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	g, r := newGateway(t), newReceiver(t, holding)
	site := byForward.site(r, onRedis(server, "in_flight wait 5s"))
	g.load(site)
	succeedWithoutRedis(t, g, server, "evt_1")
	g.load("respond gone")
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record", func() bool {
		value, err := server.Do(t.Context(), "GET", "darihook:1:{dari/evt_1}")
		return err == nil && value != "" && value[0] == 'd'
	})
	g.load(site)
	wantDuplicate(t, g, r, "evt_1")
}
