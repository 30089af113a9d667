package caddymodule_test

import (
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
