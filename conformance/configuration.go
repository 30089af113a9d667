package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
)

// configurationSpecs test the clauses of the configuration API but those on URLs, and RES-003 and RES-004.
var configurationSpecs = []Spec{
	{Clause: "CFG-001", Name: "reads a webhook, and never its secret", Roles: configs, run: readsWebhook},
	{Clause: "CFG-002", Name: "creates a webhook and shows its secret", Roles: configs, run: createsWebhook},
	{Clause: "CFG-002", Name: "keeps the event types that it was given", Roles: configs, run: keepsTypes},
	{Clause: "CFG-003", Name: "updates a webhook without showing a secret", Roles: configs, run: updatesWebhook},
	{Clause: "CFG-004", Name: "deletes a webhook, and again", Roles: configs, run: deletesWebhook},
	{Clause: "CFG-005", Name: "makes a new secret after a deletion", Roles: configs, run: forgetsSecret},
	{Clause: "CFG-006", Name: "rotates the secret", Roles: configs, run: rotatesSecret},
	{Clause: "CFG-007", Name: "refuses to rotate nothing", Roles: configs, run: refusesRotatingNothing},
	{Clause: "CFG-008", Name: "subscribes to tool calls by default", Roles: configs, run: subscribesByDefault},
	{Clause: "CFG-009", Name: "refuses an unknown event type", Roles: configs, run: refusesUnknownType},
	{Clause: "CFG-014", Name: "answers errors with a detail", Roles: configs, run: answersDetail},
	{Clause: "CFG-015", Name: "refuses unknown fields", Roles: configs, run: refusesUnknownFields},
	{Clause: "CFG-016", Name: "refuses a missing or wrong key", Roles: configs, run: refusesKeys},
	{Clause: "CFG-017", Name: "does not know an agent that does not exist", Roles: configs, run: refusesUnknownAgent},
	{Clause: "CFG-018", Name: "keeps the webhooks of two agents apart", Roles: configs, run: isolatesAgents},
	{Clause: "CFG-019", Name: "lists agents", Roles: configs, run: listsAgents},
	{Clause: "CFG-020", Name: "says which field is wrong", Roles: configs, run: namesFields},
	{Clause: "CFG-021", Name: "refuses a webhook without a URL", Roles: configs, run: requiresURL},
	{Clause: "RES-003", Name: "takes a tool's result with 202", Roles: configs, run: takesResult},
	{Clause: "RES-004", Name: "refuses a second result with 409", Roles: configs, run: refusesSecondResult},
}

// hookAt is the least body of a PUT.
func hookAt(url string) map[string]any { return map[string]any{"webhook_url": url} }

// complete fails when an answer lacks one of the keys that every answer has.
func (p *probe) complete(w webhookState, what string) {
	for _, key := range []string{"webhook_url", "signing_enabled", "event_types", "signing_secret"} {
		if _, ok := w.keys[key]; !ok {
			p.fail(key+" in the answer to "+what, "no such field")
		}
	}
}

func readsWebhook(ctx context.Context, p *probe) {
	p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL))
	w := p.read(p.call(ctx, http.MethodGet, webhookPath(p.cfg.Agent), nil), "GET")
	p.complete(w, "GET")
	p.same("webhook_url", p.cfg.WebhookURL, w.url())
	p.same("signing_enabled", "true", string(w.keys["signing_enabled"]))
	p.same("signing_secret shown", false, w.SigningSecret != nil)
}

func createsWebhook(ctx context.Context, p *probe) {
	p.clear(ctx, p.cfg.Agent)
	w := p.read(p.call(ctx, http.MethodPut, webhookPath(p.cfg.Agent), hookAt(p.cfg.WebhookURL)), "the first PUT")
	for _, key := range []string{"webhook_url", "signing_enabled", "signing_secret"} {
		if _, ok := w.keys[key]; !ok {
			p.fail(key+" in the answer to the first PUT", "no such field")
		}
	}
	p.same("webhook_url", p.cfg.WebhookURL, w.url())
	if !strings.HasPrefix(w.secret(), contract.SecretPrefix) || w.secret() == contract.SecretPrefix {
		p.fail("signing_secret: whsec_…", "signing_secret is absent or of another form")
	}
}

// keepsTypes subscribes to types that are not the default ones, as a first PUT and as an update.
func keepsTypes(ctx context.Context, p *probe) {
	p.clear(ctx, p.cfg.Agent)
	for _, types := range [][]string{{contract.SessionCompleted, contract.BatchFailed}, {contract.SessionFailed}} {
		body := hookAt(p.cfg.WebhookURL)
		body["event_types"] = types
		p.put(ctx, p.cfg.Agent, body)
		p.same("event_types in a later GET", slices.Sorted(slices.Values(types)), slices.Sorted(slices.Values(p.get(ctx, p.cfg.Agent).EventTypes)))
	}
}

func updatesWebhook(ctx context.Context, p *probe) {
	p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL))
	second := p.cfg.WebhookURL + "/second"
	w := p.read(p.call(ctx, http.MethodPut, webhookPath(p.cfg.Agent), hookAt(second)), "an update")
	p.same("webhook_url", second, w.url())
	p.same("signing_secret shown", false, w.SigningSecret != nil)
	p.same("webhook_url in a later GET", second, p.get(ctx, p.cfg.Agent).url())
}

func deletesWebhook(ctx context.Context, p *probe) {
	p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL))
	for _, what := range []string{"DELETE", "DELETE of nothing"} {
		w := p.read(p.call(ctx, http.MethodDelete, webhookPath(p.cfg.Agent), nil), what)
		got := []string{string(w.keys["webhook_url"]), string(w.keys["signing_enabled"]), string(w.keys["signing_secret"])}
		p.same("webhook_url, signing_enabled and signing_secret after "+what, []string{"null", "false", "null"}, got)
	}
	p.same("webhook_url in a later GET", "", p.get(ctx, p.cfg.Agent).url())
}

// fresh clears the agent's webhook and sets it again, and returns the secret that was shown.
func (p *probe) fresh(ctx context.Context) string {
	p.clear(ctx, p.cfg.Agent)
	secret := p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL)).secret()
	if secret == "" {
		p.cannotTell("the first PUT shows no secret, which clause CFG-002 asks for")
	}
	return secret
}

func forgetsSecret(ctx context.Context, p *probe) {
	first := p.fresh(ctx)
	p.clear(ctx, p.cfg.Agent)
	w := p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL))
	if w.secret() == "" {
		p.fail("a new secret is shown after DELETE", "no secret is shown")
	}
	if w.secret() == first {
		p.fail("another secret after DELETE", "the same secret")
	}
}

func rotatesSecret(ctx context.Context, p *probe) {
	last := p.fresh(ctx)
	for range 2 {
		w := p.read(p.call(ctx, http.MethodPost, webhookPath(p.cfg.Agent)+"/rotate-secret", nil), "rotate-secret")
		for _, key := range []string{"webhook_url", "signing_enabled", "signing_secret"} {
			if _, ok := w.keys[key]; !ok {
				p.fail(key+" in the answer to rotate-secret", "no such field")
			}
		}
		if !strings.HasPrefix(w.secret(), contract.SecretPrefix) {
			p.fail("signing_secret: whsec_…", "signing_secret is absent or of another form")
		}
		p.same("webhook_url after rotate-secret", p.cfg.WebhookURL, w.url())
		if w.secret() == last {
			p.fail("another secret after rotate-secret", "the same secret")
		}
		last = w.secret()
	}
}

func refusesRotatingNothing(ctx context.Context, p *probe) {
	p.clear(ctx, p.cfg.Agent)
	a := p.call(ctx, http.MethodPost, webhookPath(p.cfg.Agent)+"/rotate-secret", nil)
	if a.status != http.StatusConflict && a.status != http.StatusNotFound {
		p.fail("409 or 404: there is no webhook", "%s", a)
	}
}

func subscribesByDefault(ctx context.Context, p *probe) {
	p.clear(ctx, p.cfg.Agent)
	w := p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL))
	p.same("event_types", []string{contract.ToolCallRequested}, w.EventTypes)
	p.same("event_types in a later GET", []string{contract.ToolCallRequested}, p.get(ctx, p.cfg.Agent).EventTypes)
}

func refusesUnknownType(ctx context.Context, p *probe) {
	body := hookAt(p.cfg.WebhookURL)
	body["event_types"] = []string{contract.ToolCallRequested, "no.such_type"}
	p.unprocessable(ctx, body, "no.such_type is no event type")
}

// unprocessable sends a PUT that must be answered with 422 and change nothing.
func (p *probe) unprocessable(ctx context.Context, body map[string]any, why string) {
	p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL+"/kept"))
	a := p.call(ctx, http.MethodPut, webhookPath(p.cfg.Agent), body)
	if a.status != http.StatusUnprocessableEntity {
		p.fail("422: "+why, "%s", a)
	}
	p.same("webhook_url after the refusal", p.cfg.WebhookURL+"/kept", p.get(ctx, p.cfg.Agent).url())
}

// errorsOf makes the API answer with errors of several kinds.
func (p *probe) errorsOf(ctx context.Context) []answer {
	odd := hookAt(p.cfg.WebhookURL)
	odd["no_such_field"] = true
	path := webhookPath(p.cfg.Agent)
	return []answer{
		p.call(ctx, http.MethodPut, path, map[string]any{}),
		p.call(ctx, http.MethodPut, path, odd),
		p.call(ctx, http.MethodPut, path, hookAt("http://127.0.0.1/")),
		p.call(ctx, http.MethodGet, webhookPath(p.name("agt_")), nil),
		p.callWith(ctx, bearer("Bearer wrong"), http.MethodGet, path, nil),
	}
}

// detail is the error's detail as a text or a list.
func detail(a answer) (text string, items []map[string]any, ok bool) {
	var e struct {
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(a.body, &e) != nil || len(e.Detail) == 0 {
		return "", nil, false
	}
	if json.Unmarshal(e.Detail, &text) == nil {
		return text, nil, text != ""
	}
	return "", items, json.Unmarshal(e.Detail, &items) == nil
}

func answersDetail(ctx context.Context, p *probe) {
	for _, a := range p.errorsOf(ctx) {
		if !a.refusal() {
			continue
		}
		_, items, ok := detail(a)
		if !ok || items != nil && a.status != http.StatusUnprocessableEntity {
			p.fail(`{"detail": text}, or with 422 {"detail": [object…]}`, "%s", a)
		}
	}
}

func namesFields(ctx context.Context, p *probe) {
	seen := false
	for _, a := range p.errorsOf(ctx) {
		if a.status != http.StatusUnprocessableEntity {
			continue
		}
		_, items, ok := detail(a)
		if items == nil && ok {
			continue // a text is as good, where the value and not the form is wrong (clause CFG-014)
		}
		seen = true
		for _, item := range items {
			for _, key := range []string{"loc", "msg", "type"} {
				if item[key] == nil {
					p.fail("loc, msg and type in each item", "no %s in %s", key, a)
				}
			}
		}
	}
	if !seen {
		p.cannotTell("no error came with a list")
	}
}

func refusesUnknownFields(ctx context.Context, p *probe) {
	body := hookAt(p.cfg.WebhookURL)
	body["no_such_field"] = "x"
	p.unprocessable(ctx, body, "no_such_field is no field")
}

func refusesKeys(ctx context.Context, p *probe) {
	for _, odd := range []struct{ why, key string }{
		{"no key", ""}, {"another key", "Bearer " + p.name("key_")}, {"an empty key", "Bearer "}, {"another scheme", "Basic " + p.name("")},
	} {
		a := p.callWith(ctx, bearer(odd.key), http.MethodGet, webhookPath(p.cfg.Agent), nil)
		p.same("status for "+odd.why, http.StatusUnauthorized, a.status)
	}
}

func refusesUnknownAgent(ctx context.Context, p *probe) {
	path := webhookPath(p.name("agt_"))
	p.same("status of GET", http.StatusNotFound, p.call(ctx, http.MethodGet, path, nil).status)
	p.same("status of PUT", http.StatusNotFound, p.call(ctx, http.MethodPut, path, hookAt(p.cfg.WebhookURL)).status)
}

// agents lists the agents' ids and names.
func (p *probe) agents(ctx context.Context) ([]map[string]any, answer) {
	a := p.call(ctx, http.MethodGet, "/v1/agents", nil)
	var list struct {
		Agents []map[string]any `json:"agents"`
	}
	if !a.success() || json.Unmarshal(a.body, &list) != nil {
		return nil, a
	}
	return list.Agents, a
}

func listsAgents(ctx context.Context, p *probe) {
	list, a := p.agents(ctx)
	if i := slices.IndexFunc(list, func(agent map[string]any) bool { return agent["id"] == p.cfg.Agent }); i < 0 {
		p.fail(fmt.Sprintf(`{"agents":[…{"id":%q}…]}`, p.cfg.Agent), "%s", a)
	}
	for _, agent := range list {
		if _, ok := agent["name"].(string); !ok {
			p.fail("every agent has a name", "%v has none", agent["id"])
		}
	}
}

// otherAgent is the second agent: the one that was named, or one that has no webhook yet.
func (p *probe) otherAgent(ctx context.Context) string {
	if p.cfg.OtherAgent != "" {
		return p.cfg.OtherAgent
	}
	list, _ := p.agents(ctx)
	for _, agent := range list {
		id, _ := agent["id"].(string)
		if id != "" && id != p.cfg.Agent && p.get(ctx, id).url() == "" {
			return id
		}
	}
	p.skip(CauseInput, "--other-agent was not given, and the API lists no second agent without a webhook")
	return ""
}

func isolatesAgents(ctx context.Context, p *probe) {
	other := p.otherAgent(ctx)
	p.clear(ctx, p.cfg.Agent)
	p.clear(ctx, other)
	defer p.clear(ctx, other)
	first := p.put(ctx, p.cfg.Agent, hookAt(p.cfg.WebhookURL+"/a"))
	body := hookAt(p.cfg.WebhookURL + "/b")
	body["event_types"] = []string{contract.SessionCompleted}
	second := p.put(ctx, other, body)
	if first.secret() != "" && first.secret() == second.secret() {
		p.fail("each agent has a secret of its own", "both have the same")
	}
	p.same("webhook_url of the first agent", p.cfg.WebhookURL+"/a", p.get(ctx, p.cfg.Agent).url())
	p.same("webhook_url of the second agent", p.cfg.WebhookURL+"/b", p.get(ctx, other).url())
	p.clear(ctx, other)
	p.same("webhook_url of the first agent after the second's deletion", p.cfg.WebhookURL+"/a", p.get(ctx, p.cfg.Agent).url())
}

func requiresURL(ctx context.Context, p *probe) {
	p.unprocessable(ctx, map[string]any{}, "webhook_url is absent")
	p.unprocessable(ctx, map[string]any{"event_types": []string{contract.ToolCallRequested}}, "webhook_url is absent")
	p.unprocessable(ctx, map[string]any{"webhook_url": nil}, "webhook_url is null")
}

// openCall makes the platform ask for a tool, so that a result is due. Without a trigger the suite tries the one that
// the mock platform has. The webhook is removed before, so that nothing is delivered.
func (p *probe) openCall(ctx context.Context) map[string]string {
	p.clear(ctx, p.cfg.Agent)
	ids := map[string]string{"session_id": p.name("sess_"), "message_id": p.name("msg_"), "tool_call_id": p.name("call_")}
	order := map[string]any{"agent_id": p.cfg.Agent, "type": contract.ToolCallRequested, "data": ids}
	if p.cfg.Trigger != "" && !strings.HasPrefix(p.cfg.Trigger, "http") {
		p.hook(ctx, p.cfg.Trigger, order)
		return ids
	}
	a := p.order(ctx, order)
	var told any
	if json.Unmarshal(a.body, &told) == nil {
		for name := range ids {
			ids[name] = find(told, name, ids[name])
		}
	}
	return ids
}

// order sends what a trigger gets to a URL.
func (p *probe) order(ctx context.Context, order map[string]any) answer {
	m := message{method: http.MethodPost, url: p.cfg.Trigger, header: http.Header{"Content-Type": {"application/json"}}, body: marshal(order)}
	if m.url == "" {
		m.url = strings.TrimSuffix(p.cfg.API, "/") + "/_mock/events"
	}
	a := p.send(ctx, m)
	switch {
	case a.success():
	case p.cfg.Trigger == "":
		p.skip(CauseInput, "--trigger was not given, so that no tool call is open to which a result could belong")
	default:
		p.cannotTell("the trigger answered %s", a)
	}
	return a
}

// find looks for a text under a name anywhere in a JSON value, and returns another where there is none.
func find(v any, name, otherwise string) string {
	switch v := v.(type) {
	case map[string]any:
		if text, ok := v[name].(string); ok && text != "" {
			return text
		}
		for _, inner := range v {
			if text := find(inner, name, ""); text != "" {
				return text
			}
		}
	case []any:
		for _, inner := range v {
			if text := find(inner, name, ""); text != "" {
				return text
			}
		}
	}
	return otherwise
}

// submit posts the result of a tool call.
func (p *probe) submit(ctx context.Context, ids map[string]string) answer {
	return p.call(ctx, http.MethodPost, "/v1/sessions/"+ids["session_id"]+"/events", map[string]any{
		"type": "tool.result_submitted", "message_id": ids["message_id"], "tool_call_id": ids["tool_call_id"],
		"is_error": false, "result": map[string]any{"degrees": 21},
	})
}

func takesResult(ctx context.Context, p *probe) {
	a := p.submit(ctx, p.openCall(ctx))
	if a.status == http.StatusNotFound {
		p.cannotTell("the API does not know the session of the tool call that was triggered: %s", a)
	}
	p.same("status for a result", http.StatusAccepted, a.status)
}

func refusesSecondResult(ctx context.Context, p *probe) {
	ids := p.openCall(ctx)
	if a := p.submit(ctx, ids); !a.success() {
		p.cannotTell("the first result was not taken: %s", a)
	}
	p.same("status for a second result", http.StatusConflict, p.submit(ctx, ids).status)
}
