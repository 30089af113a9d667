package mutants

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
)

// maxCount is how many events one trigger may ask for.
const maxCount = 1000

// order is what a trigger asks for.
type order struct {
	AgentID string         `json:"agent_id"`
	Type    string         `json:"type"`
	Data    map[string]any `json:"data"`
	Count   int            `json:"count"`
}

// dariDelivery is one event on its way to the webhook of an agent.
type dariDelivery struct {
	delivery
	platform  *platform
	agent     *agent
	createdAt time.Time
	data      map[string]any
}

// destination is where the agent's webhook is now.
func (d *dariDelivery) destination(now time.Time) (destination, bool) {
	d.platform.mu.Lock()
	defer d.platform.mu.Unlock()
	hook := d.agent.hook
	if hook == nil {
		return destination{}, false
	}
	return destination{http.MethodPost, hook.url, d.platform.secrets(hook, now)}, true
}

// renew prepares another attempt. A correct sender has nothing to do: the event's bytes stay as they are.
func (d *dariDelivery) renew() {
	switch d.platform.fault {
	case newIDPerAttempt:
		d.id = newID("evt")
		d.body = d.platform.body(d)
	case createdAtPerAttempt:
		d.body = d.platform.body(d)
	}
}

// attempted records that a delivery has failed for good (clause DLV-007).
func (d *dariDelivery) attempted(_ answer, s state) {
	session, _ := d.data["session_id"].(string)
	if s != failed || session == "" || d.platform.fault == failureUnrecorded {
		return
	}
	d.platform.mu.Lock()
	defer d.platform.mu.Unlock()
	d.platform.record(session, nil, "webhook.delivery_failed", map[string]any{"event_id": d.id, "attempts": d.attempts})
}

// secrets are those that sign: the present one and, during an overlap, the one before (clauses DLV-009 and DLV-010).
func (p *platform) secrets(hook *webhook, now time.Time) []string {
	if hook.former == "" || !now.Before(hook.formerUntil) || p.fault == overlapForgotten {
		return []string{hook.secret}
	}
	return []string{hook.secret, hook.former}
}

// emitted is one event that a trigger caused.
type emitted struct {
	ID         string `json:"id"`
	DeliveryID string `json:"delivery_id"`
}

// trigger emits events and answers with their ids, before they are delivered.
func (p *platform) trigger(w http.ResponseWriter, r *http.Request) {
	o := order{Count: 1}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil {
		p.fail(w, http.StatusUnprocessableEntity, "The body is not an order for events")
		return
	}
	p.mu.Lock()
	a := p.agent(o.AgentID)
	p.mu.Unlock()
	switch {
	case a == nil:
		p.fail(w, http.StatusNotFound, "Agent not found")
	case !isEventType(o.Type) || o.Count < 1 || o.Count > maxCount:
		p.fail(w, http.StatusUnprocessableEntity, "type must be known and count between 1 and 1000")
	default:
		events := []emitted{}
		for range o.Count {
			events = append(events, p.emit(a, o))
		}
		writeJSON(w, http.StatusAccepted, map[string]any{"events": events})
	}
}

// emit makes an event and, where the agent's webhook subscribed to its type, a delivery of it.
func (p *platform) emit(a *agent, o order) emitted {
	d := &dariDelivery{
		platform: p, agent: a, createdAt: time.Now().UTC().Truncate(time.Second), data: p.eventData(a, o),
		delivery: delivery{id: newID("evt"), kind: o.Type},
	}
	if d.to = d; p.fault == oneIDForAll {
		d.id = "evt_1"
	}
	d.body = p.body(d)
	p.mu.Lock()
	subscribed := a.hook != nil && (slices.Contains(a.hook.types, o.Type) || p.fault == subscriptionIgnored)
	p.mu.Unlock()
	if subscribed {
		p.engine.start(&d.delivery)
	}
	return emitted{d.id, newID("dlv")}
}

// eventData is what an event of the type always says (clauses EVT-003 to EVT-005), under what the trigger gives.
func (p *platform) eventData(a *agent, o order) map[string]any {
	session := newID("sess")
	if given, ok := o.Data["session_id"].(string); ok {
		session = given
	}
	data := map[string]any{"agent_id": a.id}
	switch o.Type {
	case contract.ToolCallRequested:
		data["session_id"], data["message_id"], data["tool_call_id"] = session, newID("msg"), newID("call")
		data["submit_url"] = p.url + "/v1/sessions/" + session + "/events"
		data["tool_name"], data["arguments"] = "weather", map[string]any{"city": "Lisbon"}
	case contract.SessionCompleted, contract.SessionFailed:
		data["session_id"], data["metadata"] = session, map[string]any{"order": "1"}
		data["status"] = o.Type[len("session."):]
	default:
		data["batch_id"], data["status"] = newID("batch"), o.Type[len("batch."):]
		data["metadata"] = map[string]any{}
	}
	maps.Copy(data, o.Data)
	p.spoil(data)
	return data
}

// spoil takes away what a fault leaves out.
func (p *platform) spoil(data map[string]any) {
	missing := map[fault]string{
		submitURLMissing: "submit_url", toolCallIDMissing: "tool_call_id",
		metadataMissing: "metadata", sessionIDMissing: "session_id", batchIDMissing: "batch_id",
	}
	if p.fault == sessionIDMissing && data["tool_call_id"] != nil {
		return // a tool call without a session would break another clause
	}
	if p.fault == batchStatusMissing && data["batch_id"] != nil {
		delete(data, "status")
	}
	delete(data, missing[p.fault])
}

// body writes an event as it is signed and sent. An event is written once: its attempts repeat the same bytes.
func (p *platform) body(d *dariDelivery) []byte {
	fields := map[string]any{"id": d.id, "type": d.kind, "created_at": d.createdAt.Format(time.RFC3339), "data": d.data}
	switch p.fault {
	case createdAtMissing:
		delete(fields, "created_at")
	case createdAtUnix:
		fields["created_at"] = d.createdAt.Unix()
	case createdAtPerAttempt:
		fields["created_at"] = d.createdAt.Add(time.Duration(d.attempts) * time.Second).Format(time.RFC3339)
	case dataFlattened:
		delete(fields, "data")
		fields["payload"] = d.data
	case idInHeaderOnly:
		delete(fields, "id")
	case idEmpty:
		fields["id"] = ""
	case idNumber:
		fields["id"] = crc32.ChecksumIEEE([]byte(d.id))
	case typeRenamed:
		fields["type"] = "agent." + d.kind
	}
	body, err := json.MarshalIndent(fields, "", " ") // white space, so that a receiver that rewrites JSON is found out
	if err != nil {
		panic(fmt.Sprintf("writing an event made of JSON: %v", err))
	}
	if p.fault == eventInList {
		return fmt.Appendf(nil, "[%s]", body)
	}
	return body
}
