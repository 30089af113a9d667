package caddymodule_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// pendingOutcomes is the series of outcomes that wait for their store.
const pendingOutcomes = `caddy_dari_webhook_pending_outcomes{provider="dari"}`

// succeedDuring has a delivery succeed at its receiver after an outage of the store has begun, and returns once the sender has
// its answer: all attempts that it waits for have failed by then.
func succeedDuring(t *testing.T, g *gateway, outage func(), id string) {
	t.Helper()
	let := hold(t, g, id)
	outage()
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
		succeedDuring(t, g, server.Kill, "evt_1")
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		wantDuplicate(t, g, r, "evt_1")
		eventually(t, "nothing pending", func() bool { return g.metric(pendingOutcomes) == "0" })
		if n := g.metric(`caddy_dari_webhook_lost_claims_total{provider="dari"}`); n != "0" {
			t.Errorf("%s lost claims", n)
		}
	})
}

// TestOutcomeWaitsForReplicas has an outcome refused for want of replicas, and another recorded on the primary alone. Both are
// offered again until there is a replica; until then only the second one is known.
func TestOutcomeWaitsForReplicas(t *testing.T) {
	for name, row := range map[string]struct {
		options  []string
		do, undo func(*testing.T, *redistest.Server, *toxiproxy.Proxy)
		reason   string
		before   byte // of the stored value: claimed or done
	}{
		"refused": {nil, config("min-replicas-to-write", "1"), config("min-replicas-to-write", "0"), "no_replicas", 'c'},
		"on the primary alone": {
			[]string{"replicas 1"}, func(*testing.T, *redistest.Server, *toxiproxy.Proxy) {},
			func(t *testing.T, primary *redistest.Server, _ *toxiproxy.Proxy) { redistest.NewReplica(t, primary) }, "replicas", 'd',
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.New(t)
			g, r := newGateway(t), newReceiver(t, holding)
			_, seen := transcript.since(0)
			g.load(byForward.site(r, onRedis(server, append(row.options, "in_flight wait 5s")...)))
			succeedDuring(t, g, func() { row.do(t, server, nil) }, "evt_1")
			if value := server.Must(t, "GET", "darihook:1:{dari/evt_1}"); value == "" || value[0] != row.before {
				t.Errorf("stored %q while it is pending, want it to begin with %c", value, row.before)
			}
			if g.metric(`caddy_dari_webhook_store_faults_total{operation="commit",provider="dari",reason="`+row.reason+`"}`) == "" {
				t.Errorf("no fault of the reason %s is counted", row.reason)
			}
			row.undo(t, server, nil)
			wantDuplicate(t, g, r, "evt_1")
			eventually(t, "nothing pending", func() bool { return g.metric(pendingOutcomes) == "0" })
			if n := g.metric(`caddy_dari_webhook_lost_claims_total{provider="dari"}`); n != "0" {
				t.Errorf("%s lost claims", n)
			}
			said := row.before == 'c' // a record that lacks copies is not worth a line
			if log, _ := transcript.since(seen); strings.Contains(log, "pending commit recorded") != said {
				t.Errorf("the log says that it is recorded: %v, want %v", !said, said)
			}
		})
	}
}

// TestPendingOutcomeOutlivesReload shows that its store is kept for it, though no configuration names it any more.
func TestPendingOutcomeOutlivesReload(t *testing.T) {
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	g, r := newGateway(t), newReceiver(t, holding)
	site := byForward.site(r, onRedis(server, "in_flight wait 5s"))
	g.load(site)
	succeedDuring(t, g, server.Kill, "evt_1")
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

// TestRedisPauseOutlastsNothing pauses the server under deliveries that it has not heard of. It makes their claims when it goes on,
// though their senders have long been refused: the senders' retries must get through, and not wait for the lease.
func TestRedisPauseOutlastsNothing(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(byForward.site(r, onRedis(server, "in_flight reject", "lease 10m")))
	eventually(t, "a delivery", func() bool { return g.deliver("evt_first").status == 200 })
	before := r.hits.Load()

	server.Pause()
	var senders sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		ids[i] = fmt.Sprintf("evt_%d", i)
		senders.Go(func() {
			if a := g.deliver(ids[i]); a.status != 503 {
				t.Errorf("while the server is paused: %s", a)
			}
		})
	}
	senders.Wait()
	server.Resume()
	for _, id := range ids {
		var a answer
		t.Cleanup(func() {
			if t.Failed() {
				t.Log("last answer: ", a, server.Must(t, "GET", "darihook:1:{dari/"+id+"}"), server.Must(t, "PTTL", "darihook:1:{dari/"+id+"}"), g.metric(`caddy_dari_webhook_breaker_open{provider="dari"}`))
			}
		})
		eventually(t, "the sender's retry to be processed", func() bool { a = g.deliver(id); return a.status == 200 })
	}
	if n := r.hits.Load() - before; n != int64(len(ids)) {
		t.Errorf("the receiver got %d deliveries %d times", len(ids), n)
	}
}
