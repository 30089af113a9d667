package dari

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/scenario"
)

// maxMessages bounds the messages of one session.
const maxMessages = 1000

// addMessage takes a user's message into a session and lets the scenario run.
func (p *Platform) addMessage(s *session, content []map[string]any) (*message, event, error) {
	if s.ended() {
		return nil, event{}, httpjson.Refuse(409, "The session has ended")
	}
	if len(s.Messages) >= maxMessages {
		return nil, event{}, httpjson.Refuse(429, "The session has too many messages")
	}
	m := &message{ID: ident.New("msg"), Status: queued, Content: encode(content), Text: textOf(content)}
	if err := p.room(m.size()+len(m.Content), s); err != nil {
		return nil, event{}, err
	}
	p.addTo(s, m)
	e := p.log(s, m.ID, "user.message", map[string]any{"content": content})
	p.run(s)
	return m, e, nil
}

// addTo puts a message into a session.
func (p *Platform) addTo(s *session, m *message) {
	s.Messages = append(s.Messages, m)
	p.charge(s, m.size())
}

// run lets the session's first unfinished message go on as far as it can, then the next.
func (p *Platform) run(s *session) {
	defer p.saveSession(s)
	for _, m := range s.Messages {
		if m.Emitted || m.Status == completed || m.Status == failed {
			continue
		}
		if !p.runMessage(s, m) {
			return
		}
		if s.ended() {
			p.abandon(s)
			return
		}
	}
}

// abandon fails the messages that were still queued when the session ended.
func (p *Platform) abandon(s *session) {
	for _, m := range s.Messages {
		if m.Status == queued {
			m.Error = "the session ended first"
			p.setMessageStatus(s, m, failed)
		}
	}
}

// runMessage takes a message through the steps until it waits or is done, and reports whether it is done.
func (p *Platform) runMessage(s *session, m *message) (done bool) {
	if m.Status == waiting || m.WakeAt > 0 {
		return false
	}
	p.setStatus(s, active)
	p.setMessageStatus(s, m, running)
	for m.Step < len(s.script.Steps) {
		step := s.script.Steps[m.Step]
		switch {
		case step.CallTool != nil:
			p.callTool(s, m, *step.CallTool)
			return false
		case step.Wait != "":
			p.wait(s, m, step.Wait)
			return false
		case step.Reply != nil:
			p.reply(s, m, fill(*step.Reply, m))
		case step.Complete:
			p.conclude(s, m, completed, "")
			return true
		case step.Fail != "":
			p.conclude(s, m, failed, step.Fail)
			return true
		}
		m.Step++
	}
	p.setMessageStatus(s, m, completed)
	p.setStatus(s, idle)
	p.batchMoved(s)
	return true
}

// reply leaves what the model says in the ledger.
func (p *Platform) reply(s *session, m *message, text string) {
	p.log(s, m.ID, "assistant.message_completed", map[string]any{
		"content": []map[string]any{{"type": "text", "text": text}},
	})
}

// wait lets time pass.
func (p *Platform) wait(s *session, m *message, pause string) {
	d, _ := time.ParseDuration(pause) // checked when the scenario was read
	m.WakeAt = p.o.Clock.Now().Add(d).UnixNano()
	p.wakeUp(s, m)
}

// wakeUp sets the timer of a wait.
func (p *Platform) wakeUp(s *session, m *message) {
	s.timer = p.o.Clock.At(time.Unix(0, m.WakeAt), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if known, ok := p.sessions.get(s.ID); !ok || known != s || m.WakeAt == 0 {
			return
		}
		m.WakeAt = 0
		m.Step++
		p.run(s)
	})
}

// conclude ends the message and the session, and announces it.
func (p *Platform) conclude(s *session, m *message, status, reason string) {
	m.Error = reason
	p.setMessageStatus(s, m, status)
	p.setStatus(s, status)
	eventType := contract.SessionCompleted
	data := map[string]any{"session_id": s.ID, "agent_id": s.AgentID, "message_id": m.ID, "status": status, "metadata": s.Metadata}
	if status == failed {
		eventType = contract.SessionFailed
		data["error"] = reason
	}
	p.announce(s.AgentID, ident.New("evt"), eventType, data)
	p.batchMoved(s)
}

// resume takes up a session that was under way when the process ended.
func (p *Platform) resume(s *session) {
	for _, m := range s.Messages {
		switch {
		case m.WakeAt > 0:
			p.wakeUp(s, m)
			return
		case m.Status == waiting && !m.Emitted:
			if c := p.calls[m.CallID]; c != nil {
				p.expire(s, m, c)
			}
			return
		}
	}
}

// fill puts the user's text and the last result into a text of the script.
func fill(text string, m *message) string {
	result := string(m.Result)
	if result == "" {
		result = "null"
	}
	return strings.NewReplacer("{message}", m.Text, "{result}", result).Replace(text)
}

// fillJSON does the same inside the strings of a JSON value.
func fillJSON(raw json.RawMessage, m *message) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return raw
	}
	return encode(fillValue(value, m))
}

func fillValue(value any, m *message) any {
	switch v := value.(type) {
	case string:
		return fill(v, m)
	case []any:
		for i := range v {
			v[i] = fillValue(v[i], m)
		}
	case map[string]any:
		for k := range v {
			v[k] = fillValue(v[k], m)
		}
	}
	return value
}

// toolError says what the model is told of a tool that failed.
func toolError(c *call, why string) string { return fmt.Sprintf("tool %s: %s", c.Tool, why) }

// toolOf returns the tool of a call in the session's scenario.
func (s *session) toolOf(c *call) (scenario.Tool, bool) {
	if s.script == nil {
		return scenario.Tool{}, false
	}
	return s.script.Tool(c.Tool)
}
