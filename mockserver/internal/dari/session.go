package dari

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/scenario"
)

// The statuses of a session and of a message.
const (
	active    = "active"
	idle      = "idle"
	queued    = "queued"
	running   = "running"
	waiting   = "waiting_for_tool"
	completed = "completed"
	failed    = "failed"
)

// session is a session, as it is stored. Its ledger is stored beside it.
type session struct {
	ID        string            `json:"id"`
	Org       string            `json:"org"`
	AgentID   string            `json:"agent_id"`
	VersionID string            `json:"version_id"`
	LLMID     *string           `json:"llm_id"`
	Name      *string           `json:"name"`
	Status    string            `json:"status"`
	Metadata  map[string]string `json:"metadata"`
	CreatedAt string            `json:"created_at"`
	BatchID   string            `json:"batch_id,omitempty"`
	Messages  []*message        `json:"messages"`
	Calls     []string          `json:"calls"` // ids of its tool calls

	script *scenario.Scenario
	timer  *clock.Timer // of the running message's tool call or wait
	ledger ledger
	kept   int // bytes that were counted for it
}

// message is a user's message and how far the scenario has come with it.
type message struct {
	ID      string          `json:"id"`
	Status  string          `json:"status"`
	Content json.RawMessage `json:"content"`
	Text    string          `json:"text"`
	// Step is the index of the scenario's step that comes next, or that is waited for.
	Step int `json:"step"`
	// CallID is the tool call that is waited for.
	CallID string `json:"call_id,omitempty"`
	// WakeAt ends the wait that is under way, in nanoseconds since 1970.
	WakeAt int64 `json:"wake_at,omitempty"`
	// Result is the last tool's result.
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
	// Emitted messages belong to events that were asked for, not to a scenario.
	Emitted bool `json:"emitted,omitempty"`
}

// sessionView is a session as the API shows it.
type sessionView struct {
	ID                string            `json:"id"`
	AgentID           string            `json:"agent_id"`
	VersionID         string            `json:"version_id"`
	LLMID             *string           `json:"llm_id"`
	Name              *string           `json:"name"`
	Status            string            `json:"status"`
	LastMessageID     *string           `json:"last_message_id"`
	LastMessageStatus *string           `json:"last_message_status"`
	Metadata          map[string]string `json:"metadata"`
	CreatedAt         string            `json:"created_at"`
}

// messageView is a message as the API shows it.
type messageView struct {
	ID        string          `json:"id"`
	SessionID string          `json:"session_id"`
	Status    string          `json:"status"`
	Content   json.RawMessage `json:"content"`
}

func (s *session) view() sessionView {
	v := sessionView{
		ID: s.ID, AgentID: s.AgentID, VersionID: s.VersionID, LLMID: s.LLMID, Name: s.Name, Status: s.Status,
		Metadata: maps.Clone(s.Metadata), CreatedAt: s.CreatedAt,
	}
	if m := s.last(); m != nil {
		id, status := m.ID, m.Status
		v.LastMessageID, v.LastMessageStatus = &id, &status
	}
	return v
}

func (s *session) viewMessage(m *message) messageView {
	return messageView{ID: m.ID, SessionID: s.ID, Status: m.Status, Content: m.Content}
}

// last returns the latest message, or nil.
func (s *session) last() *message {
	if len(s.Messages) == 0 {
		return nil
	}
	return s.Messages[len(s.Messages)-1]
}

// message returns the message of an id, or nil.
func (s *session) message(id string) *message {
	for _, m := range s.Messages {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// ended reports whether no message can follow.
func (s *session) ended() bool { return s.Status == completed || s.Status == failed }

// end stops what the session waits for and its streams.
func (s *session) end() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.ledger.close()
}

// sessionSpec is what a session is made from.
type sessionSpec struct {
	Name           *string           `json:"name"`
	VersionID      *string           `json:"version_id"`
	LLMID          *string           `json:"llm_id"`
	Metadata       map[string]string `json:"metadata"`
	Secrets        map[string]string `json:"secrets"`
	InternetAccess *bool             `json:"internet_access"`
}

// check applies the bounds. Secrets are taken and forgotten: no model runs here that could use them.
func (spec sessionSpec) check(loc ...any) error {
	var p httpjson.Problems
	checkMetadata(&p, spec.Metadata, loc...)
	return p.Err()
}

// checkMetadata bounds the metadata of what stands at a place.
func checkMetadata(p *httpjson.Problems, metadata map[string]string, loc ...any) {
	const maxPairs, maxText = 64, 4096
	if len(metadata) > maxPairs {
		p.Invalid("must have at most 64 entries", append(loc, "metadata")...)
	}
	for key, value := range metadata {
		if len(key) > maxText || len(value) > maxText {
			p.Invalid("must be at most 4096 bytes", append(loc, "metadata", key)...)
		}
	}
}

// newSession makes a session, and drops the oldest ended one when there are too many.
func (p *Platform) newSession(a *agent, id string, spec sessionSpec) (*session, error) {
	if p.sessions.len() >= p.o.MaxSessions && !p.dropSession(nil) {
		return nil, httpjson.Refuse(429, "too many sessions are under way; let them end, or empty the mock with POST /_mock/reset")
	}
	if id == "" {
		id = ident.New("sess")
	}
	s := &session{
		ID: id, Org: a.Org, AgentID: a.ID, VersionID: a.VersionID, LLMID: spec.LLMID, Name: spec.Name,
		Status: idle, Metadata: map[string]string{}, CreatedAt: p.now(), script: p.scenarioOf(a),
	}
	maps.Copy(s.Metadata, spec.Metadata)
	if spec.VersionID != nil {
		s.VersionID = *spec.VersionID
	}
	size := s.measure()
	if err := p.room(size, nil); err != nil {
		return nil, err
	}
	p.sessions.put(id, s)
	p.charge(s, size)
	p.saveSession(s)
	return s, nil
}

// emitted reports whether the session holds only events that were asked for.
func (s *session) emitted() bool {
	return !slices.ContainsFunc(s.Messages, func(m *message) bool { return !m.Emitted })
}

// dropSession forgets the oldest session that no scenario is running in and that is not to be kept.
func (p *Platform) dropSession(keep *session) bool {
	for _, id := range p.sessions.order {
		s, _ := p.sessions.get(id)
		if s == keep || s.Status == active && !s.emitted() {
			continue
		}
		s.end()
		for _, callID := range s.Calls {
			delete(p.calls, callID)
			p.o.Store.Delete(tableCalls, callID)
		}
		p.forgetLedger(s)
		p.charge(s, -s.kept)
		p.sessions.remove(id)
		p.o.Store.Delete(tableSessions, id)
		return true
	}
	return false
}

// sessionFor finds a session for the organization of a key.
func (p *Platform) sessionFor(org, id string) (*session, error) {
	s, ok := p.sessions.get(id)
	if !ok {
		return nil, httpjson.NotFound("Session")
	}
	if s.Org != org {
		return nil, httpjson.Refuse(403, "This API key belongs to another organization")
	}
	return s, nil
}

// setStatus changes a session's status and tells the ledger.
func (p *Platform) setStatus(s *session, status string) {
	if s.Status != status {
		s.Status = status
		p.log(s, "", "session.status_changed", map[string]any{"status": status})
	}
}

// setMessageStatus changes a message's status and tells the ledger.
func (p *Platform) setMessageStatus(s *session, m *message, status string) {
	if m.Status != status {
		m.Status = status
		data := map[string]any{"status": status}
		if m.Error != "" {
			data["error"] = m.Error
		}
		p.log(s, m.ID, "message.status_changed", data)
	}
}

// textOf joins the text blocks of a message's content.
func textOf(blocks []map[string]any) string {
	var parts []string
	for _, b := range blocks {
		if text, ok := b["text"].(string); ok && b["type"] == "text" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n")
}
