package dari

import (
	"fmt"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/scenario"
	"github.com/darihook/darihook/mockserver/internal/storage"
)

// The tables of the store.
const (
	tableAgents   = "dari.agents"
	tableSessions = "dari.sessions"
	tableBatches  = "dari.batches"
	tableCalls    = "dari.calls"
	tableEvents   = "dari.events"
	tableRepeats  = "dari.repeats"
	tableResults  = "dari.results"
)

func (p *Platform) saveAgent(a *agent) { p.o.Store.Put(tableAgents, a.ID, a) }

func (p *Platform) saveSession(s *session) { p.o.Store.Put(tableSessions, s.ID, s) }

// load reads the state.
func (p *Platform) load() error {
	var problem error
	note := func(err error) {
		if problem == nil {
			problem = err
		}
	}
	store := p.o.Store
	note(storage.Load(store, tableAgents, func(id string, a *agent) {
		if len(a.Script) > 0 {
			script, err := scenario.Parse(a.Script)
			if err != nil {
				note(fmt.Errorf("reading the script of agent %s: %w", id, err))
			}
			a.script = script
		}
		p.agents.put(id, a)
	}))
	note(storage.Load(store, tableCalls, func(id string, c *call) { p.calls[id] = c }))
	note(storage.Load(store, tableBatches, func(_ string, b *batch) { p.keepBatch(b) }))
	note(storage.Load(store, tableRepeats, func(id string, r repeat) { p.repeated.put(id, r) }))
	note(storage.Load(store, tableResults, func(key string, r client.Result) {
		p.forgetResults(p.results.add(key, r))
		p.seen(key)
	}))
	note(storage.Load(store, tableSessions, func(id string, s *session) {
		if a, ok := p.agents.get(s.AgentID); ok {
			s.script = p.scenarioOf(a)
		} else {
			s.script = p.o.Scenarios[scenario.Default]
		}
		p.sessions.put(id, s)
	}))
	note(storage.Load(store, tableEvents, func(key string, e event) {
		p.seen(key)
		if s, ok := p.sessions.get(e.SessionID); ok {
			e.serial = p.serial
			s.ledger.add(e)
		}
	}))
	for _, s := range p.sessions.byID {
		p.charge(s, s.measure())
	}
	p.agents.sort(func(a *agent) string { return a.CreatedAt })
	p.sessions.sort(func(s *session) string { return s.CreatedAt })
	return problem
}

// seen keeps new serials above a stored one, which its key begins with.
func (p *Platform) seen(key string) {
	var serial uint64
	if _, err := fmt.Sscanf(key, "%020d", &serial); err == nil {
		p.serial = max(p.serial, serial)
	}
}
