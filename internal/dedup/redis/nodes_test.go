package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestNodesOfCluster names the node of every key, and probes each node.
func TestNodesOfCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.NewCluster(t, 3)
	for _, node := range nodes {
		node.Must(t, "CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	s := open(t, redis.Options{Addresses: addresses(nodes...), Cluster: true, Timeout: 2 * time.Second})
	redistest.Eventually(t, patient, func(context.Context) error {
		if n := len(s.Nodes()); n != 3 {
			return fmt.Errorf("%d nodes", n)
		}
		return nil
	})
	at := make(map[string]dedup.Key)
	for i := range 100 {
		k := key(fmt.Sprint(i))
		at[s.Node(k)] = k
	}
	for i, node := range nodes {
		id := node.Must(t, "CLUSTER", "MYID")
		k, ok := at[id]
		if !ok || !slices.Contains(s.Nodes(), id) {
			t.Fatalf("node %d has none of 100 keys", i)
		}
		mustClaim(t, s, k, dedup.NewOwner())
		if n := node.Must(t, "EXISTS", "darihook:1:{test/"+k.ID+"}"); n != "1" {
			t.Errorf("key of node %d is elsewhere", i)
		}
	}
	redistest.Eventually(t, patient, s.Probe)
	nodes[1].Kill()
	redistest.Eventually(t, patient, func(ctx context.Context) error {
		if err := s.Probe(ctx); !errors.Is(err, dedup.ErrSomeNodes) {
			return fmt.Errorf("probe with one node of three away: %w, want ErrSomeNodes", err)
		}
		return nil
	})
}

// TestPoisonedKeys has keys hold what no program of ours writes: a fault of theirs alone, also where the status is one that no receiver
// can have answered.
func TestPoisonedKeys(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	owner := "0123456789abcdef"
	for id, poison := range map[string][]string{
		"text":   {"SET", "garbage"},
		"list":   {"LPUSH", "garbage"},
		"status": {"SET", "d" + owner + "1011790000000123"},
	} {
		server.Must(t, poison[0], "darihook:1:{test/"+id+"}", poison[1])
		if _, err := s.Claim(t.Context(), key(id), dedup.NewOwner(), long); !errors.Is(err, dedup.ErrRecord) {
			t.Errorf("%s: %v, want ErrRecord", id, err)
		}
	}
}
