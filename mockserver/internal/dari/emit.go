package dari

import (
	"encoding/json"
	"regexp"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	emit "github.com/darihook/darihook/mockserver/internal/emission"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
)

// envelope is a delivery's body (clause EVT-001).
type envelope struct {
	ID        string          `json:"id"`
	Type      string          `json:"type"`
	CreatedAt string          `json:"created_at"`
	Data      json.RawMessage `json:"data"`
}

// announce hands an event to the delivery engine if the agent's webhook is subscribed to it, and returns the delivery's
// id, or "". An event that the engine has no room for is in the ledger as one that was not delivered.
func (p *Platform) announce(agentID, eventID, eventType string, data any) string {
	a, ok := p.agents.get(agentID)
	if !ok || !a.subscribed(eventType) || p.queue == nil {
		return ""
	}
	order := p.order(a, eventID, eventType, encode(data), nil)
	ids, err := p.queue.Submit(order)
	if err != nil {
		p.logUndelivered(order.Body, map[string]any{
			"event_id": eventID, "event_type": eventType, "webhook_url": order.URL, "attempts": 0, "error": err.Error(),
		})
		return ""
	}
	return ids[0]
}

// order makes the delivery of an event.
func (p *Platform) order(a *agent, eventID, eventType string, data json.RawMessage, own []faults.Fault) delivery.Order {
	return delivery.Order{
		Provider: p.provider.Name, Endpoint: a.ID, EventID: eventID, Type: eventType, URL: a.Webhook.URL, Faults: own,
		Body: emit.Marshal(envelope{ID: eventID, Type: eventType, CreatedAt: p.now(), Data: data}),
	}
}

// perSession is how many events of one call share a session.
const perSession = 1000

// Emit makes events that were asked for. What they are about, a session and its tool call or a batch, is made up where
// the caller's data does not say it, so that their results can be submitted and their ledger read. Errors: an
// [httpjson.Error], or [httpjson.Problems].
func (p *Platform) Emit(spec client.Event) (client.Emission, error) {
	own, err := emit.Check(p.provider, spec)
	if err != nil {
		return client.Emission{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, err := p.emitter(spec.AgentID)
	if err != nil {
		return client.Emission{}, err
	}
	e := emission{p: p, agent: a, spec: spec, faults: own}
	return e.run()
}

// CheckFault validates a fault against Dari's event types and schemes. The error is a [*faults.Violation].
func (p *Platform) CheckFault(f faults.Fault) error { return f.ValidateFor(p.provider) }

// emitter returns the agent that was asked for, or the only one.
func (p *Platform) emitter(id string) (*agent, error) {
	if id == "" && p.agents.len() == 1 {
		return p.agents.all()[0], nil
	}
	if id == "" {
		return nil, httpjson.Problems{{Loc: []any{"body", "agent_id"}, Msg: "Field required", Type: "missing"}}
	}
	if a, ok := p.agents.get(id); ok {
		return a, nil
	}
	if p.o.AutoCreate && agentForm.MatchString(id) {
		return p.agentOrNew(id, DefaultOrg)
	}
	return nil, httpjson.NotFound("Agent")
}

// emission is one call of Emit.
type emission struct {
	p      *Platform
	agent  *agent
	spec   client.Event
	faults []faults.Fault

	session *session
	used    int // events in session
}

// run makes the events and submits their deliveries all together, so that none is accepted when there is no room.
func (e *emission) run() (client.Emission, error) {
	count := max(e.spec.Count, 1)
	if e.delivered() {
		if err := emit.Room(e.p.queue, e.spec, count); err != nil {
			return client.Emission{}, err
		}
	}
	ids, orders := make([]string, count), make([][]delivery.Order, count)
	for i := range count {
		id, data, err := e.event()
		if err != nil {
			return client.Emission{}, err
		}
		ids[i] = id
		if e.delivered() {
			orders[i] = []delivery.Order{e.p.order(e.agent, id, e.spec.Type, encode(data), e.faults)}
		}
	}
	if e.session != nil {
		e.p.saveSession(e.session)
	}
	return emit.Submit(e.p.queue, ids, orders, e.agent.undelivered())
}

// undelivered says why the agent's webhook does not take an event.
func (a *agent) undelivered() string {
	if a.Webhook == nil {
		return emit.Undelivered(0, nil)
	}
	return emit.Undelivered(1, [][]string{a.Webhook.EventTypes})
}

// delivered reports whether the events go to the agent's webhook.
func (e *emission) delivered() bool { return e.agent.subscribed(e.spec.Type) && e.p.queue != nil }

// event makes one event: its id and its data.
func (e *emission) event() (id string, data map[string]any, err error) {
	switch e.spec.Type {
	case contract.ToolCallRequested:
		return e.toolEvent()
	case contract.SessionCompleted, contract.SessionFailed:
		return e.sessionEvent()
	default:
		return e.batchEvent()
	}
}

// toolEvent makes a tool call whose result can be submitted.
func (e *emission) toolEvent() (string, map[string]any, error) {
	s, err := e.sessionFor(func() bool { return e.used >= perSession })
	if err != nil {
		return "", nil, err
	}
	if err := e.p.room(emit.SizeOf(e.spec.Data), s); err != nil {
		return "", nil, err
	}
	m := e.message(s)
	c := &call{ID: e.given("tool_call_id", ident.New("call")), SessionID: s.ID, MessageID: m.ID, Tool: e.given("tool_name", "lookup")}
	e.p.addCall(s, c)
	e.p.setStatus(s, active)
	e.p.setMessageStatus(s, m, waiting)
	data := e.merge(map[string]any{
		"submit_url": e.p.o.BaseURL() + "/v1/sessions/" + s.ID + "/events",
		"session_id": s.ID, "message_id": m.ID, "tool_call_id": c.ID,
		"tool_name": c.Tool, "arguments": map[string]any{}, "agent_id": e.agent.ID,
	})
	entry := e.p.log(s, m.ID, e.spec.Type, data)
	return entry.ID, data, nil
}

// sessionEvent makes the end of a session.
func (e *emission) sessionEvent() (string, map[string]any, error) {
	s, err := e.sessionFor(func() bool { return true })
	if err != nil {
		return "", nil, err
	}
	status := completed
	if e.spec.Type == contract.SessionFailed {
		status = failed
	}
	e.p.setStatus(s, status)
	return ident.New("evt"), e.merge(map[string]any{
		"session_id": s.ID, "agent_id": e.agent.ID, "status": status, "metadata": s.Metadata,
	}), nil
}

// batchEvent makes the end of a batch that nothing else is known of.
func (e *emission) batchEvent() (string, map[string]any, error) {
	status := map[string]string{
		contract.BatchCompleted: completed, contract.BatchFailed: failed, contract.BatchPartialFailed: partialFailed,
	}[e.spec.Type]
	counts := map[string]batchCounts{
		completed: {Completed: 2}, failed: {Failed: 2}, partialFailed: {Completed: 1, Failed: 1},
	}[status]
	return ident.New("evt"), e.merge(map[string]any{
		"batch_id": ident.New("batch"), "agent_id": e.agent.ID, "status": status, "counts": counts, "metadata": map[string]string{},
	}), nil
}

var sessionForm = regexp.MustCompile(`^sess_[A-Za-z0-9_-]{1,100}$`)

// sessionFor returns the session that the data names, or one that the platform makes up and uses until it is full.
func (e *emission) sessionFor(full func() bool) (*session, error) {
	id := e.given("session_id", "")
	if s, ok := e.p.sessions.get(id); ok {
		e.session = s
		return s, nil
	}
	if id != "" && !sessionForm.MatchString(id) {
		return nil, httpjson.Invalid("must be sess_ and up to 100 letters, digits, hyphens or underscores", "body", "data", "session_id")
	}
	if e.session == nil || full() {
		if e.session != nil {
			e.p.saveSession(e.session)
		}
		s, err := e.p.newSession(e.agent, id, sessionSpec{Metadata: e.metadata()})
		if err != nil {
			return nil, err
		}
		e.session, e.used = s, 0
	}
	e.used++
	return e.session, nil
}

// message returns the message that the data names, or one made for this event.
func (e *emission) message(s *session) *message {
	id := e.given("message_id", "")
	if m := s.message(id); m != nil && id != "" {
		return m
	}
	if id == "" {
		id = ident.New("msg")
	}
	m := &message{ID: id, Status: running, Content: json.RawMessage("[]"), Emitted: true}
	e.p.addTo(s, m)
	return m
}

// given returns a string of the caller's data, or otherwise.
func (e *emission) given(name, otherwise string) string {
	var text string
	if json.Unmarshal(e.spec.Data[name], &text) == nil && text != "" {
		return text
	}
	return otherwise
}

// metadata returns the metadata of the caller's data.
func (e *emission) metadata() map[string]string {
	var pairs map[string]string
	if json.Unmarshal(e.spec.Data["metadata"], &pairs) != nil {
		return nil
	}
	return pairs
}

// merge lays the caller's data over what was made up.
func (e *emission) merge(data map[string]any) map[string]any { return emit.Merge(data, e.spec.Data) }
