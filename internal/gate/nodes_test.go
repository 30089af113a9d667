package gate_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/gate"
)

// cluster is a store with nodes, one for each last letter of an id, some of which are away.
type cluster struct {
	*faulty
	mu    sync.Mutex
	nodes []string
	away  string
}

func (c *cluster) set(nodes []string, away string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes, c.away = nodes, away
}

func (c *cluster) Nodes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes
}

func (c *cluster) Node(key dedup.Key) string {
	for _, node := range c.Nodes() {
		if strings.HasPrefix(node, key.ID[len(key.ID)-1:]) {
			return node
		}
	}
	return ""
}

func (c *cluster) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	c.mu.Lock()
	away := c.away
	c.mu.Unlock()
	if c.Node(key) == away {
		return dedup.Claim{}, errBroken
	}
	return c.faulty.Claim(ctx, key, owner, lease)
}

// TestBreakersGoByNode has one node of three be away: the keys of the others are served, and the gate is not out of work. A node that
// is replaced leaves nothing behind.
func TestBreakersGoByNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, seen := &cluster{faulty: newFaulty(t)}, new(witness)
		store.set([]string{"a1", "b1", "c1"}, "b1")
		g := newGate(t, func(o *gate.Options) { o.Store, o.Observer = store, seen })
		for i := range 20 {
			refused(t, g, delivery(t, fmt.Sprintf("evt_%d_b", i)), contract.CodeStoreUnavailable)
			_ = admitted(t, g, delivery(t, fmt.Sprintf("evt_%d_a", i))).Release()
			_ = admitted(t, g, delivery(t, fmt.Sprintf("evt_%d_c", i))).Release()
		}
		if s := g.Stats(); s.Breaker != gate.BreakerOpen || s.BestBreaker != gate.BreakerClosed {
			t.Errorf("breakers: %s at worst, %s at best", s.Breaker, s.BestBreaker)
		}
		if seen.opened.Load() != 1 {
			t.Errorf("opened %d times", seen.opened.Load())
		}
		store.set([]string{"a1", "b2", "c1"}, "none")
		_ = admitted(t, g, delivery(t, "evt_again_b")).Release()
		if s := g.Stats(); s.Breaker != gate.BreakerClosed || seen.closed.Load() != 1 {
			t.Errorf("with a new node: breaker %s, closed %d times", s.Breaker, seen.closed.Load())
		}
	})
}

// TestPoisonedRecordsOpenNoBreaker has the records of some ids be unreadable: they are refused, and nothing else is.
func TestPoisonedRecordsOpenNoBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, seen := newFaulty(t), new(witness)
		store.set(gate.OpClaim, func(context.Context) error { return fmt.Errorf("claiming: %w", dedup.ErrRecord) })
		g := newGate(t, func(o *gate.Options) { o.Store, o.Observer = store, seen })
		for range 20 {
			refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
		}
		if b := g.Stats().Breaker; b != gate.BreakerClosed || seen.faults.Load() != 20 {
			t.Errorf("breaker %s after %d faults of one key", b, seen.faults.Load())
		}
		store.set(gate.OpClaim, nil)
		_ = admitted(t, g, delivery(t, "evt_2")).Release()
	})
}
