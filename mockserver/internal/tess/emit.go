package tess

import (
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	emit "github.com/darihook/darihook/mockserver/internal/emission"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
)

// Emit makes an agent's answers, and delivers each to every active webhook of the agent. The type stays empty: the platform
// has none. Errors: an [httpjson.Error], or [httpjson.Problems].
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
	to := p.living(func(w *webhook) bool { return w.TemplateID == a.ID && w.Status == active })
	count, err := emit.Count(spec, len(to))
	if err != nil {
		return client.Emission{}, err
	}
	ids, orders := make([]string, count), make([][]delivery.Order, count)
	for i := range count {
		ids[i] = ident.New("evt")
		orders[i] = p.orders(to, ids[i], emit.Marshal(emit.Merge(p.response(a), spec.Data)), own)
	}
	p.saveCounters()
	return emit.Submit(p.queue, ids, orders, emit.Undelivered(len(p.of(a)), nil))
}

// emitter returns the agent that was asked for, or the only one.
func (p *Platform) emitter(id string) (*agent, error) {
	if id == "" && len(p.agents) == 1 {
		return p.agents[0], nil
	}
	if id == "" {
		return nil, httpjson.Problems{{Loc: []any{"body", "agent_id"}, Msg: "Field required", Type: "missing"}}
	}
	n := numberOf(id)
	if a := p.agent(n); a != nil {
		return a, nil
	}
	if p.o.AutoCreate && n > 0 {
		return p.agentOrNew(n, DefaultUser)
	}
	return nil, httpjson.NotFound("Agent")
}

// orders makes an answer's deliveries. The id is the mock's own, to tell events apart; it is not sent.
func (p *Platform) orders(to []*webhook, eventID string, body []byte, own []faults.Fault) []delivery.Order {
	orders := make([]delivery.Order, len(to))
	for i, w := range to {
		orders[i] = delivery.Order{
			Provider: p.provider.Name, Endpoint: key(w.ID), Agent: key(w.TemplateID), EventID: eventID, URL: w.URL, Body: body, Faults: own,
		}
	}
	return orders
}

// response makes up an agent's answer. That deliveries hold what the API answers when an agent is run is inferred.
func (p *Platform) response(a *agent) map[string]any {
	p.last.Response++
	now := p.now()
	return map[string]any{
		"id": p.last.Response, "status": "succeeded", "input": "Where is my order?", "output": "It arrives tomorrow.",
		"credits": 0.25, "root_id": p.last.Response, "created_at": now, "updated_at": now, "template_id": a.ID,
	}
}
