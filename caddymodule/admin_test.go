package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// ask asks Caddy's own API.
func (g *gateway) ask(method, path string) answer {
	g.t.Helper()
	req, err := http.NewRequest(method, "http://localhost/dari_webhook/"+path, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := sendBy(g.admin, req)
	if err != nil {
		g.t.Fatal(err)
	}
	if !json.Valid([]byte(a.body)) || a.header.Get("Content-Type") != "application/json" {
		g.t.Errorf("%s %s: no JSON: %s", method, path, a)
	}
	return a
}

// record is what the endpoint tells of a delivery.
type record struct {
	Store, Scope, ID, State, At, Expires string
	Status                               int
}

// ids asks for deliveries.
func (g *gateway) ids(path string) []record {
	g.t.Helper()
	var list struct{ IDs []record }
	if a := g.ask(http.MethodGet, path); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &list) != nil {
		g.t.Fatalf("%s: %s", path, a)
	}
	return list.IDs
}

// twoScopes has a gate at /a and one at /b, on one store.
func twoScopes(dedup string) string {
	return "route /a {\n" + gateBlock("scope a", dedup) + "\n}\nroute /b {\n" + gateBlock("scope b", dedup) + "\n}\n"
}

func TestAdminLooksUpAndForgets(t *testing.T) {
	for _, store := range []string{"memory", "disk", "redis"} {
		t.Run(store, func(t *testing.T) {
			g, r := newGateway(t), newReceiver(t, holding)
			dedup := "dedup " + store
			if store == "redis" {
				dedup = onRedis(redistest.New(t), "timeout 5s")
			}
			g.load(twoScopes(dedup) + "route /hook {\n" + gateBlock("scope c", dedup) + "\n}\n" + r.proxy())
			g.deliverTo("/a", "evt_1")
			let := hold(t, g, "evt_held")
			defer let()

			one := g.ids("id?scope=a&id=evt_1")
			if len(one) != 1 || one[0].Store != store || one[0].State != "done" || one[0].Status != 200 || one[0].At == "" || one[0].Expires == "" {
				t.Errorf("a recorded delivery: %+v", one)
			}
			if other := g.ids("id?scope=b&id=evt_1"); len(other) != 1 || other[0].State != "absent" || other[0].Status != 0 {
				t.Errorf("in another scope: %+v", other)
			}
			if held := g.ids("id?scope=c&id=evt_held"); len(held) != 1 || held[0].State != "in_flight" || held[0].Expires == "" {
				t.Errorf("a delivery in flight: %+v", held)
			}
			for path, want := range map[string]int{
				"id?scope=c&id=evt_held":  http.StatusConflict,
				"id?scope=a&id=evt_other": http.StatusNotFound,
				"id?scope=b&id=evt_1":     http.StatusNotFound,
				"id?scope=d&id=evt_1":     http.StatusBadRequest,
				"id?id=evt_1":             http.StatusBadRequest,
				"id?scope=a":              http.StatusBadRequest,
				"id?scope=a&id=evt_1":     http.StatusOK,
			} {
				if a := g.ask(http.MethodDelete, path); a.status != want {
					t.Errorf("DELETE %s: %s, want %d", path, a, want)
				}
			}
			before := r.hits.Load()
			if a := g.deliverTo("/a", "evt_1"); a.duplicate() || r.hits.Load() != before+1 {
				t.Errorf("a resend of what was forgotten: %s", a)
			}
		})
	}
}

func TestAdminListsRecentIDs(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(twoScopes("dedup memory") + r.proxy())
	for i := range 46 {
		g.deliverTo([]string{"/a", "/b"}[i%2], fmt.Sprintf("evt_%d", i))
	}
	if all := g.ids("ids"); len(all) != 40 {
		t.Errorf("%d ids by default, want 20 of each store", len(all))
	}
	list := g.ids("ids?scope=b&limit=3")
	if len(list) != 3 || list[0].ID != "evt_45" || slices.ContainsFunc(list, func(r record) bool { return r.Scope != "b" || r.State != "done" }) {
		t.Errorf("the last three of b: %+v", list)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "scope=d"} {
		if a := g.ask(http.MethodGet, "ids?"+query); a.status != http.StatusBadRequest {
			t.Errorf("%s: %s", query, a)
		}
	}
	if a := g.ask(http.MethodPost, "ids"); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET" {
		t.Errorf("POST: %s", a)
	}
	if a := g.ask(http.MethodPut, "id"); a.header.Get("Allow") != "DELETE, GET" {
		t.Errorf("PUT: %s", a)
	}
}

// TestAdminStoresFollowTheConfiguration shows the stores of the running configuration and no other's.
func TestAdminStoresFollowTheConfiguration(t *testing.T) {
	g := newGateway(t)
	var shown struct {
		Stores []struct {
			Store, Address string
			Done           *int
			Gates          []struct{ Provider, Scope, Breaker string }
		}
	}
	g.load(twoScopes("dedup memory") + "respond ok")
	g.deliverTo("/a", "evt_1")
	g.load(twoScopes("dedup memory") + "route /d {\n" + gateBlock("dedup disk "+g.dir+"/ids") + "\n}\nrespond ok")
	if err := g.tryLoad(twoScopes("dedup memory") + gateBlock("dedup disk /proc/nowhere")); err == nil {
		t.Fatal("the configuration was accepted")
	}
	if a := g.ask(http.MethodGet, "stores"); a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &shown) != nil {
		t.Fatal(a)
	}
	if len(shown.Stores) != 3 || shown.Stores[0].Store != "disk" || shown.Stores[0].Address != g.dir+"/ids" || len(shown.Stores[0].Gates) != 1 {
		t.Fatalf("stores %+v", shown)
	}
	for i, scope := range []string{"a", "b"} {
		memory := shown.Stores[1+i]
		if memory.Address != scope || memory.Done == nil || *memory.Done != 1-i || len(memory.Gates) != 1 || memory.Gates[0].Scope != scope ||
			memory.Gates[0].Provider != "dari" || memory.Gates[0].Breaker != "closed" {
			t.Errorf("the store in memory of scope %s: %+v", scope, memory)
		}
	}
	g.load("respond ok")
	if a := g.ask(http.MethodGet, "stores"); strings.TrimSpace(a.body) != `{"stores":[]}` {
		t.Errorf("without a gate: %s", a)
	}
	if a := g.ask(http.MethodGet, "health"); strings.TrimSpace(a.body) != `{"healthy":true,"stores":[]}` {
		t.Errorf("without a gate: %s", a)
	}
	if a := g.ask(http.MethodGet, "id?id=evt_1"); a.status != http.StatusBadRequest || !strings.Contains(a.body, "no gate") {
		t.Errorf("without a gate: %s", a)
	}
}

// TestAdminHealth pauses a server and lets it go on.
func TestAdminHealth(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(onRedis(server)) + "\n" + r.proxy())
	healthy := func() bool { return g.ask(http.MethodGet, "health").status == http.StatusOK }
	eventually(t, "health", healthy)
	server.Pause()
	if a := g.ask(http.MethodGet, "health"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, `"reason":"timeout"`) {
		t.Errorf("while the server is paused: %s", a)
	}
	if a := g.ask(http.MethodGet, "id?id=evt_1"); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "did not answer in time") {
		t.Errorf("a look-up while the server is paused: %s", a)
	}
	eventually(t, "an open breaker", func() bool {
		g.deliver("evt_1")
		return strings.Contains(g.ask(http.MethodGet, "stores").body, `"breaker":"open"`)
	})
	server.Resume()
	eventually(t, "health after the pause", healthy)
	const breaker = `caddy_dari_webhook_breaker_open{provider="dari"}`
	if stores := g.ask(http.MethodGet, "stores").body; g.metric(breaker) != "1" || !strings.Contains(stores, `"breaker":"half_open"`) {
		t.Errorf("before a delivery has found the store well: breaker_open %s, %s", g.metric(breaker), stores)
	}
	eventually(t, "a delivery that finds the store well", func() bool {
		g.deliver("evt_2")
		return g.metric(breaker) == "0"
	})
}

// TestAdminHealthWithoutReplica shows that a replica that is away takes no machine out of rotation.
func TestAdminHealthWithoutReplica(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(onRedis(server, "replicas 1 50ms")) + "\n" + r.proxy())
	eventually(t, "health that tells of the replica", func() bool {
		a := g.ask(http.MethodGet, "health")
		return a.status == http.StatusOK && strings.Contains(a.body, `"healthy":true`) && strings.Contains(a.body, `"reason":"replicas"`)
	})
	if n := server.Must(t, "EVAL", "return #redis.call('KEYS', ARGV[1])", "0", "darihook:1:{*"); n != "0" {
		t.Errorf("%s keys are left behind, want none", n)
	}
}

// TestAdminCommandsAreKnown shows that a misspelt command fails, which may be a check of health.
func TestAdminCommandsAreKnown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, args, err string }{
		{"ok/none", "", ""},
		{"ok/help", "health --help", ""},
		{"fail/misspelt", "heath", `unknown command "heath" (did you mean health?): known are stores, health, doctor, recent, lookup, forget`},
		{"fail/misspelt with a flag", "heath --address localhost:1", `unknown command "heath" (did you mean health?): known are stores, health, doctor, recent, lookup, forget`},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cmd := &cobra.Command{Use: "dari-webhook", SilenceUsage: true}
			caddymodule.AddAdminCommands(cmd)
			var out bytes.Buffer
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			cmd.SetArgs(strings.Fields(row.args))
			if err := cmd.Execute(); err == nil && row.err != "" || err != nil && err.Error() != row.err {
				t.Errorf("error %v, want %q; printed %s", err, row.err, &out)
			}
		})
	}
}

// TestAdminCommands runs the commands against the admin endpoint.
func TestAdminCommands(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(twoScopes("dedup memory") + r.proxy())
	g.deliverTo("/a", "evt_1")
	for _, row := range []struct{ args, want, err string }{
		{"stores", `"store": "memory"`, ""},
		{"health", `"healthy": true`, ""},
		{"recent --scope a --limit 5", `"id": "evt_1"`, ""},
		{"lookup evt_1 --scope a", `"state": "done"`, ""},
		{"forget evt_1 --scope a", `"forgotten": true`, ""},
		{"lookup evt_1 --scope a", `"state": "absent"`, ""},
		{"forget evt_1 --scope a", "", "HTTP 404"},
		{"lookup evt_1", "", "scope must be one of a, b"},
		{"lookup", "", "accepts 1 arg"},
		{"recent more", "", "unknown command"},
	} {
		t.Run(row.args, func(t *testing.T) {
			var out bytes.Buffer
			cmd := &cobra.Command{Use: "dari-webhook", SilenceUsage: true}
			caddymodule.AddAdminCommands(cmd)
			cmd.SetOut(&out)
			cmd.SetErr(&out)
			cmd.SetArgs(append(strings.Fields(row.args), "--address", "unix/"+g.dir+"/admin"))
			err := cmd.Execute()
			if (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("error %v, want %q", err, row.err)
			}
			if !strings.Contains(out.String(), row.want) {
				t.Errorf("printed %s", &out)
			}
		})
	}
}
