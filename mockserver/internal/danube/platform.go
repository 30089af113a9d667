// Package danube is Danube's side of the mock platform: accounts with any number of webhooks, the API by which they are
// reached, and the record of what was delivered to each.
//
// The control API's agents are the accounts. What the public record leaves open is marked as a choice where it is made.
package danube

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/storage"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// OpenAPI describes the API.
//
//go:embed openapi.json
var OpenAPI []byte

// Options say how the platform works.
type Options struct {
	// Keys maps each API key to its account. Required.
	Keys map[string]string
	// Clock that dates events. Required.
	Clock *clock.Clock
	// Store keeps the state. Default: memory alone.
	Store *storage.File
	// Policy for webhook URLs.
	Policy target.Policy
	// Scheme that signs. Default: Danube's.
	Scheme contract.Scheme
}

// Platform is the state. Make one with [New]. Its methods are safe for concurrent use.
type Platform struct {
	o        Options
	provider contract.Provider
	accounts []string

	mu       sync.Mutex
	queue    delivery.Queue
	webhooks []*webhook // in the order in which they were made
	serial   uint64
}

// New returns a platform that has loaded what the store holds.
func New(o Options) (*Platform, error) {
	p := &Platform{o: o, provider: contract.Danube()}
	if p.o.Scheme.Name == "" {
		p.o.Scheme = p.provider.Scheme
	}
	p.accounts = slices.Sorted(maps.Values(o.Keys))
	err := storage.Load(o.Store, table, func(_ string, w *webhook) {
		p.webhooks = append(p.webhooks, w)
		p.serial = max(p.serial, w.Serial)
	})
	if err != nil {
		return nil, fmt.Errorf("loading the webhooks: %w", err)
	}
	slices.SortFunc(p.webhooks, func(a, b *webhook) int { return cmp.Compare(a.Serial, b.Serial) })
	return p, nil
}

// Provider returns the contract.
func (p *Platform) Provider() contract.Provider { return p.provider }

// Resume connects the platform with its delivery engine.
func (p *Platform) Resume(q delivery.Queue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = q
}

// Reset forgets every webhook.
func (p *Platform) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.webhooks = nil
	p.o.Store.Clear(table)
}

// Close does nothing: the API has no streams.
func (p *Platform) Close() {}

// Ended does nothing: what was delivered is read from the engine.
func (p *Platform) Ended(delivery.End) {}

// CheckFault validates a fault against Danube's event types and scheme. The error is a [*faults.Violation].
func (p *Platform) CheckFault(f faults.Fault) error { return f.ValidateFor(p.provider) }

// Results returns none: Danube's events ask for no answer but the status.
func (p *Platform) Results() []client.Result { return []client.Result{} }

// Counts tells how many accounts there are.
func (p *Platform) Counts() (agents, sessions int) { return len(p.accounts), 0 }

// Agents returns the accounts.
func (p *Platform) Agents() []client.Agent {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]client.Agent, len(p.accounts))
	for i, account := range p.accounts {
		list[i] = p.show(account)
	}
	return list
}

// show is an account as the control API tells of it, with the webhook that the control API would change.
func (p *Platform) show(account string) client.Agent {
	shown := client.Agent{ID: account, Name: account}
	if w := p.first(account); w != nil {
		shown.WebhookURL, shown.EventTypes = w.URL, w.Events
	}
	return shown
}

// SetAgent refuses to change an account: there are those that the API keys belong to, and they run no scenarios. Errors:
// an [httpjson.Error], or [httpjson.Problems].
func (p *Platform) SetAgent(id string, spec client.AgentSpec) (client.Agent, error) {
	if spec.Scenario != "" || len(spec.Script) > 0 {
		return client.Agent{}, httpjson.Invalid("Danube's accounts run no scenarios", "body", "scenario")
	}
	if !slices.Contains(p.accounts, id) {
		return client.Agent{}, httpjson.NotFound("Account")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.show(id), nil
}

// stamp writes a moment as Danube does: ISO 8601, UTC, with microseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
