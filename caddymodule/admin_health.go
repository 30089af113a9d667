package caddymodule

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/gate"
)

// healthTime bounds the question that shows whether a store answers.
const healthTime = 2 * time.Second

// adminHealth is the state of a store. It is healthy when it answers and no gate leaves it alone. A gate that waits for a
// delivery to try the store takes nothing from its health: a machine that is out of rotation for its health gets no delivery.
// Nor do replicas that are away, since deliveries are answered and recorded all the same, nor some of a Cluster's nodes, since the
// keys of the others are served; they show as the reason.
type adminHealth struct {
	Store   string `json:"store"`
	Address string `json:"address,omitempty"`
	Healthy bool   `json:"healthy"`
	Breaker string `json:"breaker"`
	// Reason is the fault's, as in the metrics, and Error says more.
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
}

// showHealth asks every store for what a delivery needs, all at once, and leaves nothing behind.
func showHealth(ctx context.Context, running *gauges, _ *http.Request) (int, any, error) {
	stores := running.health(ctx)
	status, healthy := http.StatusOK, true
	if slices.ContainsFunc(stores, func(h adminHealth) bool { return !h.Healthy }) {
		status, healthy = http.StatusServiceUnavailable, false
	}
	return status, map[string]any{"healthy": healthy, "stores": stores}, nil
}

// health asks every store, all at once.
func (c *gauges) health(ctx context.Context) []adminHealth {
	used := c.inUse("")
	stores := make([]adminHealth, len(used))
	var asking sync.WaitGroup
	for i, s := range used {
		asking.Go(func() { stores[i] = s.health(ctx) })
	}
	asking.Wait()
	return stores
}

func (s usedStore) health(ctx context.Context) adminHealth {
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	h := adminHealth{Store: s.id.kind, Address: s.address(), Healthy: true}
	if err := probe(ctx, s.Store); err != nil {
		h.Healthy, h.Reason, h.Error = errors.Is(err, dedup.ErrTooFewCopies) || errors.Is(err, dedup.ErrSomeNodes), faultReason(err), err.Error()
	}
	worst, away := s.breaker()
	h.Breaker, h.Healthy = worst.String(), h.Healthy && !away
	return h
}

// breaker is the worst of the breakers of the store's gates. The store is away where a gate leaves all of its nodes alone.
func (s usedStore) breaker() (worst gate.Breaker, away bool) {
	for _, u := range s.users {
		stats := u.gate.Stats()
		worst, away = max(worst, stats.Breaker), away || stats.BestBreaker == gate.BreakerOpen
	}
	return worst, away
}

// prober is a store that shows by itself whether it can do its part.
type prober interface {
	Probe(ctx context.Context) error
}

// probe asks a store for what a delivery needs. That a record can be read would not tell whether one can be made.
func probe(ctx context.Context, store Store) error {
	if p, ok := store.(prober); ok {
		return p.Probe(ctx)
	}
	owner := dedup.NewOwner()
	key := Key{Scope: healthScope, ID: hex.EncodeToString(owner[:])}
	if _, err := store.Claim(ctx, key, owner, healthTime); err != nil {
		return err
	}
	return store.Release(ctx, key, owner)
}

// healthScope holds the keys of probes.
const healthScope = "darihook-health"
