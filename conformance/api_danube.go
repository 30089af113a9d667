package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
)

// danubePath is where Danube's API keeps webhooks.
const danubePath = "/v1/webhooks"

// danubeKey is the header in which Danube's client library sends the key.
const danubeKey = "danube-api-key"

// danubeWebhooks is the one webhook that a session has in an account of Danube; others stay as they are. It is made anew
// for each URL, so that what is still due to another URL does not come to this one.
type danubeWebhooks struct {
	// id of the webhook; empty where there is none.
	id string
}

func (*danubeWebhooks) path(Config) string { return danubePath }

func (w *danubeWebhooks) renew(ctx context.Context, p *probe, url string) string {
	return w.point(ctx, p, url, p.allTypes())
}

func (w *danubeWebhooks) point(ctx context.Context, p *probe, url string, types []string) string {
	w.remove(ctx, p)
	made := danubeAPI{p}.make(ctx, danubeBody(url, types...))
	w.id, _ = made["id"].(string)
	secret, _ := made["secret"].(string)
	return secret
}

func (w *danubeWebhooks) remove(ctx context.Context, p *probe) {
	if w.id != "" {
		danubeAPI{p}.drop(ctx, w.id)
	}
	w.id = ""
}

// danubeBody is what a POST says at least.
func danubeBody(url string, events ...string) map[string]any {
	return map[string]any{"url": url, "events": append([]string{}, events...)}
}

// danubeAPI is a probe that speaks Danube's API.
type danubeAPI struct{ *probe }

// onDanube makes a check of Danube's API the body of a spec.
func onDanube(check func(danubeAPI, context.Context)) func(context.Context, *probe) {
	return func(ctx context.Context, p *probe) { check(danubeAPI{p}, ctx) }
}

// post asks for a webhook.
func (d danubeAPI) post(ctx context.Context, body any) answer {
	return d.call(ctx, http.MethodPost, danubePath, body)
}

// make makes a webhook as a step towards something else.
func (d danubeAPI) make(ctx context.Context, body map[string]any) map[string]any {
	fields := d.made(d.post(ctx, body), "making a webhook")
	if id, _ := fields["id"].(string); id == "" {
		d.cannotTell("a new webhook has no id, which clause CFG-022 asks for")
	}
	return fields
}

// usual makes a webhook at the URL that the API takes, and returns it with its id.
func (d danubeAPI) usual(ctx context.Context) (id string, fields map[string]any) {
	fields = d.make(ctx, danubeBody(d.cfg.WebhookURL, d.workType()))
	id, _ = fields["id"].(string)
	return id, fields
}

// at is the path of a webhook.
func (danubeAPI) at(id string) string { return danubePath + "/" + url.PathEscape(id) }

// patch changes a webhook.
func (d danubeAPI) patch(ctx context.Context, id string, body map[string]any) answer {
	return d.call(ctx, http.MethodPatch, d.at(id), body)
}

// drop deletes a webhook.
func (d danubeAPI) drop(ctx context.Context, id string) answer {
	return d.call(ctx, http.MethodDelete, d.at(id), nil)
}

// undo deletes what a call has made that should have made nothing.
func (d danubeAPI) undo(ctx context.Context) func(map[string]any) {
	return func(made map[string]any) {
		if id, _ := made["id"].(string); id != "" {
			d.drop(ctx, id)
		}
	}
}

// list reads the account's webhooks as a step towards something else.
func (d danubeAPI) list(ctx context.Context) []map[string]any {
	a := d.call(ctx, http.MethodGet, danubePath, nil)
	all, isArray := arrayOf(a.body)
	if !a.success() || !isArray {
		d.cannotTell("the webhooks cannot be listed, which clause CFG-025 asks for: %s", a)
	}
	return all
}

// listed finds a webhook in the account's list, or nil.
func (d danubeAPI) listed(ctx context.Context, id string) map[string]any {
	all := d.list(ctx)
	if i := slices.IndexFunc(all, func(w map[string]any) bool { return w["id"] == id }); i >= 0 {
		return all[i]
	}
	return nil
}

// arrayOf reads an array of JSON objects and nothing after it.
func arrayOf(body []byte) ([]map[string]any, bool) {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return nil, false
	}
	return objects(v)
}
