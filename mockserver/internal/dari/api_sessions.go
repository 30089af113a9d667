package dari

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// The bounds of a list of events.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// accepted is the answer to an event that was posted (clause RES-003).
type accepted struct {
	Event   event       `json:"event"`
	Message messageView `json:"message"`
	Session sessionView `json:"session"`
}

func (p *Platform) listSessions(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withAgent(r, org, func(a *agent) (int, any, error) {
		list := []sessionView{}
		for _, s := range p.sessions.all() {
			if s.AgentID == a.ID && len(list) < maxLimit {
				list = append(list, s.view())
			}
		}
		return http.StatusOK, map[string]any{"sessions": list}, nil
	})
}

func (p *Platform) createSession(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	var spec sessionSpec
	if err := httpjson.ReadOptional(w, r, &spec); err != nil {
		return 0, nil, err
	}
	if err := spec.check("body"); err != nil {
		return 0, nil, err
	}
	return p.withAgent(r, org, func(a *agent) (int, any, error) {
		s, err := p.newSession(a, "", spec)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusCreated, s.view(), nil
	})
}

// withSession answers with what f makes of the session that the path names.
func (p *Platform) withSession(r *http.Request, org string, f func(*session) (int, any, error)) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := p.sessionFor(org, r.PathValue("session"))
	if err != nil {
		return 0, nil, err
	}
	return f(s)
}

func (p *Platform) getSession(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withSession(r, org, func(s *session) (int, any, error) { return http.StatusOK, s.view(), nil })
}

// messageBody is a user's message; Session is what the session is made from where it makes one.
type messageBody struct {
	Type     string           `json:"type"`
	Content  []map[string]any `json:"content"`
	Metadata map[string]any   `json:"metadata"`
	Session  *sessionSpec     `json:"session"`
}

// check names what does not fit.
func (b messageBody) check() error {
	var p httpjson.Problems
	if b.Type != "user.message" {
		p.Invalid("must be user.message", "body", "type")
	}
	checkContent(&p, b.Content, "body", "content")
	return p.Err()
}

// checkContent wants a list of blocks that each have a type.
func checkContent(p *httpjson.Problems, blocks []map[string]any, loc ...any) {
	if len(blocks) == 0 {
		p.Missing(loc...)
	}
	for i, block := range blocks {
		if _, ok := block["type"].(string); !ok {
			p.Missing(append(loc, i, "type")...)
		}
	}
}

// createMessage starts a session with a user's message.
func (p *Platform) createMessage(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	var body messageBody
	if err := httpjson.Read(w, r, &body); err != nil {
		return 0, nil, err
	}
	if err := body.check(); err != nil {
		return 0, nil, err
	}
	spec := sessionSpec{}
	if body.Session != nil {
		spec = *body.Session
	}
	if err := spec.check("body", "session"); err != nil {
		return 0, nil, err
	}
	return p.withAgent(r, org, func(a *agent) (int, any, error) {
		key := r.Header.Get("Idempotency-Key")
		if done, ok := p.repeatOf(org, a.ID, key); ok {
			return p.answerAgain(done)
		}
		s, err := p.newSession(a, "", spec)
		if err != nil {
			return 0, nil, err
		}
		return p.say(org, a.ID, key, s, body.Content)
	})
}

// say puts a user's message into a session, and remembers it under its Idempotency-Key.
func (p *Platform) say(org, scope, key string, s *session, content []map[string]any) (int, any, error) {
	m, e, err := p.addMessage(s, content)
	if err != nil {
		return 0, nil, err
	}
	p.repeatable(org, scope, key, repeat{SessionID: s.ID, MessageID: m.ID, EventID: e.ID})
	return http.StatusAccepted, accepted{e, s.viewMessage(m), s.view()}, nil
}

// answerAgain answers what a call with the same Idempotency-Key was answered, with the statuses of today.
func (p *Platform) answerAgain(done repeat) (int, any, error) {
	s, ok := p.sessions.get(done.SessionID)
	if !ok || s.message(done.MessageID) == nil {
		return 0, nil, httpjson.Refuse(http.StatusConflict, "The session of this Idempotency-Key is gone")
	}
	answer := accepted{Message: s.viewMessage(s.message(done.MessageID)), Session: s.view()}
	for _, e := range s.ledger.events {
		if e.ID == done.EventID {
			answer.Event = e
		}
	}
	return http.StatusAccepted, answer, nil
}

// listEvents lists a session's ledger, the oldest first. after continues behind an event.
func (p *Platform) listEvents(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	limit, err := limitOf(r)
	if err != nil {
		return 0, nil, err
	}
	return p.withSession(r, org, func(s *session) (int, any, error) {
		events := s.ledger.after(r.URL.Query().Get("after"))
		more := len(events) > limit
		if more {
			events = events[:limit]
		}
		if events == nil {
			events = []event{}
		}
		return http.StatusOK, map[string]any{"events": events, "has_more": more}, nil
	})
}

func limitOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, httpjson.Invalid(fmt.Sprintf("must be a number from 1 to %d", maxLimit), "query", "limit")
	}
	return limit, nil
}

// eventBody is any event that can be posted; which fields belong to it depends on its type.
type eventBody struct {
	Type       *string          `json:"type"`
	Content    []map[string]any `json:"content"`
	Metadata   map[string]any   `json:"metadata"`
	MessageID  *string          `json:"message_id"`
	ToolCallID *string          `json:"tool_call_id"`
	IsError    *bool            `json:"is_error"`
	Result     json.RawMessage  `json:"result"`
}

// postEvent takes one event: a user's message or a tool's result.
func (p *Platform) postEvent(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	var body eventBody
	if err := httpjson.Read(w, r, &body); err != nil {
		return 0, nil, err
	}
	if body.Type == nil {
		return 0, nil, httpjson.Problems{{Loc: []any{"body", "type"}, Msg: "Field required", Type: "missing"}}
	}
	switch *body.Type {
	case "tool.result_submitted":
		return p.postResult(r, org, body)
	case "user.message":
		return p.postMessage(r, org, body)
	}
	return 0, nil, httpjson.Invalid("must be user.message or tool.result_submitted", "body", "type")
}

func (p *Platform) postResult(r *http.Request, org string, body eventBody) (int, any, error) {
	if body.Content != nil || body.Metadata != nil {
		return 0, nil, httpjson.Problems{{Loc: []any{"body"}, Msg: "Extra inputs are not permitted", Type: "extra_forbidden"}}
	}
	result := resultBody{
		MessageID: body.MessageID, ToolCallID: body.ToolCallID, Result: body.Result,
		IsError: body.IsError != nil && *body.IsError,
	}
	return p.withSession(r, org, func(s *session) (int, any, error) {
		e, m, err := p.submit(s, result)
		if err != nil {
			return 0, nil, err
		}
		return http.StatusAccepted, accepted{e, s.viewMessage(m), s.view()}, nil
	})
}

func (p *Platform) postMessage(r *http.Request, org string, body eventBody) (int, any, error) {
	if body.MessageID != nil || body.ToolCallID != nil || body.IsError != nil || body.Result != nil {
		return 0, nil, httpjson.Problems{{Loc: []any{"body"}, Msg: "Extra inputs are not permitted", Type: "extra_forbidden"}}
	}
	if err := (messageBody{Type: *body.Type, Content: body.Content}).check(); err != nil {
		return 0, nil, err
	}
	return p.withSession(r, org, func(s *session) (int, any, error) {
		key := r.Header.Get("Idempotency-Key")
		if done, ok := p.repeatOf(org, s.ID, key); ok {
			return p.answerAgain(done)
		}
		return p.say(org, s.ID, key, s, body.Content)
	})
}
