package dari

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/darihook/darihook/mockserver/internal/ident"
)

// event is an entry of a session's ledger.
type event struct {
	ID        string          `json:"id"`
	SessionID string          `json:"session_id"`
	MessageID *string         `json:"message_id"`
	Type      string          `json:"type"`
	Data      json.RawMessage `json:"data"`
	CreatedAt string          `json:"created_at"`

	serial uint64
}

// maxLedger is how many events of a session are remembered.
const maxLedger = 2000

// ledger is what has happened in a session, the latest [maxLedger] events of it, and who listens.
type ledger struct {
	events    []event
	listeners map[chan struct{}]struct{}
}

// log appends an event to a session's ledger.
func (p *Platform) log(s *session, messageID, eventType string, data map[string]any) event {
	return p.logAs(s, ident.New("evt"), messageID, eventType, data)
}

// logAs is log with an id that is known already.
func (p *Platform) logAs(s *session, id, messageID, eventType string, data map[string]any) event {
	p.serial++
	e := event{ID: id, SessionID: s.ID, Type: eventType, Data: encode(data), CreatedAt: p.now(), serial: p.serial}
	if messageID != "" {
		e.MessageID = &messageID
	}
	s.ledger.add(e)
	p.charge(s, e.size())
	p.o.Store.Put(tableEvents, eventKey(e), e)
	if len(s.ledger.events) > maxLedger {
		p.o.Store.Delete(tableEvents, eventKey(s.ledger.events[0]))
		p.charge(s, -s.ledger.events[0].size())
		s.ledger.events = s.ledger.events[1:]
	}
	return e
}

// eventKey keeps the stored events in the order in which they happened.
func eventKey(e event) string { return fmt.Sprintf("%020d/%s", e.serial, e.SessionID) }

// forgetLedger drops a session's events from the store.
func (p *Platform) forgetLedger(s *session) {
	for _, e := range s.ledger.events {
		p.o.Store.Delete(tableEvents, eventKey(e))
	}
}

// encode writes data that the platform itself has put together.
func encode(data any) json.RawMessage {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("encoding event data: %v", err)) // it holds strings, numbers and JSON that was parsed
	}
	return raw
}

// add appends and wakes the listeners.
func (l *ledger) add(e event) {
	l.events = append(l.events, e)
	for c := range l.listeners {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// after returns the events that follow one, all of them when it is unknown or empty.
func (l *ledger) after(id string) []event {
	i := slices.IndexFunc(l.events, func(e event) bool { return e.ID == id })
	return slices.Clone(l.events[i+1:])
}

// maxListeners bounds the streams of one session.
const maxListeners = 64

// listen returns a channel that is signalled when events were added, and closed with the session; nil when too many
// listen already.
func (l *ledger) listen() chan struct{} {
	if len(l.listeners) >= maxListeners {
		return nil
	}
	if l.listeners == nil {
		l.listeners = map[chan struct{}]struct{}{}
	}
	c := make(chan struct{}, 1)
	l.listeners[c] = struct{}{}
	return c
}

// unlisten ends a listening.
func (l *ledger) unlisten(c chan struct{}) { delete(l.listeners, c) }

func (l *ledger) close() {
	for c := range l.listeners {
		close(c)
	}
	l.listeners = nil
}
