package caddymodule_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// passwordEnv is the variable that holds a server's password in the tests' configurations.
const passwordEnv = "DARI_TEST_REDIS_PASSWORD"

// redisUser gives a server a user with the rights that docs/redis.md asks for, and returns the options that name it.
func redisUser(t *testing.T, server *redistest.Server, password string) string {
	t.Helper()
	secrets.add(password)
	t.Setenv(passwordEnv, password)
	rule, _ := redistest.DocumentedUsers(t, "../docs/redis.md", password)
	server.Must(t, "ACL", "SETUSER", "gate", "resetpass")
	server.Must(t, rule...)
	return "username gate\npassword {env." + passwordEnv + "}"
}

// onRedis is the dedup option for a server.
func onRedis(server *redistest.Server, options ...string) string {
	return "dedup redis " + server.Addr + " {\n" + strings.Join(options, "\n") + "\n}"
}

// deliverTo sends a signed delivery to a path.
func (g *gateway) deliverTo(path, id string) answer {
	g.t.Helper()
	req := g.request(event(id))
	req.URL.Path = path
	return g.send(req)
}

// TestRedisGatesDeduplicateTogether runs two handlers with connections of their own against one server.
func TestRedisGatesDeduplicateTogether(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	user := redisUser(t, server, "a_password_of_the_redis_server")
	g.load("route /a {\n" + gateBlock(onRedis(server, user, "timeout 5s")) + "\n}\n" +
		"route /b {\n" + gateBlock(onRedis(server, user, "timeout 6s")) + "\n}\n" + r.proxy())
	var senders sync.WaitGroup
	for i := range 40 {
		senders.Go(func() {
			path, id := []string{"/a", "/b"}[i%2], fmt.Sprintf("evt_%d", i/4)
			if a := g.deliverTo(path, id); a.status != http.StatusOK {
				t.Errorf("%s at %s: %s", id, path, a)
			}
		})
	}
	senders.Wait()
	if n := r.hits.Load(); n != 10 {
		t.Errorf("the receiver got 10 deliveries %d times", n)
	}
	if a := g.deliverTo("/b", "evt_0"); !a.duplicate() {
		t.Errorf("a late copy: %s", a)
	}
	if n := len(connectionIDs(t, server)); n < 2 {
		t.Errorf("%d connections: the handlers share theirs, and the test shows nothing", n)
	}
	if dump := g.get("/config/"); !strings.Contains(dump, "{env."+passwordEnv+"}") {
		t.Errorf("the dump has lost the placeholder: %s", dump)
	}
}

// TestRedisPaused shows bounded answers while the server is silent, the breaker, both answers to it, and the recovery.
func TestRedisPaused(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	g.load("route /reject {\n" + gateBlock(onRedis(server)) + "\n}\n" +
		"route /allow {\n" + gateBlock(onRedis(server, "on_unavailable allow")) + "\n}\n" + r.proxy())
	eventually(t, "a delivery", func() bool { return g.deliverTo("/reject", "evt_first").status == http.StatusOK })

	server.Pause()
	for i := range 8 {
		start := time.Now()
		a := g.deliverTo("/reject", fmt.Sprintf("evt_%d", i))
		took := time.Since(start)
		if t.Logf("answer %d after %s", i, took); took > 3*time.Second {
			t.Errorf("an answer after %s", took)
		}
		if a.status != http.StatusServiceUnavailable || a.code() != string(contract.CodeStoreUnavailable) || a.header.Get("Retry-After") == "" {
			t.Errorf("while the server is paused: %s", a)
		}
	}
	if n := g.metric(`caddy_dari_webhook_store_faults_total{operation="claim",provider="dari",reason="timeout"}`); n == "" {
		t.Error("no fault with its reason in the metrics")
	}
	eventually(t, "the breaker to open", func() bool {
		g.deliverTo("/reject", "evt_0")
		return g.metric(`caddy_dari_webhook_breaker_open{provider="dari"}`) != "0"
	})
	before := r.hits.Load()
	if a := g.deliverTo("/allow", "evt_allowed"); a.status != http.StatusOK || r.hits.Load() != before+1 {
		t.Errorf("where the configuration lets deliveries through: %s", a)
	}

	server.Resume()
	resumed := time.Now()
	eventually(t, "the recovery", func() bool { return g.deliverTo("/reject", "evt_0").status == http.StatusOK })
	t.Logf("recovered after %s", time.Since(resumed))
	if a := g.deliverTo("/reject", "evt_first"); !a.duplicate() {
		t.Errorf("what was recorded before: %s", a)
	}
}

// TestRedisAwayAtStart loads a configuration whose server is down, and starts the server then.
func TestRedisAwayAtStart(t *testing.T) {
	for name, foreign := range map[string]bool{"ok/ours": false, "fail/another format": true} {
		t.Run(name, func(t *testing.T) {
			server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
			if foreign {
				server.Must(t, "SET", "darihook:format", "another")
			}
			server.Kill()
			g, r := newGateway(t), newReceiver(t, nil)
			_, seen := transcript.since(0)
			g.load(gateBlock(onRedis(server, "timeout 5s")) + "\n" + r.proxy())
			if log, _ := transcript.since(seen); !strings.Contains(log, "redis unavailable at start") {
				t.Error("the log does not say that the server is away")
			}
			if a := g.deliver("evt_1"); a.code() != string(contract.CodeStoreUnavailable) {
				t.Errorf("without a server: %s", a)
			}
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			if !foreign {
				eventually(t, "a delivery", func() bool { return g.deliver("evt_1").status == http.StatusOK })
				return
			}
			eventually(t, "the reason in the log", func() bool {
				a := g.deliver("evt_1")
				log, _ := transcript.since(seen)
				return a.code() == string(contract.CodeStoreUnavailable) && strings.Contains(log, "use the program that wrote the keys")
			})
			if n := r.hits.Load(); n != 0 {
				t.Errorf("%d deliveries passed a store that cannot be used", n)
			}
		})
	}
}

// TestRedisRefusedAtStart names what is wrong, and shows no password.
func TestRedisRefusedAtStart(t *testing.T) {
	server, foreign := redistest.New(t), redistest.New(t)
	foreign.Must(t, "SET", "darihook:format", "another")
	g := newGateway(t)
	user := redisUser(t, server, "the_right_password_of_the_server")
	server.Must(t, "ACL", "SETUSER", "poor", "on", ">the_right_password_of_the_server", "~darihook:*", "-@all", "+info", "+ping", "+hello", "+get", "+set")
	t.Setenv("DARI_TEST_WRONG", "a_wrong_password_for_the_server")
	secrets.add("a_wrong_password_for_the_server")
	for name, row := range map[string]struct{ dedup, want string }{
		"fail/password":           {onRedis(server, "username gate", "password {env.DARI_TEST_WRONG}"), "check user name, password"},
		"fail/rights":             {onRedis(server, "username poor", "password {env."+passwordEnv+"}"), "the ACL rule"},
		"fail/user alone":         {onRedis(server, "username gate"), "user without a password"},
		"fail/no such variable":   {onRedis(server, "password {env.DARI_NOT_SET}"), "{env.DARI_NOT_SET}"},
		"fail/another module's":   {onRedis(server, "password {http.request.uri}"), "placeholder other than"},
		"fail/cluster":            {onRedis(server, user, "cluster"), "leave cluster out"},
		"fail/sentinel":           {onRedis(server, "sentinel_master main"), "not the redis server that was configured"},
		"fail/format":             {onRedis(foreign), "use the program that wrote the keys"},
		"fail/database":           {onRedis(server, "database 99"), "not the redis server that was configured"},
		"fail/two addresses":      {"dedup redis " + server.Addr + " " + foreign.Addr, "set cluster"},
		"fail/url":                {"dedup redis redis://gate:written_password_for_all@localhost:6379/0", "address 1 is not host:port"},
		"fail/slow replicas":      {onRedis(server, user, "replicas 1 1s"), "replicas may take 1s"},
		"fail/no CA":              {onRedis(server, user, "tls {\nca "+g.dir+"/none\n}"), "tls: ca:"},
		"fail/certificate no key": {onRedis(server, user, "tls {\ncertificate "+g.dir+"/none "+g.dir+"/none\n}"), "tls: certificate:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := g.tryLoad(gateBlock(strings.Replace(row.dedup, "{\n", "{\ntimeout 5s\n", 1)))
			if name == "fail/slow replicas" {
				err = g.tryLoad(gateBlock(row.dedup))
			}
			switch {
			case err == nil:
				t.Fatal("the configuration was accepted")
			case !strings.Contains(err.Error(), row.want):
				t.Errorf("%v, want it to say %q", err, row.want)
			case strings.Contains(err.Error(), "password_of") || strings.Contains(err.Error(), "password_for"):
				t.Error("the error shows a password")
			}
		})
	}
}

// TestRedisReloadTakesANewPassword changes nothing but the password that a placeholder stands for.
func TestRedisReloadTakesANewPassword(t *testing.T) {
	server := redistest.New(t)
	g, r := newGateway(t), newReceiver(t, nil)
	site := gateBlock(onRedis(server, redisUser(t, server, "the_first_password_of_the_server"), "timeout 5s")) + "\n" + r.proxy()
	g.load(site)
	g.deliver("evt_1")
	before := connectionIDs(t, server)
	g.load(strings.Replace(site, "timeout 5s", "timeout 5s\nttl 1h", 1))
	if a := g.deliver("evt_1"); !a.duplicate() {
		t.Errorf("after a reload: %s", a)
	}
	if after := connectionIDs(t, server); len(before) == 0 || !slices.Equal(before, after) {
		t.Errorf("a reload that changes nothing of the server exchanged its connections %v for %v", before, after)
	}
	redisUser(t, server, "the_second_password_of_the_server")
	g.load(site + "\nheader X-Changed yes")
	server.Must(t, "CLIENT", "KILL", "USER", "gate", "SKIPME", "yes")
	eventually(t, "a delivery with the new password", func() bool { return g.deliver("evt_2").status == http.StatusOK })
}

// connectionIDs lists the connections that gates have to a server.
func connectionIDs(t *testing.T, server *redistest.Server) (ids []string) {
	t.Helper()
	for line := range strings.Lines(server.Must(t, "CLIENT", "LIST")) {
		if id, _, _ := strings.Cut(line, " "); strings.Contains(line, "name=darihook") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
