package conformance

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// tessSendingSpecs test what can be said of Tess's deliveries: clauses DLV-023 to DLV-027 and EVT-011.
var tessSendingSpecs = []Spec{
	{Clause: "DLV-023", Name: "delivers by POST to the URL as it was given", Roles: senders, run: deliversBy(http.MethodPost)},
	{Clause: "DLV-023", Name: "delivers by GET to the URL as it was given", Roles: senders, run: deliversBy(http.MethodGet)},
	{Clause: "DLV-024", Name: "signs nothing", Roles: senders, run: onTess(tessAPI.signsNothing)},
	{Clause: "DLV-025", Name: "sends nothing to an inactive webhook", Roles: senders, run: onTess(tessAPI.sparesInactive)},
	{Clause: "DLV-026", Name: "sends nothing to a deleted webhook", Roles: senders, run: onTess(tessAPI.sparesDeleted)},
	{Clause: "DLV-027", Name: "counts what was delivered", Roles: senders, run: onTess(tessAPI.countsSuccess)},
	{Clause: "EVT-011", Name: "sends the agent's answer", Roles: senders, run: onTess(tessAPI.sendsResponse)},
}

// deliversBy makes a webhook whose URL holds what senders are apt to write anew.
func deliversBy(method string) func(context.Context, *probe) {
	return func(ctx context.Context, p *probe) {
		t := tessAPI{p}
		path := p.name("/hooks/")
		e := p.sending.sink.watchPath(path, &ok, nil)
		id, _ := t.make(ctx, tessBody(p.sending.base+path+"?key=a%2Fb%20c&empty=", method))
		defer t.drop(ctx, id)
		p.trigger(ctx, p.workType(), nil)
		if !p.arrives(ctx, e, 1, p.cfg.Patience) {
			p.fail("a delivery to the webhook's URL", "nothing within %s of the trigger", p.cfg.Patience)
		}
		a := e.seen()[0]
		p.received(a, http.StatusOK)
		p.same("method", method, a.method)
		p.same("path and query", path+"?key=a%2Fb%20c&empty=", a.path)
	}
}

func (t tessAPI) signsNothing(ctx context.Context) {
	a := t.delivered(ctx, t.workType(), nil)
	for name := range a.header {
		if strings.Contains(strings.ToLower(name), "signature") {
			t.fail("no signature", "a header %s", name)
		}
	}
}

// spared makes a webhook that should get nothing beside the session's own, and sees whether an event comes to that alone.
func (t tessAPI) spared(ctx context.Context, why string, body map[string]any, spoil func(id int64)) {
	path := t.name("/hooks/")
	trap := t.sending.sink.watchPath(path, &ok, nil)
	body["url"] = t.sending.base + path
	id, _ := t.make(ctx, body)
	spoil(id)
	t.delivered(ctx, t.workType(), nil)
	t.settle(ctx, trap, 0)
	if n := len(trap.seen()); n > 0 {
		t.fail("nothing: the webhook is "+why, "%d deliveries", n)
	}
}

func (t tessAPI) sparesInactive(ctx context.Context) {
	made := int64(0)
	body := map[string]any{"method": http.MethodPost, "status": "inactive"}
	defer func() { t.drop(ctx, made) }()
	t.spared(ctx, "inactive", body, func(id int64) { made = id })
}

func (t tessAPI) sparesDeleted(ctx context.Context) {
	t.spared(ctx, "deleted", map[string]any{"method": http.MethodPost}, func(id int64) {
		if a := t.drop(ctx, id); !a.success() {
			t.cannotTell("the webhook cannot be deleted, which clause CFG-049 asks for: %s", a)
		}
	})
}

func (t tessAPI) countsSuccess(ctx context.Context) {
	t.delivered(ctx, t.workType(), nil)
	w, _ := t.webhooks.(*tessWebhooks) // the specs are Tess's
	deadline := time.Now().Add(t.cfg.Patience)
	for {
		shown := t.found(ctx, tessPath(t.cfg.Agent), w.id)
		if shown["success_count"] == 1.0 || time.Now().After(deadline) || ctx.Err() != nil {
			t.same("success_count", any(1.0), shown["success_count"])
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (t tessAPI) sendsResponse(ctx context.Context) {
	a := t.delivered(ctx, t.workType(), nil)
	fields, isObject := objectOf(a.body)
	if !isObject {
		t.fail("one JSON object", "%s", showBody(t.redact, a.body))
	}
	t.has(fields, "the body", "id", "status", "input", "output", "credits", "root_id", "created_at", "updated_at", "template_id")
	t.same("template_id", t.cfg.Agent, string(marshal(fields["template_id"])))
}
