package delivery

import (
	"slices"
	"strings"

	"github.com/darihook/darihook/mockserver/client"
)

// Filter selects deliveries; an empty field selects all.
type Filter struct {
	EventID, AgentID, Type, Status string
	// Provider and Endpoint select the deliveries to one endpoint, as an [Order] names it.
	Provider, Endpoint string
	// Text selects deliveries that have it in an id, the type or the URL, in whatever case.
	Text string
	// Before selects deliveries that were made before the one with this ordinal. 0: all.
	Before uint64
	// Bytes ends a page before the delivery that would make it larger, written out, than about so many bytes. There is at
	// least one on it. 0: no bound.
	Bytes int
}

func (f Filter) matches(e *entry) bool {
	return (f.EventID == "" || f.EventID == e.EventID) &&
		(f.AgentID == "" || f.AgentID == e.AgentID) &&
		(f.Type == "" || f.Type == e.Type) &&
		(f.Status == "" || f.Status == e.Status) &&
		(f.Provider == "" || f.Provider == e.provider) &&
		(f.Endpoint == "" || f.Endpoint == e.endpoint) &&
		(f.Text == "" || e.mentions(strings.ToLower(f.Text)))
}

// mentions reports whether a text in lower case is part of what names the delivery.
func (e *entry) mentions(text string) bool {
	return slices.ContainsFunc([]string{e.ID, e.EventID, e.AgentID, e.Type, e.URL}, func(name string) bool {
		return strings.Contains(strings.ToLower(name), text)
	})
}

// Page is some of the deliveries that match a filter, the newest first.
type Page struct {
	Deliveries []client.Delivery
	// Bodies are what was to be delivered, in the same order. They are not to be changed.
	Bodies [][]byte
	// Next is the Before of the following page; 0 on the last one.
	Next uint64
	// Total is how many match without Before.
	Total   int
	Dropped uint64
}

// List returns up to limit deliveries that match.
func (e *Engine) List(f Filter, limit int) Page {
	e.mu.Lock()
	defer e.mu.Unlock()
	page := Page{Deliveries: []client.Delivery{}, Dropped: e.book.dropped}
	last, bytes := uint64(0), 0
	for _, entry := range slices.Backward(e.book.inOrder) {
		if entry == nil || !f.matches(entry) {
			continue
		}
		page.Total++
		switch {
		case f.Before > 0 && entry.ordinal >= f.Before:
		case page.Next == 0 && len(page.Deliveries) < limit && (last == 0 || f.Bytes == 0 || bytes+entry.wire() <= f.Bytes):
			bytes += entry.wire()
			page.Deliveries = append(page.Deliveries, entry.snapshot())
			page.Bodies = append(page.Bodies, entry.body)
			last = entry.ordinal
		default:
			page.Next = last
		}
	}
	return page
}
