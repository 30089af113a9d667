// Package dari is Dari's side of the mock platform: its agents, webhooks, sessions, batches and ledgers, and the API by
// which they are reached. What happens flows one way: a call of the API or a step of a scenario changes the state,
// leaves events in a ledger, and hands those that a webhook is subscribed to over to the delivery engine.
package dari

import (
	"fmt"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/scenario"
	"github.com/darihook/darihook/mockserver/internal/storage"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// Options say how the platform works.
type Options struct {
	// Keys maps each API key to its organization. Required.
	Keys map[string]string
	// Clock by which tools time out. Required.
	Clock *clock.Clock
	// Store keeps the state. Default: memory alone.
	Store *storage.File
	// Policy for webhook URLs.
	Policy target.Policy
	// Scheme that signs. Default: Dari's.
	Scheme contract.Scheme
	// Scenarios by name. Required: it holds at least [scenario.Default].
	Scenarios map[string]*scenario.Scenario
	// AutoCreate makes an agent of every well-formed id that is asked for.
	AutoCreate bool
	// BaseURL is where the API is reached, without a final slash; submit_url begins with it. Required.
	BaseURL func() string
	// MaxSessions is how many sessions are remembered. Default: 10,000.
	MaxSessions int
	// MaxMemory is how many bytes the sessions may take with their messages, calls and ledgers. Past it the oldest are
	// forgotten in which no scenario is running, and then what would add to them is refused. Default: 256 MiB.
	MaxMemory int
}

// Platform is the state. Make one with [New]. Its methods are safe for concurrent use.
type Platform struct {
	o        Options
	provider contract.Provider
	queue    delivery.Queue

	mu       sync.Mutex
	agents   ordered[*agent]
	sessions ordered[*session]
	batches  ordered[*batch]
	calls    map[string]*call
	repeated *repeats
	results  results
	serial   uint64 // of ledger events
	kept     int    // bytes that the sessions take
	// batchBytes is what the batches take.
	batchBytes int
}

// New returns a platform that has loaded what the store holds. Resume takes up its work.
func New(o Options) (*Platform, error) {
	if o.Scheme.Name == "" {
		o.Scheme = contract.Dari().Scheme
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = 10_000
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = 256 << 20
	}
	p := &Platform{o: o, provider: contract.Dari()}
	p.clear()
	if err := p.load(); err != nil {
		return nil, fmt.Errorf("loading the platform's state: %w", err)
	}
	return p, nil
}

// clear empties the state.
func (p *Platform) clear() {
	p.agents = newOrdered[*agent]()
	p.sessions = newOrdered[*session]()
	p.batches = newOrdered[*batch]()
	p.calls = map[string]*call{}
	p.repeated = newRepeats()
	p.results = results{}
	p.kept, p.batchBytes = 0, 0
}

// Resume connects the platform with its delivery engine and takes up the sessions that were under way.
func (p *Platform) Resume(q delivery.Queue) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = q
	for _, s := range p.sessions.all() {
		p.resume(s)
	}
}

// Reset forgets everything. The caller makes new agents where it needs them.
func (p *Platform) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions.all() {
		s.end()
	}
	p.clear()
	for _, table := range []string{tableAgents, tableSessions, tableBatches, tableCalls, tableEvents, tableRepeats, tableResults} {
		p.o.Store.Clear(table)
	}
}

// Close ends the streams of the sessions.
func (p *Platform) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions.all() {
		s.ledger.close()
	}
}

// Provider returns the contract.
func (p *Platform) Provider() contract.Provider { return p.provider }

// Counts tells how many agents and sessions there are.
func (p *Platform) Counts() (agents, sessions int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.agents.len(), p.sessions.len()
}

// stamp writes a moment as the API does: RFC 3339, UTC, milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// now is the platform's time as the API writes it.
func (p *Platform) now() string { return stamp(p.o.Clock.Now()) }
