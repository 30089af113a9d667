package delivery

import (
	"cmp"
	"slices"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/storage"
)

// table is where deliveries are stored.
const table = "deliveries"

// record is a delivery as it is stored.
type record struct {
	Delivery client.Delivery `json:"delivery"`
	Provider string          `json:"provider"`
	// Endpoint is absent where it is the delivery's agent.
	Endpoint string          `json:"endpoint,omitempty"`
	Ordinal  uint64          `json:"ordinal"`
	Body     []byte          `json:"body"`
	Faults   []*faults.Fault `json:"faults,omitempty"`
	Tries    int             `json:"tries"`
	// Same are the numbers of the attempts that have sent Body; it is not stored with each.
	Same  []int `json:"same,omitempty"`
	Ended bool  `json:"ended"`
}

// changed stores a delivery, unless it was forgotten at once, and tells the watchers.
func (e *Engine) changed(entry *entry) {
	if e.o.Store != nil && e.book.byID[entry.ID] == entry {
		endpoint := entry.endpoint
		if endpoint == entry.AgentID {
			endpoint = ""
		}
		stored, same := entry.stored()
		e.o.Store.Put(table, entry.ID, record{
			Delivery: stored, Same: same, Provider: entry.provider, Endpoint: endpoint, Ordinal: entry.ordinal, Body: entry.body, Faults: entry.own,
			Tries: entry.tries, Ended: entry.ended > 0,
		})
	}
	e.watchers.tellOf(entry)
}

// stored returns the delivery without what the attempts have sent where that was its body, and the numbers of these.
func (e *entry) stored() (client.Delivery, []int) {
	d, whole := e.snapshot(), []int(nil)
	for i, a := range d.Attempts {
		if len(a.Request.Body) > 0 && same(a.Request.Body, e.body) {
			d.Attempts[i].Request.Body = nil
			whole = append(whole, a.Number)
		}
	}
	return d, whole
}

// entry returns the delivery that was stored.
func (r record) entry() *entry {
	e := &entry{
		Delivery: r.Delivery, provider: r.Provider, endpoint: cmp.Or(r.Endpoint, r.Delivery.AgentID), ordinal: r.Ordinal,
		body: r.Body, own: r.Faults, tries: r.Tries,
	}
	for i, a := range e.Attempts {
		e.started = a.Number
		if slices.Contains(r.Same, a.Number) {
			e.Attempts[i].Request.Body = e.body
		}
	}
	return e
}

// load reads the stored deliveries.
func (e *Engine) load() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var entries []*entry
	ended := map[*entry]bool{}
	err := storage.Load(e.o.Store, table, func(_ string, r record) {
		entry := r.entry()
		entries = append(entries, entry)
		ended[entry] = r.Ended
	})
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.ordinal, b.ordinal) })
	for _, entry := range entries {
		e.ordinal = entry.ordinal
		e.book.add(entry)
		if ended[entry] {
			e.book.end(entry)
		}
	}
	e.prune(0)
	return nil
}

// Start resumes the deliveries that the store held as pending: each at the time that was set for its next attempt, or
// at once when an attempt was under way.
func (e *Engine) Start() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, entry := range slices.Clone(e.book.inOrder) {
		if entry == nil || entry.ended > 0 || entry.open > 0 {
			continue
		}
		entry.open++
		at := time.Time{}
		if entry.NextAttemptAt != nil {
			at = *entry.NextAttemptAt
		}
		if at.After(e.o.Clock.Now()) {
			e.at(entry, at, func() { e.due(entry) })
		} else {
			entry.NextAttemptAt = nil
			e.due(entry)
		}
	}
}
