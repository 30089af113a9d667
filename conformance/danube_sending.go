package conformance

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/darihook/darihook/contract"
)

// danubeSendingSpecs test what only Danube promises of a delivery: clauses DLV-016 to DLV-022 and EVT-007 to EVT-010.
var danubeSendingSpecs = []Spec{
	{Clause: "DLV-016", Name: "takes an answer that is not 2xx for a failure", Roles: senders, run: onDanube(danubeAPI.failsOthers)},
	{Clause: "DLV-016", Name: "waits 10 seconds for an answer and no longer", Roles: senders, run: onDanube(danubeAPI.waitsForAnswer)},
	{Clause: "DLV-017", Name: "attempts a delivery at most 3 times", Roles: senders, run: onDanube(danubeAPI.limitsAttempts)},
	{Clause: "DLV-018", Name: "repeats the body on every attempt", Roles: senders, run: onDanube(danubeAPI.repeatsBody)},
	{Clause: "DLV-019", Name: "records a delivery that succeeded", Roles: senders, run: onDanube(danubeAPI.recordsSuccess)},
	{Clause: "DLV-019", Name: "records a delivery that is due again, and then failed", Roles: senders, run: onDanube(danubeAPI.recordsFailure)},
	{Clause: "DLV-020", Name: "lists deliveries newest first, as many as it is asked for", Roles: senders, run: onDanube(danubeAPI.listsNewestFirst)},
	{Clause: "DLV-021", Name: "records a short answer whole", Roles: senders, run: onDanube(danubeAPI.keepsAnswer)},
	{Clause: "DLV-021", Name: "cuts a long answer", Roles: senders, run: onDanube(danubeAPI.cutsAnswer)},
	{Clause: "DLV-022", Name: "sends nothing to a webhook that is switched off", Roles: senders, run: onDanube(danubeAPI.sparesInactive)},
	{Clause: "EVT-007", Name: "sends one object with event, timestamp and data, and no id", Roles: senders, run: onDanube(danubeAPI.sendsEnvelope)},
	{Clause: "EVT-008", Name: "writes the time with microseconds", Roles: senders, run: onDanube(danubeAPI.writesMicroseconds)},
	{Clause: "EVT-009", Name: "sends the types that it was asked for", Roles: senders, run: onDanube(danubeAPI.sendsKnownTypes)},
	{Clause: "EVT-010", Name: "says what a tool's run came to", Roles: senders, run: onDanube(danubeAPI.describesRuns)},
}

const (
	// danubeAttempts is how often a delivery is attempted at most (clause DLV-017).
	danubeAttempts = 3
	// danubeAnswer is how many characters of an answer are recorded (clause DLV-021).
	danubeAnswer = 2000
)

var danubeTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:?\d\d)?$`)

func (d danubeAPI) failsOthers(ctx context.Context) {
	for _, status := range []int{http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusInternalServerError} {
		e := d.endpoint(ctx, ok, reply{status: status})
		d.trigger(ctx, d.workType(), nil)
		d.first(ctx, e)
		if !d.retried(ctx, e, 2) {
			d.fail("another attempt: the first was answered with "+strconv.Itoa(status), "none within %s of the sender's time", horizon())
		}
	}
}

// waitsForAnswer looks when the sender gives an attempt up that gets no answer. The sender's clock begins to run some time
// before the attempt arrives.
func (d danubeAPI) waitsForAnswer(ctx context.Context) {
	e, _, waited := d.abandoned(ctx)
	if waited < d.cfg.AttemptTimeout*3/4 {
		d.fail("an attempt may take "+d.cfg.AttemptTimeout.String(), "it was given up after %s", waited.Round(time.Millisecond))
	}
	d.finish(ctx, e)
}

func (d danubeAPI) limitsAttempts(ctx context.Context) {
	e := d.endpoint(ctx, broken)
	d.trigger(ctx, d.workType(), nil)
	d.first(ctx, e)
	if n := d.exhaust(ctx, e); n > danubeAttempts {
		d.fail("at most "+strconv.Itoa(danubeAttempts)+" attempts", "%d", n)
	}
}

func (d danubeAPI) repeatsBody(ctx context.Context) {
	a, b := d.twice(ctx, broken)
	d.same("body of the second attempt", string(a.body), string(b.body))
}

// deliveries reads what is recorded of the session's webhook.
func (d danubeAPI) deliveries(ctx context.Context, limit int) []map[string]any {
	a := d.call(ctx, http.MethodGet, d.at(d.webhookID())+"/deliveries?limit="+strconv.Itoa(limit), nil)
	all, isArray := arrayOf(a.body)
	if !a.success() || !isArray {
		d.fail("2xx and an array of deliveries", "%s", a)
	}
	return all
}

// webhookID is the id of the session's webhook.
func (d danubeAPI) webhookID() string {
	w, _ := d.webhooks.(*danubeWebhooks) // the specs are Danube's
	return w.id
}

// newest waits until the newest delivery is as it should be, and returns it as it was in the end.
func (d danubeAPI) newest(ctx context.Context, right func(map[string]any) bool) map[string]any {
	deadline := time.Now().Add(d.cfg.Patience)
	for {
		var newest map[string]any
		if all := d.deliveries(ctx, 1); len(all) > 0 {
			newest = all[0]
		}
		if newest != nil && right(newest) || time.Now().After(deadline) || ctx.Err() != nil {
			return newest
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// recorded waits until the newest delivery has a status, and fails where it does not come to it or lacks a field.
func (d danubeAPI) recorded(ctx context.Context, a *arrival, status string) map[string]any {
	r := d.newest(ctx, func(r map[string]any) bool { return r["status"] == status && d.isOf(r, a) })
	if r == nil {
		d.fail("a delivery in the list", "there is none")
	}
	d.has(r, "a delivery of the list", "id", "webhook_id", "event_type", "payload", "status", "response_status",
		"response_body", "attempts", "delivered_at", "created_at")
	d.same("status", any(status), r["status"])
	d.same("webhook_id", any(d.webhookID()), r["webhook_id"])
	d.same("event_type", any(d.workType()), r["event_type"])
	d.same("payload", any(d.object(a)), r["payload"])
	return r
}

// isOf reports whether a record has the payload of an attempt.
func (d danubeAPI) isOf(record map[string]any, a *arrival) bool {
	return cmp.Equal(record["payload"], any(d.object(a)))
}

func (d danubeAPI) recordsSuccess(ctx context.Context) {
	r := d.recorded(ctx, d.delivered(ctx, d.workType(), nil), "success")
	d.same("response_status", any(float64(http.StatusOK)), r["response_status"])
	d.same("attempts", any(float64(1)), r["attempts"])
	for _, name := range []string{"id", "delivered_at", "created_at"} {
		if text, _ := r[name].(string); text == "" {
			d.fail(name+" as a text", "%v", r[name])
		}
	}
}

func (d danubeAPI) recordsFailure(ctx context.Context) {
	e := d.endpoint(ctx, broken)
	d.trigger(ctx, d.workType(), nil)
	a := d.first(ctx, e)
	r := d.recorded(ctx, a, "pending")
	d.same("delivered_at of a delivery that is due again", nil, r["delivered_at"])
	n := d.exhaust(ctx, e)
	if n >= 64 {
		d.cannotTell("attempts do not end, which clause DLV-017 asks for")
	}
	r = d.recorded(ctx, a, "failed")
	d.same("response_status", any(float64(broken.status)), r["response_status"])
	d.same("attempts", any(float64(n)), r["attempts"])
	d.same("delivered_at of a delivery that failed", nil, r["delivered_at"])
}

// listsNewestFirst lets three events be delivered one after the other.
func (d danubeAPI) listsNewestFirst(ctx context.Context) {
	e := d.endpoint(ctx, ok)
	for n := range 3 {
		d.trigger(ctx, d.workType(), nil)
		if !d.arrives(ctx, e, n+1, d.cfg.Patience) {
			d.cannotTell("nothing was delivered within %s of the trigger, which clause DLV-001 asks for", d.cfg.Patience)
		}
	}
	d.newest(ctx, func(r map[string]any) bool { return d.isOf(r, e.seen()[2]) })
	all := d.deliveries(ctx, 2)
	d.same("deliveries with limit=2", 2, len(all))
	for i, r := range all {
		if !d.isOf(r, e.seen()[2-i]) {
			d.fail("the deliveries from the newest on", "another one in place %d", i+1)
		}
	}
}

// answered lets a delivery be answered with a text, and returns what is recorded of it.
func (d danubeAPI) answered(ctx context.Context, text string) any {
	e := d.endpoint(ctx, reply{status: http.StatusOK, body: text, header: http.Header{"Content-Type": {"text/plain"}}})
	d.trigger(ctx, d.workType(), nil)
	a := d.first(ctx, e)
	r := d.newest(ctx, func(r map[string]any) bool { return r["response_status"] != nil && d.isOf(r, a) })
	return r["response_body"]
}

func (d danubeAPI) keepsAnswer(ctx context.Context) {
	d.same("response_body", any("received"), d.answered(ctx, "received"))
}

func (d danubeAPI) cutsAnswer(ctx context.Context) {
	text := strings.Repeat("received. ", danubeAnswer/5)
	kept, isText := d.answered(ctx, text).(string)
	switch {
	case !isText, len(kept) > danubeAnswer:
		d.fail("the first 2000 characters of the answer", "%d characters of %d", len(kept), len(text))
	case kept != text[:danubeAnswer]:
		d.fail("the first 2000 characters of the answer", "%d characters, and others", len(kept))
	}
}

// sparesInactive switches the webhook off, and then on again to see that events come at all.
func (d danubeAPI) sparesInactive(ctx context.Context) {
	e := d.endpoint(ctx, ok)
	d.made(d.patch(ctx, d.webhookID(), map[string]any{"is_active": false}), "switching a webhook off")
	d.trigger(ctx, d.workType(), nil)
	d.settle(ctx, e, 0)
	if n := len(e.seen()); n > 0 {
		d.fail("nothing: the webhook is switched off", "%d deliveries", n)
	}
	d.made(d.patch(ctx, d.webhookID(), map[string]any{"is_active": true}), "switching a webhook on")
	d.trigger(ctx, d.workType(), nil)
	d.first(ctx, e)
}

func (d danubeAPI) sendsEnvelope(ctx context.Context) {
	a := d.delivered(ctx, d.workType(), nil)
	fields, isObject := objectOf(a.body)
	if !isObject {
		d.fail("one JSON object", "%s", showBody(d.redact, a.body))
	}
	for _, name := range []string{"event", "timestamp"} {
		if text, _ := fields[name].(string); text == "" {
			d.fail(name+" as a text", "%s", showBody(d.redact, a.body))
		}
	}
	if _, isObject := fields["data"].(map[string]any); !isObject {
		d.fail("data as an object", "%s", showBody(d.redact, a.body))
	}
	if id, given := fields["id"]; given {
		d.fail("no id", "id: %v", id)
	}
}

func (d danubeAPI) writesMicroseconds(ctx context.Context) {
	text, isText := d.object(d.delivered(ctx, d.workType(), nil))[d.provider.Envelope.Time].(string)
	if !isText {
		d.cannotTell("timestamp is no text, which clause EVT-007 asks for")
	}
	if !danubeTime.MatchString(text) {
		d.fail("a time such as 2026-01-02T03:04:05.678901Z", "%q", text)
	}
}

func (d danubeAPI) sendsKnownTypes(ctx context.Context) {
	for _, kind := range d.allTypes() {
		d.same("event", any(kind), d.object(d.delivered(ctx, kind, nil))[d.provider.Envelope.Type])
	}
}

func (d danubeAPI) describesRuns(ctx context.Context) {
	for _, kind := range []string{contract.ToolExecutionCompleted, contract.ToolExecutionFailed} {
		e, _ := d.provider.EventFor(kind)
		data, isObject := d.object(d.delivered(ctx, kind, nil))["data"].(map[string]any)
		if !isObject {
			d.cannotTell("data is no object, which clause EVT-007 asks for")
		}
		d.has(data, "data of "+kind, e.Required...)
	}
}
