package dari

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/scenario"
)

// call is a tool call, as it is stored.
type call struct {
	ID        string `json:"id"`
	SessionID string `json:"session_id"`
	MessageID string `json:"message_id"`
	Tool      string `json:"tool"`
	// Deadline on the platform's clock, in nanoseconds since 1970. 0: none.
	Deadline int64 `json:"deadline,omitempty"`
	// Done tells that a result was taken or the time is over.
	Done bool `json:"done"`
	// OnError is what follows a failure.
	OnError string `json:"on_error"`
}

// callTool calls a tool for a message and waits for the result.
func (p *Platform) callTool(s *session, m *message, step scenario.Call) {
	tool, _ := s.script.Tool(step.Name) // checked when the scenario was read
	c := &call{
		ID: ident.New("call"), SessionID: s.ID, MessageID: m.ID, Tool: tool.Name, OnError: step.OnError,
		Deadline: p.o.Clock.Now().Add(tool.Timeout()).UnixNano(),
	}
	m.CallID = c.ID
	p.addCall(s, c)
	p.setMessageStatus(s, m, waiting)
	p.announceCall(s, c, fillJSON(step.Arguments, m), nil)
	p.expire(s, m, c)
}

// addCall keeps a call with its session.
func (p *Platform) addCall(s *session, c *call) {
	p.calls[c.ID] = c
	s.Calls = append(s.Calls, c.ID)
	p.charge(s, callCost)
	p.o.Store.Put(tableCalls, c.ID, c)
}

// announceCall puts a call into the ledger and announces it under the ledger's id. extra fields replace those that the
// platform makes up.
func (p *Platform) announceCall(s *session, c *call, arguments json.RawMessage, extra map[string]json.RawMessage) (eventID, deliveryID string) {
	data := map[string]any{
		"submit_url": p.o.BaseURL() + "/v1/sessions/" + s.ID + "/events",
		"session_id": s.ID, "message_id": c.MessageID, "tool_call_id": c.ID,
		"tool_name": c.Tool, "arguments": arguments, "agent_id": s.AgentID,
	}
	for name, value := range extra {
		data[name] = value
	}
	e := p.log(s, c.MessageID, contract.ToolCallRequested, data)
	return e.ID, p.announce(s.AgentID, e.ID, contract.ToolCallRequested, data)
}

// expire sets the timer of a call.
func (p *Platform) expire(s *session, m *message, c *call) {
	if c.Deadline == 0 {
		return
	}
	s.timer = p.o.Clock.At(time.Unix(0, c.Deadline), func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if known, ok := p.sessions.get(s.ID); !ok || known != s || c.Done {
			return
		}
		p.endCall(c)
		p.toolFailed(s, m, c, "no result in time")
	})
}

// endCall notes that no result is taken any more.
func (p *Platform) endCall(c *call) {
	c.Done = true
	p.o.Store.Put(tableCalls, c.ID, c)
}

// toolFailed tells the ledger, and goes on as the scenario says.
func (p *Platform) toolFailed(s *session, m *message, c *call, why string) {
	p.log(s, m.ID, "tool.call_failed", map[string]any{"tool_call_id": c.ID, "tool_name": c.Tool, "error": why})
	if c.OnError != scenario.OnErrorContinue {
		p.conclude(s, m, failed, toolError(c, why))
		p.abandon(s)
		p.saveSession(s)
		return
	}
	result := encode(map[string]string{"error": why})
	p.charge(s, len(result)-len(m.Result))
	m.Result = result
	p.goOn(s, m)
}

// goOn runs the step after a tool call.
func (p *Platform) goOn(s *session, m *message) {
	m.CallID = ""
	m.Step++
	p.setMessageStatus(s, m, running)
	p.run(s)
}

// resultBody is a tool result as it is submitted (clauses RES-001, RES-002).
type resultBody struct {
	MessageID  *string
	ToolCallID *string
	IsError    bool
	Result     json.RawMessage
}

// check names what is missing.
func (b resultBody) check() error {
	var p httpjson.Problems
	if b.MessageID == nil {
		p.Missing("body", "message_id")
	}
	if b.ToolCallID == nil {
		p.Missing("body", "tool_call_id")
	}
	if b.Result == nil && !b.IsError {
		p.Missing("body", "result")
	}
	return p.Err()
}

// submit takes a tool result. Every well-formed one is remembered with the status that it is answered with.
func (p *Platform) submit(s *session, b resultBody) (event, *message, error) {
	if err := b.check(); err != nil {
		return event{}, nil, err
	}
	e, m, err := p.take(s, b)
	status := http.StatusAccepted
	if refusal, ok := errors.AsType[*httpjson.Error](err); ok {
		status = refusal.Status
	} else if _, ok := errors.AsType[httpjson.Problems](err); ok {
		status = http.StatusUnprocessableEntity
	}
	p.result(client.Result{
		At: p.o.Clock.Now(), SessionID: s.ID, MessageID: *b.MessageID, ToolCallID: *b.ToolCallID,
		IsError: b.IsError, Result: b.Result, Status: status,
	})
	return e, m, err
}

// take checks a result against the call that it answers, and lets the scenario go on (clauses RES-003, RES-004).
func (p *Platform) take(s *session, b resultBody) (event, *message, error) {
	c := p.calls[*b.ToolCallID]
	if c == nil || c.SessionID != s.ID || c.MessageID != *b.MessageID {
		return event{}, nil, httpjson.NotFound("Tool call")
	}
	m := s.message(c.MessageID)
	if c.Done || m == nil {
		return event{}, nil, httpjson.Refuse(http.StatusConflict, "The tool call has a result already, or its time is over")
	}
	if tool, ok := s.toolOf(c); ok && !b.IsError {
		if err := tool.CheckResult(b.Result); err != nil {
			return event{}, nil, httpjson.Invalid("does not fit the tool's output schema", "body", "result")
		}
	}
	if err := p.room(2*len(b.Result), s); err != nil {
		return event{}, nil, err
	}
	p.endCall(c)
	data := map[string]any{"tool_call_id": c.ID, "is_error": b.IsError, "result": b.Result}
	e := p.log(s, m.ID, "tool.result_submitted", data)
	p.goOnWith(s, m, c, b)
	return e, m, nil
}

// goOnWith goes on after a result.
func (p *Platform) goOnWith(s *session, m *message, c *call, b resultBody) {
	if s.timer != nil && !m.Emitted {
		s.timer.Stop()
	}
	switch {
	case m.Emitted:
		p.log(s, m.ID, "tool.call_completed", map[string]any{"tool_call_id": c.ID, "tool_name": c.Tool})
		p.setMessageStatus(s, m, completed)
		p.saveSession(s)
	case b.IsError:
		p.toolFailed(s, m, c, "the tool answered with an error")
	default:
		p.charge(s, len(b.Result)-len(m.Result))
		m.Result = b.Result
		p.log(s, m.ID, "tool.call_completed", map[string]any{"tool_call_id": c.ID, "tool_name": c.Tool})
		p.goOn(s, m)
	}
}
