package mutants

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// tessDelivery is one answer of an agent on its way to one webhook.
type tessDelivery struct {
	delivery
	platform *tess
	hook     *tessHook
}

// emit makes the deliveries of an agent's answer, one for each of its webhooks that is active.
func (p *tess) emit(o order) ([]*delivery, bool) {
	agent, err := strconv.ParseInt(o.AgentID, 10, 64)
	if err != nil || o.Type != "" {
		return nil, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	body := p.write(agent, o.Data)
	var all []*delivery
	for _, h := range p.hooks {
		if d := (&tessDelivery{delivery{body: body}, p, h}); h.agent == agent && d.welcome() {
			d.to = d
			all = append(all, &d.delivery)
		}
	}
	return all, true
}

// welcome reports whether the webhook gets anything (clauses DLV-025 and DLV-026). The lock is held.
func (d *tessDelivery) welcome() bool {
	f := d.platform.fault
	return (!d.hook.deleted || f == deletedDelivered) && (d.hook.status == "active" || f == inactiveDelivered)
}

// write is what the API answers when an agent is run (clause EVT-011).
func (p *tess) write(agent int64, more map[string]any) []byte {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	fields := map[string]any{
		"id": now, "status": "succeeded", "input": "Where is it?", "output": "Here.", "credits": 0.5, "root_id": 1,
		"created_at": now, "updated_at": now, "template_id": agent,
	}
	maps.Copy(fields, more)
	switch p.fault {
	case outputMissing:
		delete(fields, "output")
	case answerUnderData:
		fields = map[string]any{"data": fields}
	}
	body, err := json.Marshal(fields)
	if err != nil {
		panic(fmt.Sprintf("writing an answer made of JSON: %v", err))
	}
	return body
}

// destination is where the webhook is (clause DLV-023).
func (d *tessDelivery) destination(time.Time) (destination, bool) {
	d.platform.mu.Lock()
	defer d.platform.mu.Unlock()
	to := destination{method: d.hook.method, url: d.hook.url}
	switch d.platform.fault {
	case queryDropped:
		to.url, _, _ = strings.Cut(to.url, "?")
	case alwaysPosted:
		to.method = http.MethodPost
	}
	return to, d.welcome()
}

// renew does nothing: an attempt repeats the bytes of the one before.
func (d *tessDelivery) renew() {}

// attempted counts what has ended (clause DLV-027).
func (d *tessDelivery) attempted(_ answer, s state) {
	d.platform.mu.Lock()
	defer d.platform.mu.Unlock()
	switch {
	case s == succeeded && d.platform.fault != successUncounted:
		d.hook.successes++
	case s == failed:
		d.hook.failures++
	}
}
