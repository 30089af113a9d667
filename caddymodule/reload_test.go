package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/darihook/darihook/contract"
)

// TestReloadKeepsWhatIsRemembered shows that a store survives a reload, that its new bounds apply from the first request on,
// and that the metrics are there.
func TestReloadKeepsWhatIsRemembered(t *testing.T) {
	for _, store := range []string{"memory", "disk"} {
		t.Run(store, func(t *testing.T) {
			g, r := newGateway(t), newReceiver(t, nil)
			site := func(options string) string {
				return gateBlock("dedup "+store+" {\n"+options+"\n}") + "\n" + r.proxy()
			}
			g.load(site("max_ids 1000"))
			for i := range 20 {
				g.deliver(fmt.Sprintf("evt_%d", i))
			}
			g.load(site("ttl 1h"))
			for i := range 20 {
				if a := g.deliver(fmt.Sprintf("evt_%d", i)); !a.duplicate() {
					t.Fatalf("evt_%d after a reload: %s", i, a)
				}
			}
			series := `caddy_dari_webhook_requests_total{code="",decision="duplicate",provider="dari"}`
			if n := g.metric(series); n != "20" {
				t.Errorf("%s duplicates in the metrics of the new configuration, want 20", n)
			}
			if n := g.metric(`caddy_dari_webhook_store_ids{state="done",store="` + store + `"}`); n != "20" {
				t.Errorf("%s ids in the metrics, want 20", n)
			}
		})
	}
}

func TestReloadAppliesNewBounds(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(inMemory()) + "\n" + r.proxy())
	for i := range 20 {
		g.deliver(fmt.Sprintf("evt_%d", i))
	}
	const ids = `caddy_dari_webhook_store_ids{state="done",store="memory"}`
	g.load(gateBlock(inMemory("max_ids 5")) + "\n" + r.proxy())
	if n := g.metric(ids); n != "20" {
		t.Errorf("%s ids before the new configuration has served anything, want 20", n)
	}
	g.deliver("evt_19")
	eventually(t, "the new bound", func() bool { return g.metric(ids) == "5" })
}

// TestRejectedReloadChangesNothing loads configurations that fail late, after the gate in them has been provisioned. It gives
// every row a socket of its own: a load that fails while it listens may take the
// socket of the live configuration along within Caddy, so that the next load on it fails.
func TestRejectedReloadChangesNothing(t *testing.T) {
	for name, rest := range map[string]string{
		"fail/address":     "\n}\nhttp://late.test {\nbind unix//nowhere/socket\n" + gateBlock("scope other", inMemory("max_ids 1")),
		"fail/no secret":   "\nroute {\ndari_webhook\n}",
		"fail/placeholder": "\nroute {\ndari_webhook {\nsecret {env.DARI_NOT_SET}\n}\n}",
		"fail/file":        "\nroute {\n" + gateBlock("secret_file /nowhere/none") + "\n}",
		"fail/lock":        "\nroute {\n" + gateBlock("dedup disk /proc/nowhere") + "\n}",
	} {
		t.Run(name, func(t *testing.T) {
			g, r := newGateway(t), newReceiver(t, nil)
			site := gateBlock(inMemory()) + "\n" + r.proxy()
			g.load(site)
			id := strings.ReplaceAll(t.Name(), "/", "_")
			g.deliver(id)
			before := g.get("/config/")
			err := g.tryLoad(site + rest)
			if err == nil {
				t.Fatal("the configuration was accepted")
			}
			if strings.Contains(err.Error(), "whsec_") {
				t.Errorf("the error shows a secret")
			}
			if g.get("/config/") != before {
				t.Error("the configuration changed")
			}
			if a := g.deliver(id); !a.duplicate() {
				t.Errorf("after a rejected reload: %s", a)
			}
			if n := g.metric(`caddy_dari_webhook_store_ids{state="in_flight",store="memory"}`); n != "0" {
				t.Errorf("in flight: %s", n)
			}
		})
	}
}

// TestReloadUnderLoad shows that nothing is lost and nothing runs twice while configurations come and go.
func TestReloadUnderLoad(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		var perID sync.Map
		r := newReceiver(t, func(_ http.ResponseWriter, req *http.Request) {
			n, _ := perID.LoadOrStore(req.Header.Get(contract.HeaderID), new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
		})
		site := func(i int) string {
			return by.site(r, "dedup disk {\nttl "+fmt.Sprint(i+1)+"h\n}")
		}
		g.load(site(0))
		var senders sync.WaitGroup
		var stop atomic.Bool
		var sent atomic.Int64
		for w := range 4 {
			senders.Go(func() {
				for i := 0; !stop.Load(); i++ {
					g.insist(t, fmt.Sprintf("evt_%d_%d", w, i))
					sent.Add(1)
				}
			})
		}
		for i := range 10 {
			g.load(site(i + 1))
			before := sent.Load()
			eventually(t, "deliveries under the new configuration", func() bool { return sent.Load() > before+10 })
		}
		stop.Store(true)
		senders.Wait()
		var ids int64
		perID.Range(func(id, n any) bool {
			ids++
			if n := n.(*atomic.Int64).Load(); n != 1 {
				t.Errorf("%s reached the receiver %d times", id, n)
			}
			return true
		})
		if ids != sent.Load() {
			t.Errorf("%d deliveries were acknowledged, %d received", sent.Load(), ids)
		}
	})
}

// insist delivers as a platform does: again and again until it is told of success.
func (g *gateway) insist(t *testing.T, id string) {
	for range 50 {
		if a, err := sendBy(g.client, g.request(event(id))); err == nil && a.status == http.StatusOK {
			return
		}
	}
	t.Errorf("%s was never acknowledged", id)
}

// TestDeliveryUnderWayDuringAReload shows that it keeps its store until it has ended, though no configuration names it any
// more.
func TestDeliveryUnderWayDuringAReload(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g := newGateway(t)
		r := newReceiver(t, holding)
		site := by.site(r, "dedup disk")
		g.load(site)
		let := hold(t, g, "evt_1")
		g.load("respond gone")
		let()
		eventually(t, "the store to be free again", func() bool { return g.tryLoad(site) == nil })
		if a := g.deliver("evt_1"); !a.duplicate() {
			t.Errorf("after the reload: %s", a)
		}
	})
}

// TestTwoGatesInOneConfiguration share the collectors and the store, and stay apart by scope.
func TestTwoGatesInOneConfiguration(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load("route /a {\n" + gateBlock("scope a", inMemory()) + "\n}\nroute /b {\n" + gateBlock("scope b", inMemory()) + "\n}\n" + r.proxy())
	for _, path := range []string{"/a", "/b"} {
		for _, duplicate := range []bool{false, true} {
			req := g.request(event("evt_1"))
			req.URL.Path = path
			if a := g.send(req); a.status != http.StatusOK || a.duplicate() != duplicate {
				t.Errorf("%s: %s", path, a)
			}
		}
	}
	if n := g.metric(`caddy_dari_webhook_requests_total{code="",decision="forwarded",provider="dari"}`); n != "2" {
		t.Errorf("%s forwarded, want 2", n)
	}
	if n := g.metric(`caddy_dari_webhook_store_ids{state="done",store="memory"}`); n != "2" {
		t.Errorf("%s ids, want 2: the store counts once", n)
	}
}

// TestDumpShowsNoSecret reads the configuration back.
func TestDumpShowsNoSecret(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(inMemory()) + "\n" + r.proxy())
	dump := g.get("/config/")
	if !json.Valid([]byte(dump)) || !strings.Contains(dump, "{env."+secretEnv+"}") {
		t.Errorf("the dump has lost the placeholder: %s", dump)
	}
}
