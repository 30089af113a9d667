package caddymodule_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestRedisTopologies delivers through a Cluster and through Sentinels, and refuses a node of a Cluster that is taken for a
// server of its own.
func TestRedisTopologies(t *testing.T) {
	nodes := redistest.NewCluster(t, 3)
	primary := redistest.New(t)
	sentinel := redistest.NewSentinel(t, primary, 0)
	var addresses []string
	for _, node := range nodes {
		addresses = append(addresses, node.Addr)
	}
	g, r := newGateway(t), newReceiver(t, nil)
	for name, dedup := range map[string]string{
		"ok/cluster":  "dedup redis " + strings.Join(addresses, " ") + " {\ncluster\ntimeout 5s\n}",
		"ok/sentinel": onRedis(sentinel, "sentinel_master "+redistest.MasterSet, "timeout 5s"),
	} {
		t.Run(name, func(t *testing.T) {
			g.load(gateBlock(dedup) + "\n" + r.proxy())
			for _, id := range []string{"evt_1", "evt_2", "evt_3", "evt_4"} {
				if a := g.deliver(id); a.status != http.StatusOK || a.duplicate() {
					t.Errorf("%s: %s", id, a)
				}
				if a := g.deliver(id); !a.duplicate() {
					t.Errorf("a copy of %s: %s", id, a)
				}
			}
			if list := g.ids("ids"); len(list) != 4 {
				t.Errorf("recent ids: %+v", list)
			}
		})
	}
	if err := g.tryLoad(gateBlock(onRedis(nodes[0], "timeout 5s"))); err == nil || !strings.Contains(err.Error(), "set cluster") {
		t.Errorf("a node of a cluster as a server: %v", err)
	}
}

// TestRedisDocumentedUsers loads a gate for every kind of server that docs/redis.md shows, as the users that it says to make.
func TestRedisDocumentedUsers(t *testing.T) {
	const password = "the_password_of_a_documented_user"
	primary, nodes := redistest.New(t), redistest.NewCluster(t, 3)
	redistest.NewReplica(t, primary)
	sentinel := redistest.NewSentinel(t, primary, 1)
	user := redisUser(t, primary, password)
	for _, node := range nodes {
		redisUser(t, node, password)
	}
	_, rule := redistest.DocumentedUsers(t, "../docs/redis.md", password)
	sentinel.Must(t, rule...)
	g, r := newGateway(t), newReceiver(t, nil)
	for name, dedup := range map[string]string{
		"single":   onRedis(primary, user, "database 0", "timeout 5s"),
		"database": onRedis(primary, user, "database 1", "timeout 5s"),
		"replicas": onRedis(primary, user, "replicas 1 5s", "timeout 5s"),
		"cluster":  onRedis(nodes[0], user, "cluster", "timeout 5s"),
		"sentinel": onRedis(sentinel, user, "database 2", "timeout 5s", "sentinel_master "+redistest.MasterSet,
			"sentinel_username gate", "sentinel_password {env."+passwordEnv+"}"),
	} {
		t.Run(name, func(t *testing.T) {
			g.load(gateBlock(dedup) + "\n" + r.proxy())
			id := "evt_" + name
			if a := g.deliver(id); a.status != http.StatusOK || a.duplicate() {
				t.Errorf("first: %s", a)
			}
			if a := g.deliver(id); !a.duplicate() {
				t.Errorf("a copy: %s", a)
			}
		})
	}
}

// TestRedisWithoutReplicasAtStart takes deliveries, and says at start what they lack and not that the server is away.
func TestRedisWithoutReplicasAtStart(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	_, seen := transcript.since(0)
	g.load(gateBlock(onRedis(redistest.New(t), "replicas 1", "timeout 5s")) + "\n" + r.proxy())
	if log, _ := transcript.since(seen); !strings.Contains(log, "too few redis replicas") || strings.Contains(log, "redis unavailable") {
		t.Errorf("the log says %s", log)
	}
	if a := g.deliver("evt_1"); a.status != http.StatusOK {
		t.Errorf("a delivery: %s", a)
	}
}

// TestRedisLossIsNamedAndCounted has an address lead to a server that lacks a record and has given its key to a copy.
func TestRedisLossIsNamedAndCounted(t *testing.T) {
	old, next := redistest.New(t), redistest.New(t)
	p := redistest.NewPointer(t, old)
	g, r := newGateway(t), newReceiver(t, nil)
	_, seen := transcript.since(0)
	g.load(gateBlock("dedup redis "+p.Addr+" {\ntimeout 5s\n}") + "\n" + r.proxy())
	for _, id := range []string{"evt_kept", "evt_taken"} {
		if a := g.deliver(id); a.status != http.StatusOK {
			t.Fatalf("%s: %s", id, a)
		}
	}
	next.Must(t, "SET", "darihook:1:{dari/evt_taken}", "c0123456789abcdef", "PX", "600000")
	host, port, _ := net.SplitHostPort(next.Addr)
	p.To(next)
	old.Must(t, "REPLICAOF", host, port)
	eventually(t, "the new primary", func() bool { return g.deliver("evt_kept").duplicate() })
	const lost = `caddy_dari_webhook_lost_claims_total{provider="dari"}`
	eventually(t, "the count", func() bool { return g.metric(lost) == "1" })
	log, _ := transcript.since(seen)
	for _, says := range []string{"redis primary changed", "commit lost", "evt_taken"} {
		if !strings.Contains(log, says) {
			t.Errorf("the log does not say %s", says)
		}
	}
	if n := r.hits.Load(); n != 2 {
		t.Errorf("%d runs, want 2", n)
	}
}
