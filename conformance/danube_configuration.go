package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/google/uuid"
)

// danubeConfigurationSpecs test clauses CFG-022 to CFG-036 on Danube's API.
var danubeConfigurationSpecs = []Spec{
	{Clause: "CFG-022", Name: "makes a webhook as it was asked to", Roles: configs, run: onDanube(danubeAPI.makes)},
	{Clause: "CFG-023", Name: "gives each webhook a secret of its own", Roles: configs, run: onDanube(danubeAPI.givesSecrets)},
	{Clause: "CFG-024", Name: "shows the secret once", Roles: configs, run: onDanube(danubeAPI.hidesSecret)},
	{Clause: "CFG-025", Name: "lists webhooks", Roles: configs, run: onDanube(danubeAPI.lists)},
	{Clause: "CFG-026", Name: "changes what it is asked to and nothing else", Roles: configs, run: onDanube(danubeAPI.changes)},
	{Clause: "CFG-027", Name: "forgets a deleted webhook", Roles: configs, run: onDanube(danubeAPI.forgets)},
	{Clause: "CFG-028", Name: "lists the deliveries of a new webhook", Roles: configs, run: onDanube(danubeAPI.listsNoDeliveries)},
	{Clause: "CFG-029", Name: "refuses a new webhook without HTTPS", Roles: configs, run: onDanube(danubeAPI.refusesPlainHTTP)},
	{Clause: "CFG-029", Name: "refuses to change a URL to one without HTTPS", Roles: configs, run: onDanube(danubeAPI.keepsHTTPS)},
	{Clause: "CFG-030", Name: "requires url and events", Roles: configs, run: onDanube(danubeAPI.requires)},
	{Clause: "CFG-031", Name: "refuses an unknown event type", Roles: configs, run: onDanube(danubeAPI.refusesUnknownType)},
	{Clause: "CFG-032", Name: "answers errors with code, message and details", Roles: configs, run: onDanube(danubeAPI.wrapsErrors)},
	{Clause: "CFG-033", Name: "calls what does not fit a validation_error", Roles: configs, run: onDanube(danubeAPI.namesValidation)},
	{Clause: "CFG-034", Name: "takes the key from either header", Roles: configs, run: onDanube(danubeAPI.takesKeys)},
	{Clause: "CFG-035", Name: "refuses a missing or wrong key", Roles: configs, run: onDanube(danubeAPI.refusesKeys)},
	{Clause: "CFG-036", Name: "does not know a webhook that does not exist", Roles: configs, run: onDanube(danubeAPI.refusesUnknown)},
}

var danubeSecret = regexp.MustCompile(`^whsec_[0-9A-Fa-f]{48}$`)

func (d danubeAPI) makes(ctx context.Context) {
	body := danubeBody(d.cfg.WebhookURL, d.allTypes()...)
	body["description"] = "made by the conformance suite"
	w := d.shown(d.post(ctx, body), "POST")
	defer d.undo(ctx)(w)
	d.has(w, "the answer to POST", "id", "url", "events", "is_active", "description", "secret")
	id, _ := w["id"].(string)
	if uuid.Validate(id) != nil {
		d.fail("id: a UUID", "id: %v", w["id"])
	}
	d.same("url", any(d.cfg.WebhookURL), w["url"])
	d.same("events", anyOf(d.allTypes()), w["events"])
	d.same("is_active", any(true), w["is_active"])
	d.same("description", body["description"], w["description"])
	if secret, _ := w["secret"].(string); secret == "" {
		d.fail("secret: a text", "no secret is shown")
	}
}

// anyOf is a list of texts as a JSON array is read.
func anyOf(texts []string) any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

func (d danubeAPI) givesSecrets(ctx context.Context) {
	seen := map[string]bool{}
	for range 2 {
		id, w := d.usual(ctx)
		defer d.drop(ctx, id)
		secret, _ := w["secret"].(string)
		if secret == "" {
			d.cannotTell("no secret is shown, which clause CFG-022 asks for")
		}
		if !danubeSecret.MatchString(secret) {
			d.fail("secret: whsec_ and 48 hexadecimal digits", "a secret of another form")
		}
		if seen[secret] {
			d.fail("each webhook has a secret of its own", "two have the same")
		}
		seen[secret] = true
	}
}

func (d danubeAPI) hidesSecret(ctx context.Context) {
	id, w := d.usual(ctx)
	defer d.drop(ctx, id)
	secret, _ := w["secret"].(string)
	for what, a := range map[string]answer{
		"the list":   d.call(ctx, http.MethodGet, danubePath, nil),
		"the change": d.patch(ctx, id, map[string]any{"description": "changed"}),
	} {
		if secret != "" && strings.Contains(string(a.body), secret) {
			d.fail("no secret in the answer to "+what, "it is shown again")
		}
		var v any
		if json.Unmarshal(a.body, &v) == nil && find(v, "secret", "") != "" {
			d.fail("no secret in the answer to "+what, "another one is shown")
		}
	}
}

func (d danubeAPI) lists(ctx context.Context) {
	id, _ := d.usual(ctx)
	defer d.drop(ctx, id)
	a := d.call(ctx, http.MethodGet, danubePath, nil)
	all, isArray := arrayOf(a.body)
	if !a.success() || !isArray {
		d.fail("2xx and an array of webhooks", "%s", a)
	}
	for _, w := range all {
		if d.has(w, "each webhook of the list", "id", "url", "events", "is_active", "description"); w["id"] == id {
			return
		}
	}
	d.fail("the webhook "+id+" in the list", "%d others", len(all))
}

// changes makes one change after the other, and looks at the whole webhook after each.
func (d danubeAPI) changes(ctx context.Context) {
	id, _ := d.usual(ctx)
	defer d.drop(ctx, id)
	want := d.listed(ctx, id)
	if want == nil {
		d.cannotTell("the webhook is not in the list, which clause CFG-025 asks for")
	}
	for _, change := range []struct {
		name  string
		value any
	}{
		{"url", d.cfg.WebhookURL + "/changed"}, {"events", anyOf([]string{d.otherType()})},
		{"description", "changed"}, {"is_active", false}, {"is_active", true},
	} {
		if a := d.patch(ctx, id, map[string]any{change.name: change.value}); !a.success() {
			d.fail("2xx for a change of "+change.name, "%s", a)
		}
		want[change.name] = change.value
		got := d.listed(ctx, id)
		for _, name := range []string{"id", "url", "events", "is_active", "description"} {
			d.same(name+" after a change of "+change.name, want[name], got[name])
		}
	}
}

func (d danubeAPI) forgets(ctx context.Context) {
	id, _ := d.usual(ctx)
	kept, _ := d.usual(ctx)
	defer d.drop(ctx, kept)
	if a := d.drop(ctx, id); !a.success() {
		d.fail("2xx for DELETE", "%s", a)
	}
	if d.listed(ctx, id) != nil {
		d.fail("no webhook "+id+" after DELETE", "it is in the list")
	}
	if d.listed(ctx, kept) == nil {
		d.fail("the webhook "+kept+", which was not deleted", "it is not in the list")
	}
}

func (d danubeAPI) listsNoDeliveries(ctx context.Context) {
	id, _ := d.usual(ctx)
	defer d.drop(ctx, id)
	for _, query := range []string{"", "?limit=20"} {
		a := d.call(ctx, http.MethodGet, d.at(id)+"/deliveries"+query, nil)
		if all, isArray := arrayOf(a.body); !a.success() || !isArray || len(all) > 0 {
			d.fail("2xx and an empty array", "%s", a)
		}
	}
}

// plainURLs are URLs that do not begin with https://.
func (d danubeAPI) plainURLs() []string {
	u := d.public()
	return []string{strings.Replace(u.String(), u.Scheme, "http", 1), "ftp://" + u.Host + "/hooks", u.Host + "/hooks", "/hooks"}
}

func (d danubeAPI) refusesPlainHTTP(ctx context.Context) {
	for _, url := range d.plainURLs() {
		d.refused(d.post(ctx, danubeBody(url, d.workType())), `the URL "`+url+`" does not begin with https://`, d.undo(ctx))
	}
}

func (d danubeAPI) keepsHTTPS(ctx context.Context) {
	id, _ := d.usual(ctx)
	defer d.drop(ctx, id)
	for _, url := range d.plainURLs() {
		a := d.patch(ctx, id, map[string]any{"url": url})
		d.refused(a, `the URL "`+url+`" does not begin with https://`, func(map[string]any) {})
	}
	d.same("url after the refusals", any(d.cfg.WebhookURL), d.listed(ctx, id)["url"])
}

func (d danubeAPI) requires(ctx context.Context) {
	for _, odd := range []struct {
		why  string
		body map[string]any
	}{
		{"url and events are absent", map[string]any{}},
		{"url is absent", map[string]any{"events": []string{d.workType()}}},
		{"url is empty", danubeBody("", d.workType())},
		{"events is absent", map[string]any{"url": d.cfg.WebhookURL}},
		{"events is empty", danubeBody(d.cfg.WebhookURL)},
	} {
		d.refused(d.post(ctx, odd.body), odd.why, d.undo(ctx))
	}
}

func (d danubeAPI) refusesUnknownType(ctx context.Context) {
	for _, events := range [][]string{{"no.such_type"}, {d.workType(), "no.such_type"}} {
		d.refused(d.post(ctx, danubeBody(d.cfg.WebhookURL, events...)), "no.such_type is no event type", d.undo(ctx))
	}
}

// misfits makes calls that do not fit. What they should not have made is undone.
func (d danubeAPI) misfits(ctx context.Context) []answer {
	answers := []answer{
		d.post(ctx, map[string]any{}),
		d.post(ctx, danubeBody("http://127.0.0.1/", d.workType())),
		d.post(ctx, danubeBody(d.cfg.WebhookURL)),
	}
	for _, a := range answers {
		if made, isObject := objectOf(a.body); isObject && a.success() {
			d.undo(ctx)(made)
		}
	}
	return answers
}

// errorOf is the error that an answer holds, and the object that it is. An answer that is no error has none.
func errorOf(a answer) (said map[string]any, isError bool) {
	fields, _ := objectOf(a.body)
	said, _ = fields["error"].(map[string]any)
	return said, a.status >= 400
}

func (d danubeAPI) wrapsErrors(ctx context.Context) {
	answers := append(d.misfits(ctx),
		d.callWith(ctx, bearer("Bearer wrong"), http.MethodGet, danubePath, nil),
		d.drop(ctx, uuid.NewString()),
	)
	seen := false
	for _, a := range answers {
		said, isError := errorOf(a)
		if !isError {
			continue // that it should be one is another clause's matter
		}
		seen = true
		code, _ := said["code"].(string)
		message, _ := said["message"].(string)
		if _, details := said["details"]; code == "" || message == "" || !details {
			d.fail(`{"error":{"code","message","details"}}`, "%s", a)
		}
	}
	if !seen {
		d.cannotTell("nothing was answered with an error")
	}
}

func (d danubeAPI) namesValidation(ctx context.Context) {
	seen := false
	for _, a := range d.misfits(ctx) {
		said, isError := errorOf(a)
		if !isError {
			continue // that it should be one is another clause's matter
		}
		seen = true
		d.same("status", http.StatusBadRequest, a.status)
		if said != nil {
			d.same("code", any("validation_error"), said["code"])
		}
	}
	if !seen {
		d.cannotTell("nothing that does not fit was refused, which the clauses CFG-029 and CFG-030 ask for")
	}
}

func (d danubeAPI) takesKeys(ctx context.Context) {
	client := http.Header{}
	client.Set(danubeKey, d.cfg.APIKey)
	for name, key := range map[string]http.Header{"Authorization": bearer("Bearer " + d.cfg.APIKey), danubeKey: client} {
		if a := d.callWith(ctx, key, http.MethodGet, danubePath, nil); !a.success() {
			d.fail("2xx for the key in "+name, "%s", a)
		}
	}
}

func (d danubeAPI) refusesKeys(ctx context.Context) {
	client := http.Header{}
	client.Set(danubeKey, d.name("key_"))
	for why, credentials := range map[string]http.Header{
		"no key": bearer(""), "another key": bearer("Bearer " + d.name("key_")), "an empty key": bearer("Bearer "),
		"another scheme": bearer("Basic " + d.name("")), "another key of the client library": client,
	} {
		a := d.callWith(ctx, credentials, http.MethodGet, danubePath, nil)
		d.same("status for "+why, http.StatusUnauthorized, a.status)
	}
}

func (d danubeAPI) refusesUnknown(ctx context.Context) {
	id := uuid.NewString()
	d.same("status of PATCH", http.StatusNotFound, d.patch(ctx, id, map[string]any{"description": "changed"}).status)
	d.same("status of DELETE", http.StatusNotFound, d.drop(ctx, id).status)
	d.same("status of GET of its deliveries", http.StatusNotFound, d.call(ctx, http.MethodGet, d.at(id)+"/deliveries", nil).status)
}
