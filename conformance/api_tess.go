package conformance

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
)

// tessWebhooks is the one webhook that a session makes for its agent of Tess. The API changes none, so that another URL
// is another webhook.
type tessWebhooks struct {
	// id of the webhook; 0 where there is none.
	id int64
}

func (*tessWebhooks) path(c Config) string { return tessPath(c.Agent) }

func (w *tessWebhooks) renew(ctx context.Context, p *probe, url string) string {
	w.remove(ctx, p)
	w.id, _ = tessAPI{p}.make(ctx, tessBody(url, http.MethodPost))
	return ""
}

func (w *tessWebhooks) point(ctx context.Context, p *probe, url string, _ []string) string {
	return w.renew(ctx, p, url)
}

func (w *tessWebhooks) remove(ctx context.Context, p *probe) {
	if w.id != 0 {
		tessAPI{p}.drop(ctx, w.id)
	}
	w.id = 0
}

// tessPath is where Tess's API keeps an agent's webhooks.
func tessPath(agent string) string { return "/agents/" + url.PathEscape(agent) + "/webhooks" }

// tessBody is what a POST says at least.
func tessBody(url, method string) map[string]any {
	return map[string]any{"url": url, "method": method}
}

// tessAPI is a probe that speaks Tess's API.
type tessAPI struct{ *probe }

// onTess makes a check of Tess's API the body of a spec.
func onTess(check func(tessAPI, context.Context)) func(context.Context, *probe) {
	return func(ctx context.Context, p *probe) { check(tessAPI{p}, ctx) }
}

// post asks for a webhook of the agent.
func (t tessAPI) post(ctx context.Context, body any) answer {
	return t.call(ctx, http.MethodPost, tessPath(t.cfg.Agent), body)
}

// make makes a webhook as a step towards something else.
func (t tessAPI) make(ctx context.Context, body map[string]any) (id int64, fields map[string]any) {
	fields = t.made(t.post(ctx, body), "making a webhook")
	if id = idIn(fields); id == 0 {
		t.cannotTell("a new webhook has no number, which clause CFG-038 asks for")
	}
	return id, fields
}

// usual makes a webhook at the URL that the API takes.
func (t tessAPI) usual(ctx context.Context) (id int64) {
	id, _ = t.make(ctx, tessBody(t.cfg.WebhookURL, http.MethodPost))
	return id
}

// idIn is the id of a webhook, or 0 where it has none that is an integer.
func idIn(webhook map[string]any) int64 {
	if n, ok := webhook["id"].(float64); ok && integer(n) {
		return int64(n)
	}
	return 0
}

// integer reports whether a JSON value is a whole number.
func integer(v any) bool {
	n, isNumber := v.(float64)
	return isNumber && n == math.Trunc(n)
}

// drop deletes a webhook.
func (t tessAPI) drop(ctx context.Context, id int64) answer {
	return t.call(ctx, http.MethodDelete, "/webhooks/"+strconv.FormatInt(id, 10), nil)
}

// undo deletes what a call has made that should have made nothing.
func (t tessAPI) undo(ctx context.Context) func(map[string]any) {
	return func(made map[string]any) {
		if id := idIn(made); id != 0 {
			t.drop(ctx, id)
		}
	}
}

// page reads one page of a list of webhooks, as a step towards something else.
func (t tessAPI) page(ctx context.Context, path string, page, perPage int) (fields map[string]any, items []map[string]any) {
	query := url.Values{"page": {strconv.Itoa(page)}}
	if perPage > 0 {
		query.Set("per_page", strconv.Itoa(perPage))
	}
	a := t.call(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	fields, _ = objectOf(a.body)
	items, isArray := objects(fields["data"])
	if !a.success() || !isArray {
		t.cannotTell("%s shows no page of webhooks, which clause CFG-045 asks for: %s", path, a)
	}
	return fields, items
}

// maxPages is how many pages of a list the suite reads.
const maxPages = 200

// found looks for a webhook on all pages of a list, and returns it, or nil.
func (t tessAPI) found(ctx context.Context, path string, id int64) map[string]any {
	for page := 1; page <= maxPages; page++ {
		fields, items := t.page(ctx, path, page, 0)
		for _, item := range items {
			if idIn(item) == id {
				return item
			}
		}
		if last, _ := fields["last_page"].(float64); float64(page) >= last {
			return nil
		}
	}
	t.cannotTell("the list has more than %d pages", maxPages)
	return nil
}
