// Package tess is Tess's side of the mock platform: agents with any number of webhooks, the API by which they are reached,
// and deliveries that nothing signs.
//
// What is public ends with the API. What a delivery holds, when it is repeated and which answers count are this project's
// choice, and the API's open points are marked where they are decided.
package tess

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/storage"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// OpenAPI describes the API.
//
//go:embed openapi.json
var OpenAPI []byte

// Options say how the platform works.
type Options struct {
	// Keys maps each API key to the id of its user. Required.
	Keys map[string]int64
	// Clock that dates everything and by which the limit is counted. Required.
	Clock *clock.Clock
	// Store keeps the state. Default: memory alone.
	Store *storage.File
	// Policy for webhook URLs.
	Policy target.Policy
	// AutoCreate makes an agent of every positive number that is asked for.
	AutoCreate bool
	// BaseURL is where the API is reached, without a final slash; the links between pages begin with it. Required.
	BaseURL func() string
	// RateLimit is how many calls a key may make in a minute of the clock; beyond it they are answered with 429.
	// Default: no limit.
	RateLimit int
}

// DefaultUser owns the agents that are made through the control API.
const DefaultUser = 1

// Platform is the state. Make one with [New]. Its methods are safe for concurrent use.
type Platform struct {
	o        Options
	provider contract.Provider

	mu       sync.Mutex
	queue    delivery.Queue
	agents   []*agent   // by id
	webhooks []*webhook // by id, the deleted ones included
	last     counters
	windows  map[int64]window
}

// counters are the highest ids that were given away.
type counters struct {
	Webhook  int64 `json:"webhook"`
	Response int64 `json:"response"`
}

// The tables of the store.
const (
	tableAgents   = "tess.agents"
	tableWebhooks = "tess.webhooks"
	tableCounters = "tess.counters"
)

// New returns a platform that has loaded what the store holds.
func New(o Options) (*Platform, error) {
	p := &Platform{o: o, provider: contract.Tess(), windows: map[int64]window{}}
	err := cmp.Or(
		storage.Load(o.Store, tableAgents, func(_ string, a *agent) { p.agents = append(p.agents, a) }),
		storage.Load(o.Store, tableWebhooks, func(_ string, w *webhook) { p.webhooks = append(p.webhooks, w) }),
		storage.Load(o.Store, tableCounters, func(_ string, c counters) { p.last = c }),
	)
	if err != nil {
		return nil, fmt.Errorf("loading the platform's state: %w", err)
	}
	slices.SortFunc(p.agents, func(a, b *agent) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(p.webhooks, func(a, b *webhook) int { return cmp.Compare(a.ID, b.ID) })
	return p, nil
}

func (p *Platform) saveCounters() { p.o.Store.Put(tableCounters, "last", p.last) }

// Provider returns the contract.
func (p *Platform) Provider() contract.Provider { return p.provider }

// Resume connects the platform with its delivery engine.
func (p *Platform) Resume(q delivery.Queue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = q
}

// Reset forgets everything, and ids begin at 1 again.
func (p *Platform) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.agents, p.webhooks, p.last = nil, nil, counters{}
	clear(p.windows)
	for _, table := range []string{tableAgents, tableWebhooks, tableCounters} {
		p.o.Store.Clear(table)
	}
}

// Close does nothing: the API has no streams.
func (p *Platform) Close() {}

// CheckFault validates a fault; those of signatures and ids cannot happen to Tess's deliveries. The error is a
// [*faults.Violation].
func (p *Platform) CheckFault(f faults.Fault) error { return f.ValidateFor(p.provider) }

// Results returns none: Tess's deliveries ask for no answer but the status.
func (p *Platform) Results() []client.Result { return []client.Result{} }

// Counts tells how many agents there are.
func (p *Platform) Counts() (agents, sessions int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.agents), 0
}

// stamp writes a moment as Laravel does: ISO 8601, UTC, with microseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// now is the platform's time as the API writes it.
func (p *Platform) now() string { return stamp(p.o.Clock.Now()) }
