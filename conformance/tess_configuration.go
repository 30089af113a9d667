package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/darihook/darihook/contract"
)

// tessConfigurationSpecs test clauses CFG-037 to CFG-055 on Tess's API.
var tessConfigurationSpecs = []Spec{
	{Clause: "CFG-037", Name: "makes a webhook as it was asked to", Roles: configs, run: onTess(tessAPI.makes)},
	{Clause: "CFG-038", Name: "gives ids that are integers", Roles: configs, run: onTess(tessAPI.numbers)},
	{Clause: "CFG-039", Name: "shows no secret", Roles: configs, run: onTess(tessAPI.hasNoSecret)},
	{Clause: "CFG-040", Name: "takes both methods", Roles: configs, run: onTess(tessAPI.takesMethods)},
	{Clause: "CFG-040", Name: "refuses another method", Roles: configs, run: onTess(tessAPI.refusesMethod)},
	{Clause: "CFG-041", Name: "takes both statuses", Roles: configs, run: onTess(tessAPI.takesStatuses)},
	{Clause: "CFG-041", Name: "refuses another status", Roles: configs, run: onTess(tessAPI.refusesStatus)},
	{Clause: "CFG-042", Name: "makes an active webhook unless it is told otherwise", Roles: configs, run: onTess(tessAPI.makesActive)},
	{Clause: "CFG-043", Name: "refuses plain HTTP", Roles: configs, run: onTess(tessAPI.refusesPlainHTTP)},
	{Clause: "CFG-044", Name: "requires url and method", Roles: configs, run: onTess(tessAPI.requires)},
	{Clause: "CFG-045", Name: "pages an agent's webhooks", Roles: configs, run: onTess(tessAPI.pages)},
	{Clause: "CFG-046", Name: "pages as it is asked to", Roles: configs, run: onTess(tessAPI.pagesAsAsked)},
	{Clause: "CFG-047", Name: "counts deliveries in lists", Roles: configs, run: onTess(tessAPI.listsCounts)},
	{Clause: "CFG-048", Name: "lists the webhooks of all agents", Roles: configs, run: onTess(tessAPI.listsAll)},
	{Clause: "CFG-049", Name: "marks or forgets a deleted webhook", Roles: configs, run: onTess(tessAPI.deletes)},
	{Clause: "CFG-050", Name: "refuses a missing or wrong key with 403", Roles: configs, run: onTess(tessAPI.refusesKeys)},
	{Clause: "CFG-051", Name: "answers errors with error", Roles: configs, run: onTess(tessAPI.saysError)},
	{Clause: "CFG-052", Name: "says which field is wrong", Roles: configs, run: onTess(tessAPI.namesFields)},
	{Clause: "CFG-053", Name: "limits calls and says for how long", Roles: configs, alone: true, needs: limited, run: onTess(tessAPI.limits)},
	{Clause: "CFG-054", Name: "does not know an agent or webhook that does not exist", Roles: configs, run: onTess(tessAPI.refusesUnknown)},
	{Clause: "CFG-055", Name: "serves calls with a workspace and calls without", Roles: configs, needs: workspace, run: onTess(tessAPI.servesWorkspace)},
}

func workspace(s *session) skip {
	return applies(s.cfg.Workspace != "", "no workspace is known; --workspace names the key's")
}

func limited(s *session) skip {
	return applies(s.cfg.RateLimit > 0, "the API limits no calls; --rate-limit tells otherwise")
}

func (t tessAPI) makes(ctx context.Context) {
	body := tessBody(t.cfg.WebhookURL, http.MethodPost)
	body["status"] = "active"
	a := t.post(ctx, body)
	if a.status != http.StatusCreated {
		t.refused(a, "POST is answered with 201", t.undo(ctx))
		t.fail("201 for POST", "%s", a)
	}
	w := t.shown(a, "POST")
	defer t.undo(ctx)(w)
	t.has(w, "the answer to POST", "template_id", "user_id", "url", "method", "status", "updated_at", "created_at", "id")
	for name, want := range body {
		t.same(name, want, w[name])
	}
}

func (t tessAPI) numbers(ctx context.Context) {
	w := t.made(t.post(ctx, tessBody(t.cfg.WebhookURL, http.MethodPost)), "making a webhook")
	defer t.undo(ctx)(w)
	for _, name := range []string{"id", "template_id", "user_id"} {
		if !integer(w[name]) {
			t.fail(name+" as an integer", "%s", marshal(w[name]))
		}
	}
	t.same("template_id", t.cfg.Agent, string(marshal(w["template_id"])))
}

func (t tessAPI) hasNoSecret(ctx context.Context) {
	id, made := t.make(ctx, tessBody(t.cfg.WebhookURL, http.MethodPost))
	defer t.drop(ctx, id)
	for what, w := range map[string]map[string]any{
		"the answer to POST": made, "the agent's list": t.found(ctx, tessPath(t.cfg.Agent), id), "the list of all": t.found(ctx, "/webhooks", id),
	} {
		for name := range w {
			if strings.Contains(strings.ToLower(name), "secret") {
				t.fail("no secret in "+what, "a field %s", name)
			}
		}
	}
}

// each makes a webhook for each of some values of a field, and looks whether it has it.
func (t tessAPI) each(ctx context.Context, name string, values ...string) {
	for _, value := range values {
		body := tessBody(t.cfg.WebhookURL, http.MethodPost)
		body[name] = value
		w := t.shown(t.post(ctx, body), "POST with the "+name+" "+value)
		t.undo(ctx)(w)
		t.same(name, any(value), w[name])
	}
}

// none asks for webhooks with values of a field that must be refused.
func (t tessAPI) none(ctx context.Context, name string, values ...any) {
	for _, value := range values {
		body := tessBody(t.cfg.WebhookURL, http.MethodPost)
		body[name] = value
		t.refused(t.post(ctx, body), name+": "+string(marshal(value)), t.undo(ctx))
	}
}

func (t tessAPI) takesMethods(ctx context.Context)  { t.each(ctx, "method", contract.Tess().Methods...) }
func (t tessAPI) refusesMethod(ctx context.Context) { t.none(ctx, "method", "PUT", "DELETE", "", 7) }
func (t tessAPI) takesStatuses(ctx context.Context) { t.each(ctx, "status", "active", "inactive") }
func (t tessAPI) refusesStatus(ctx context.Context) { t.none(ctx, "status", "paused", "", 7) }

func (t tessAPI) refusesPlainHTTP(ctx context.Context) {
	u := t.public()
	plain := strings.Replace(u.String(), u.Scheme, "http", 1)
	t.none(ctx, "url", plain, "ftp://"+u.Host+"/hooks", u.Host+"/hooks", "/hooks", "")
}

func (t tessAPI) makesActive(ctx context.Context) {
	id, w := t.make(ctx, tessBody(t.cfg.WebhookURL, http.MethodPost))
	defer t.drop(ctx, id)
	t.same("status", any("active"), w["status"])
}

func (t tessAPI) requires(ctx context.Context) {
	for why, body := range map[string]map[string]any{
		"url and method are absent": {}, "url is absent": {"method": http.MethodPost}, "method is absent": {"url": t.cfg.WebhookURL},
	} {
		t.refused(t.post(ctx, body), why, t.undo(ctx))
	}
}

func (t tessAPI) pages(ctx context.Context) {
	id := t.usual(ctx)
	defer t.drop(ctx, id)
	page := t.shown(t.call(ctx, http.MethodGet, tessPath(t.cfg.Agent), nil), "GET")
	t.has(page, "a page", "current_page", "data", "first_page_url", "from", "last_page", "last_page_url", "links",
		"next_page_url", "path", "per_page", "prev_page_url", "to", "total")
	for _, name := range []string{"current_page", "from", "last_page", "per_page", "to", "total"} {
		if !integer(page[name]) {
			t.fail(name+" as an integer", "%s", marshal(page[name]))
		}
	}
	t.same("current_page", any(1.0), page["current_page"])
	t.same("prev_page_url of the first page", nil, page["prev_page_url"])
	if _, isArray := objects(page["data"]); !isArray {
		t.fail("data: an array of objects", "%s", marshal(page["data"]))
	}
	links, isArray := objects(page["links"])
	if !isArray || len(links) == 0 {
		t.fail("links: an array of objects", "%s", marshal(page["links"]))
	}
	for _, link := range links {
		t.has(link, "each of the links", "url", "label", "active")
	}
}

// pagesAsAsked makes three webhooks and reads them two at a time.
func (t tessAPI) pagesAsAsked(ctx context.Context) {
	for range 3 {
		defer t.drop(ctx, t.usual(ctx))
	}
	path := tessPath(t.cfg.Agent)
	usual, _ := t.page(ctx, path, 1, 0)
	t.same("per_page where none is asked for", any(15.0), usual["per_page"])
	seen := map[int64]bool{}
	for n := 1; n <= 2; n++ {
		page, items := t.page(ctx, path, n, 2)
		t.same("per_page", any(2.0), page["per_page"])
		t.same("current_page", any(float64(n)), page["current_page"])
		if n == 1 {
			t.same("webhooks on a page of 2", 2, len(items))
		}
		for _, item := range items {
			if id := idIn(item); seen[id] {
				t.fail("other webhooks on each page", "the webhook %d on two", id)
			}
			seen[idIn(item)] = true
		}
	}
	if len(seen) < 3 {
		t.fail("three webhooks or more on two pages of 2", "%d", len(seen))
	}
}

func (t tessAPI) listsCounts(ctx context.Context) {
	id := t.usual(ctx)
	defer t.drop(ctx, id)
	w := t.found(ctx, tessPath(t.cfg.Agent), id)
	if w == nil {
		t.fail("the webhook in the agent's list", "it is not there")
	}
	t.has(w, "an item of the list", "id", "template_id", "user_id", "url", "method", "status", "created_at", "updated_at",
		"success_count", "failure_count", "deleted_at")
	t.same("success_count", any(0.0), w["success_count"])
	t.same("failure_count", any(0.0), w["failure_count"])
	t.same("deleted_at", nil, w["deleted_at"])
}

func (t tessAPI) listsAll(ctx context.Context) {
	made := map[string]int64{t.cfg.Agent: t.usual(ctx)}
	defer t.drop(ctx, made[t.cfg.Agent])
	if other := t.cfg.OtherAgent; other != "" {
		a := t.call(ctx, http.MethodPost, tessPath(other), tessBody(t.cfg.WebhookURL, http.MethodPost))
		made[other] = idIn(t.made(a, "making a webhook of --other-agent"))
		defer t.drop(ctx, made[other])
	}
	for agent, id := range made {
		if t.found(ctx, "/webhooks", id) == nil {
			t.fail("the webhook of the agent "+agent+" in the list of all", "it is not there")
		}
	}
}

func (t tessAPI) deletes(ctx context.Context) {
	id := t.usual(ctx)
	if a := t.drop(ctx, id); !a.success() {
		t.fail("2xx for DELETE", "%s", a)
	}
	for _, path := range []string{tessPath(t.cfg.Agent), "/webhooks"} {
		if w := t.found(ctx, path, id); w != nil && w["deleted_at"] == nil {
			t.fail("deleted_at, or no such webhook, after DELETE", "%s", marshal(w))
		}
	}
}

func (t tessAPI) refusesKeys(ctx context.Context) {
	for why, credentials := range map[string]http.Header{
		"no key": bearer(""), "another key": bearer("Bearer " + t.name("key_")), "an empty key": bearer("Bearer "),
		"another scheme": bearer("Basic " + t.name("")),
	} {
		a := t.callWith(ctx, credentials, http.MethodGet, tessPath(t.cfg.Agent), nil)
		t.same("status for "+why, http.StatusForbidden, a.status)
	}
}

// misfits makes calls that do not fit, each by the field that is wrong. What they should not have made is undone.
func (t tessAPI) misfits(ctx context.Context) map[string]answer {
	answers := map[string]answer{
		"url":    t.post(ctx, tessBody("http://127.0.0.1/", http.MethodPost)),
		"method": t.post(ctx, tessBody(t.cfg.WebhookURL, "PUT")),
	}
	for _, a := range answers {
		if made, isObject := objectOf(a.body); isObject && a.success() {
			t.undo(ctx)(made)
		}
	}
	return answers
}

func (t tessAPI) saysError(ctx context.Context) {
	answers := t.misfits(ctx)
	answers["key"] = t.callWith(ctx, bearer("Bearer wrong"), http.MethodGet, tessPath(t.cfg.Agent), nil)
	seen := false
	for _, a := range answers {
		if a.status < http.StatusBadRequest {
			continue // that it should be an error is another clause's matter
		}
		seen = true
		if fields, _ := objectOf(a.body); fields["error"] == nil {
			t.fail(`{"error": …}`, "%s", a)
		}
	}
	if !seen {
		t.cannotTell("nothing was answered with an error")
	}
}

func (t tessAPI) namesFields(ctx context.Context) {
	seen := false
	for field, a := range t.misfits(ctx) {
		if a.status < http.StatusBadRequest {
			continue // that it should be an error is another clause's matter
		}
		seen = true
		t.same("status", http.StatusBadRequest, a.status)
		var said struct {
			Messages map[string][]string `json:"messages"`
		}
		if err := json.Unmarshal(a.body, &said); err != nil || len(said.Messages[field]) == 0 {
			t.fail(`"messages": {"`+field+`": ["…"]}`, "%s", a)
		}
	}
	if !seen {
		t.cannotTell("nothing that does not fit was refused, which the clauses CFG-040 and CFG-043 ask for")
	}
}

// limits makes more calls than the limit allows.
func (t tessAPI) limits(ctx context.Context) {
	for range t.cfg.RateLimit + 1 {
		a := t.callOnce(ctx, bearer("Bearer "+t.cfg.APIKey), http.MethodGet, tessPath(t.cfg.Agent), nil)
		if a.status != http.StatusTooManyRequests {
			continue
		}
		fields, _ := objectOf(a.body)
		if wait, _ := fields["retry_after"].(float64); wait <= 0 {
			t.fail("429 with retry_after, a number of seconds", "%s", a)
		}
		return
	}
	t.fail("429 after "+string(marshal(t.cfg.RateLimit))+" calls", "none was refused")
}

func (t tessAPI) refusesUnknown(ctx context.Context) {
	const nobody = "999999999999"
	t.same("status of GET", http.StatusNotFound, t.call(ctx, http.MethodGet, tessPath(nobody), nil).status)
	a := t.call(ctx, http.MethodPost, tessPath(nobody), tessBody(t.cfg.WebhookURL, http.MethodPost))
	t.same("status of POST", http.StatusNotFound, a.status)
	t.same("status of DELETE", http.StatusNotFound, t.call(ctx, http.MethodDelete, "/webhooks/"+nobody, nil).status)
}

// servesWorkspace reads both lists with the header and without.
func (t tessAPI) servesWorkspace(ctx context.Context) {
	named := bearer("Bearer " + t.cfg.APIKey)
	named.Set("x-workspace-id", t.cfg.Workspace)
	for _, path := range []string{tessPath(t.cfg.Agent), "/webhooks"} {
		if a := t.call(ctx, http.MethodGet, path, nil); a.status != http.StatusOK {
			t.fail("200 for GET "+path+" without x-workspace-id", "%s", a)
		}
		if a := t.callWith(ctx, named, http.MethodGet, path, nil); a.status != http.StatusOK {
			t.fail("200 for GET "+path+" with x-workspace-id", "%s", a)
		}
	}
}
