package mutants

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/darihook/darihook/contract"
)

// danubeDelivery is one event on its way to one webhook, and what is recorded of it.
type danubeDelivery struct {
	delivery
	platform *danube
	hook     *danubeHook
	data     map[string]any
	payload  json.RawMessage
	created  time.Time
	state    state
	// tries counts the attempts that have ended.
	tries int
	// answer is the last one; nil where there was none. delivered is when it was a success.
	answer    *answer
	delivered *time.Time
}

// emit makes the deliveries of an event, one for each webhook that is subscribed.
func (p *danube) emit(o order) ([]*delivery, bool) {
	if _, known := p.engine.provider.EventFor(o.Type); !known {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*delivery
	for _, h := range p.hooks {
		active := h.IsActive || p.fault == inactiveDelivered
		if h.deleted || !active || !slices.Contains(h.Events, o.Type) && p.fault != subscriptionIgnored {
			continue
		}
		d := &danubeDelivery{
			platform: p, hook: h, created: time.Now(), data: p.data(o), state: pending,
			delivery: delivery{id: uuid.NewString(), kind: o.Type},
		}
		d.to, d.body = d, d.write(d.created)
		d.payload = d.body
		p.log = append(p.log, d)
		all = append(all, &d.delivery)
	}
	return all, true
}

// data is what an event says (clause EVT-010), under what the trigger gives.
func (p *danube) data(o order) map[string]any {
	data := map[string]any{"status": "completed", "execution_time": 1.5, "error": nil}
	if o.Type == contract.ToolExecutionFailed {
		data["status"], data["error"] = "failed", "no answer"
	}
	data["tool_id"], data["tool_name"] = uuid.NewString(), "weather"
	switch {
	case p.fault == toolNameMissing:
		delete(data, "tool_name")
	case p.fault == errorMissing && data["error"] == nil:
		delete(data, "error")
	}
	maps.Copy(data, o.Data)
	return data
}

// write is the event's body (clauses EVT-007 to EVT-009).
func (d *danubeDelivery) write(at time.Time) []byte {
	f := d.platform.fault
	layout, kind := "2006-01-02T15:04:05.000000Z", d.kind
	if f == wholeSeconds {
		layout = time.RFC3339
	}
	if f == typeRenamed {
		kind = "danube." + kind
	}
	fields := map[string]any{"event": kind, "timestamp": at.UTC().Format(layout), "data": d.data}
	switch f {
	case dataFlattened:
		delete(fields, "data")
		fields["payload"] = d.data
	case idInBody:
		fields["id"] = d.id
	}
	body, err := json.MarshalIndent(fields, "", " ") // white space, so that a receiver that rewrites JSON is found out
	if err != nil {
		panic(fmt.Sprintf("writing an event made of JSON: %v", err))
	}
	if f == eventInList {
		return fmt.Appendf(nil, "[%s]", body)
	}
	return body
}

// destination is where the webhook is now. One that was deleted or switched off gets nothing more.
func (d *danubeDelivery) destination(time.Time) (destination, bool) {
	d.platform.mu.Lock()
	defer d.platform.mu.Unlock()
	if d.hook.deleted || !d.hook.IsActive && d.platform.fault != inactiveDelivered {
		return destination{}, false
	}
	return destination{http.MethodPost, d.hook.URL, []string{d.hook.secret}}, true
}

// renew prepares another attempt. A correct sender has nothing to do (clause DLV-018).
func (d *danubeDelivery) renew() {
	if d.platform.fault == timePerAttempt {
		d.body = d.write(time.Now())
	}
}

// attempted records an attempt (clause DLV-019).
func (d *danubeDelivery) attempted(a answer, s state) {
	d.platform.mu.Lock()
	defer d.platform.mu.Unlock()
	d.tries = d.attempts
	if d.state, d.answer = s, &a; a.status == 0 {
		d.answer = nil
	}
	if s == succeeded {
		now := time.Now()
		d.delivered = &now
	}
	if s == failed && d.platform.fault == failureStaysPending {
		d.state = pending
	}
}

// view is the delivery as the API shows it.
func (d *danubeDelivery) view() map[string]any {
	view := map[string]any{
		"id": d.id, "webhook_id": d.hook.ID, "event_type": d.kind, "payload": d.payload, "attempts": d.tries,
		"status":          [...]string{succeeded: "success", pending: "pending", failed: "failed"}[d.state],
		"response_status": nil, "response_body": nil, "delivered_at": d.delivered, "created_at": d.created,
	}
	if d.answer != nil {
		view["response_status"], view["response_body"] = d.answer.status, d.platform.cut(d.answer.body)
	}
	switch d.platform.fault {
	case payloadUnrecorded:
		delete(view, "payload")
	case attemptsUncounted:
		view["attempts"] = 1
	}
	return view
}

// cut is as much of an answer as is shown (clause DLV-021).
func (p *danube) cut(body string) string {
	most := 2000
	switch p.fault {
	case answerWhole:
		most = len(body)
	case answerCutEarly:
		most = 200
	}
	return body[:min(len(body), most)]
}

// deliveries lists a webhook's deliveries, the newest first (clause DLV-020).
func (p *danube) deliveries(w http.ResponseWriter, r *http.Request, h *danubeHook) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		limit = 20
	}
	views := []map[string]any{}
	for _, d := range p.log {
		if d.hook == h {
			views = append(views, d.view())
		}
	}
	if p.fault != oldestFirst {
		slices.Reverse(views)
	}
	if len(views) == 0 && p.fault == noDeliveriesNotFound {
		p.fail(w, http.StatusNotFound, "not_found", "No deliveries")
		return
	}
	if len(views) > limit && p.fault != limitIgnored {
		views = views[:limit]
	}
	writeJSON(w, http.StatusOK, views)
}
