package caddymodule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/darihook/darihook/internal/dedup/disk"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// validate does what caddy validate does.
func (g *gateway) validate(site string) error {
	g.t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(g.caddyfile("http://gate.test", site)), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		g.t.Fatal(err)
	}
	var parsed caddy.Config
	if err := json.Unmarshal(config, &parsed); err != nil {
		g.t.Fatal(err)
	}
	return caddy.Validate(&parsed)
}

// TestValidateBeforeTheStart shows that a validation makes no directory and speaks to no server.
func TestValidateBeforeTheStart(t *testing.T) {
	g := newGateway(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var spoken atomic.Int64
	accepting := make(chan struct{})
	go func() {
		defer close(accepting)
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			spoken.Add(1)
			_ = conn.Close()
		}
	}()
	if err := g.validate(gateBlock("scope default") + "\n" + gateBlock("scope path", "dedup disk "+g.dir+"/ids") + "\n" +
		gateBlock("scope redis", "dedup redis "+server.Addr().String()) + "\nrespond ok"); err != nil {
		t.Error(err)
	}
	_ = server.Close()
	<-accepting
	if n := spoken.Load(); n != 0 {
		t.Errorf("%d connections to the server", n)
	}
	if entries, err := os.ReadDir(g.dir); err != nil || len(entries) != 0 {
		t.Errorf("it has made %v, %v", entries, err)
	}
}

// TestValidateAndReload validates what runs, as every deployment does, and then loads it again.
func TestValidateAndReload(t *testing.T) {
	for _, store := range []string{"memory", "disk", "redis"} {
		t.Run(store, func(t *testing.T) {
			g, r := newGateway(t), newReceiver(t, nil)
			dedup := "dedup " + store
			if store == "redis" {
				dedup = onRedis(redistest.New(t), "timeout 5s")
			}
			site := gateBlock(dedup) + "\n" + r.proxy()
			g.load(site)
			if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
				t.Fatal(a)
			}
			for range 2 {
				if err := g.validate(site); err != nil {
					t.Errorf("validate beside a running gate: %v", err)
				}
				if a := g.deliver("evt_1"); !a.duplicate() {
					t.Errorf("after a validation: %s", a)
				}
				g.load(site)
				if a := g.deliver("evt_1"); !a.duplicate() {
					t.Errorf("after a reload: %s", a)
				}
			}
		})
	}
}

// TestWhatIsWrongIsRefused shows that a store which only an operator can put right keeps a configuration from loading, with
// the reason, and what of it already a validation finds.
func TestWhatIsWrongIsRefused(t *testing.T) {
	write := func(t *testing.T, path, content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		prepare   func(t *testing.T, path string)
		reason    error
		validated bool
	}{
		"fail/other files":     {func(t *testing.T, path string) { write(t, path+"/letter.txt", "Dear") }, disk.ErrCorrupt, true},
		"fail/another version": {func(t *testing.T, path string) { write(t, path+"/version", "darihook deduplication store, format 9\n") }, disk.ErrVersion, true},
		"fail/a file":          {func(t *testing.T, path string) { write(t, path, "") }, disk.ErrCorrupt, true},
		"fail/in use": {func(t *testing.T, path string) {
			s, err := disk.Open(path, disk.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
		}, disk.ErrLocked, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			path := filepath.Join(g.dir, "ids")
			test.prepare(t, path)
			site := gateBlock("dedup disk "+path) + "\nrespond ok"
			if err := g.validate(site); (err != nil) != test.validated {
				t.Errorf("validate: %v", err)
			}
			if err := g.tryLoad(site); err == nil || !strings.Contains(err.Error(), test.reason.Error()) {
				t.Errorf("load: %v, want %v", err, test.reason)
			}
		})
	}
}

// TestRejectedStartGivesTheStoreBack loads a configuration that opens a store and then fails: the directory is free.
func TestRejectedStartGivesTheStoreBack(t *testing.T) {
	g := newGateway(t)
	path := filepath.Join(g.dir, "ids")
	// Apps start in any order, so that it takes some attempts until the store was surely opened before the other one failed.
	for i := range 8 {
		err := g.tryLoad(gateBlock("dedup disk "+path) + "\nrespond ok\n}\nhttp://late.test {\nbind unix//nowhere/socket\nrespond ok")
		if err == nil {
			t.Fatal("the configuration was accepted")
		}
		s, err := disk.Open(path, disk.Options{})
		if err != nil {
			t.Fatalf("after attempt %d: %v", i, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOneDirectoryUnderTwoNames reloads from one spelling to another, and runs two gates with one each.
func TestOneDirectoryUnderTwoNames(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	path, link := filepath.Join(g.dir, "ids"), filepath.Join(g.dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	one := func(path string) string { return gateBlock("dedup disk "+path) + "\n" + r.proxy() }
	g.load(one(path))
	for i, site := range []string{one(link), one(path), one(link)} {
		g.deliver(fmt.Sprintf("evt_%d", i))
		g.load(site)
		for j := range i + 1 {
			if a := g.deliver(fmt.Sprintf("evt_%d", j)); !a.duplicate() {
				t.Errorf("evt_%d after reload %d: %s", j, i, a)
			}
		}
		if s, err := disk.Open(path, disk.Options{}); !errors.Is(err, disk.ErrLocked) {
			t.Fatalf("after reload %d the directory is free: %v, %v", i, s, err)
		}
	}
	_, seen := transcript.since(0)
	g.load("route /a {\n" + gateBlock("dedup disk "+path) + "\n}\nroute /b {\n" + gateBlock("dedup disk "+link+" {\nmax_ids 5000\n}") + "\n}\n" + r.proxy())
	if log, _ := transcript.since(seen); !strings.Contains(log, "two gates set max_ids of one store differently") {
		t.Error("nothing is said of two bounds for one directory")
	}
	if a := g.deliverTo("/a", "evt_both"); a.status != http.StatusOK || a.duplicate() {
		t.Error(a)
	}
	if a := g.deliverTo("/b", "evt_both"); !a.duplicate() {
		t.Errorf("an id that the other gate has processed: %s", a)
	}
	if n := g.metric(`caddy_dari_webhook_store_ids{state="done",store="disk"}`); n != "4" {
		t.Errorf("%s ids, want 4: the store counts once", n)
	}
}

// TestMemoryOfAScope shows that one gate's deliveries make no other gate forget, and that each has a bound of its own.
func TestMemoryOfAScope(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load("route /small {\n" + gateBlock("scope small", inMemory("max_ids 5")) + "\n}\n" +
		"route /large {\n" + gateBlock("scope large", inMemory("max_ids 50")) + "\n}\n" + r.proxy())
	for i := range 10 {
		g.deliverTo("/large", fmt.Sprintf("evt_%d", i))
	}
	for i := range 60 {
		g.deliverTo("/small", fmt.Sprintf("flood_%d", i))
	}
	for i := range 10 {
		if a := g.deliverTo("/large", fmt.Sprintf("evt_%d", i)); !a.duplicate() {
			t.Errorf("evt_%d was forgotten: %s", i, a)
		}
	}
	if n := g.metric(`caddy_dari_webhook_store_ids{state="done",store="memory"}`); n != "15" {
		t.Errorf("%s ids, want 5 and 10", n)
	}
}
