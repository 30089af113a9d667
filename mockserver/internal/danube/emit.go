package danube

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	emit "github.com/darihook/darihook/mockserver/internal/emission"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
)

// envelope is a delivery's body. It has no id.
type envelope struct {
	Event     string         `json:"event"`
	Timestamp string         `json:"timestamp"`
	Data      map[string]any `json:"data"`
}

// Emit makes events that were asked for and delivers each to every webhook of the account that is subscribed to its type.
// Errors: an [httpjson.Error], or [httpjson.Problems].
func (p *Platform) Emit(spec client.Event) (client.Emission, error) {
	own, err := emit.Check(p.provider, spec)
	if err != nil {
		return client.Emission{}, err
	}
	account, err := p.emitter(spec.AgentID)
	if err != nil {
		return client.Emission{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	to := p.subscribed(account, spec.Type)
	count, err := emit.Count(spec, len(to))
	if err != nil {
		return client.Emission{}, err
	}
	ids, orders := make([]string, count), make([][]delivery.Order, count)
	for i := range count {
		ids[i] = ident.New("evt")
		body := emit.Marshal(envelope{spec.Type, stamp(p.o.Clock.Now()), emit.Merge(p.data(spec.Type), spec.Data)})
		orders[i] = p.orders(to, ids[i], spec.Type, body, own)
	}
	return emit.Submit(p.queue, ids, orders, p.undelivered(account))
}

// emitter returns the account that was asked for, or the only one.
func (p *Platform) emitter(id string) (string, error) {
	switch {
	case id == "" && len(p.accounts) == 1:
		return p.accounts[0], nil
	case id == "":
		return "", httpjson.Problems{{Loc: []any{"body", "agent_id"}, Msg: "Field required", Type: "missing"}}
	case !slices.Contains(p.accounts, id):
		return "", httpjson.NotFound("Account")
	}
	return id, nil
}

// orders makes an event's deliveries. The id is the mock's own, to tell events apart; it is not sent.
func (p *Platform) orders(to []*webhook, eventID, eventType string, body []byte, own []faults.Fault) []delivery.Order {
	orders := make([]delivery.Order, len(to))
	for i, w := range to {
		orders[i] = delivery.Order{
			ID: uuid.NewString(), Provider: p.provider.Name, Endpoint: w.ID, Agent: w.Account, EventID: eventID, Type: eventType,
			URL: w.URL, Body: body, Faults: own,
		}
	}
	return orders
}

// data makes up what an event is about. The fields of tool.execution events are verified, the others are a choice.
func (p *Platform) data(eventType string) map[string]any {
	run := map[string]any{"status": "completed", "execution_time": 1.25, "error": nil}
	if eventType == contract.ToolExecutionFailed || eventType == contract.WorkflowFailed {
		run["status"], run["error"] = "failed", "The upstream service did not answer"
	}
	switch eventType {
	case contract.ToolExecutionCompleted, contract.ToolExecutionFailed:
		maps.Copy(run, map[string]any{"tool_id": uuid.NewString(), "tool_name": "lookup"})
	case contract.WorkflowCompleted, contract.WorkflowFailed:
		maps.Copy(run, map[string]any{"workflow_id": uuid.NewString(), "workflow_name": "nightly", "execution_id": uuid.NewString()})
	default:
		return map[string]any{"agent_id": uuid.NewString(), "limit": json.Number("10.00"), "spent": json.Number("8.50"), "currency": "USD"}
	}
	return run
}
