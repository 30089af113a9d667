package dari

import "github.com/darihook/darihook/mockserver/internal/httpjson"

// What a session, a message, a call and an event take besides their texts, in bytes.
const (
	sessionCost = 1 << 10
	messageCost = 512
	callCost    = 512
	eventCost   = 512
)

// size is what an event takes.
func (e event) size() int { return eventCost + len(e.Data) }

// size is what a message takes.
func (m *message) size() int {
	return messageCost + len(m.Content) + len(m.Text) + len(m.Result)
}

// measure counts anew what a session takes with its messages, calls and ledger.
func (s *session) measure() int {
	n := sessionCost + len(s.Calls)*callCost
	for key, value := range s.Metadata {
		n += len(key) + len(value)
	}
	for _, m := range s.Messages {
		n += m.size()
	}
	for _, e := range s.ledger.events {
		n += e.size()
	}
	return n
}

// charge notes that a session takes so many bytes more, or fewer. One that was forgotten counts no more.
func (p *Platform) charge(s *session, bytes int) {
	if known, ok := p.sessions.get(s.ID); ok && known == s {
		s.kept += bytes
		p.kept += bytes
	}
}

// room forgets sessions until there is room for so many bytes more, and never the one that they are for. Errors: an
// [httpjson.Error] with 429.
func (p *Platform) room(bytes int, keep *session) error {
	for p.kept+bytes > p.o.MaxMemory {
		if !p.dropSession(keep) {
			return httpjson.Refuse(429, "the sessions under way take %d bytes, %d more were asked for, and %d may be taken; "+
				"let them end, or empty the mock with POST /_mock/reset", p.kept, bytes, p.o.MaxMemory)
		}
	}
	return nil
}
