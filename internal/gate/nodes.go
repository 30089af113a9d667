package gate

import (
	"slices"
	"sync"

	"github.com/darihook/darihook/internal/dedup"
)

// breakers are the circuit breakers of a store, one for each of its nodes: one that is away must not have the keys of the others
// refused. A store that is not [dedup.Sharded] has one node.
type breakers struct {
	observer Observer
	sharded  dedup.Sharded // nil: it is not

	mu     sync.Mutex
	byNode map[string]*breaker
}

func (b *breakers) init(o Options) {
	b.observer = o.Observer
	b.byNode = map[string]*breaker{"": newBreaker(o.Observer)}
	b.sharded, _ = o.Store.(dedup.Sharded)
}

// of returns the breaker of a key's node.
func (b *breakers) of(key dedup.Key) *breaker {
	var node string
	if b.sharded != nil {
		node = b.sharded.Node(key)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	one, known := b.byNode[node]
	if !known {
		b.prune()
		one = newBreaker(b.observer)
		b.byNode[node] = one
	}
	return one
}

// state tells how the worst breaker of a node stands, and the best.
func (b *breakers) state() (worst, best Breaker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.prune()
	best = BreakerOpen
	for _, one := range b.byNode {
		worst, best = max(worst, one.state()), min(best, one.state())
	}
	return worst, best
}

// prune drops the breakers of nodes that the store does not have any more: nothing would ever close them.
func (b *breakers) prune() {
	if b.sharded == nil {
		return
	}
	nodes := b.sharded.Nodes()
	if len(nodes) == 0 {
		return
	}
	for node, one := range b.byNode {
		if slices.Contains(nodes, node) {
			continue
		}
		delete(b.byNode, node)
		if one.state() != BreakerClosed {
			b.observer.BreakerMoved(false)
		}
	}
}
