package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// webhooks is how the suite reaches one provider's webhooks, as far as specs are the same for several providers.
type webhooks interface {
	// path is one that can be read with the key.
	path(Config) string
	// renew removes the webhook that the suite has set before, and sets one at a URL. It returns the secret that signs its
	// deliveries; empty where none is shown.
	renew(ctx context.Context, p *probe, url string) (secret string)
	// point gives that webhook another URL and subscribes it to types, and returns a secret that was shown anew.
	point(ctx context.Context, p *probe, url string, types []string) (secret string)
	// remove takes away what was set.
	remove(ctx context.Context, p *probe)
}

// api is what the suite knows of one provider's API.
type api struct {
	// agents tells that webhooks belong to agents, so that one must be named.
	agents bool
	// key is a header, besides Authorization, that may hold the key. Empty: there is none.
	key string
	// secret is the field under which a secret is shown. Empty: there is none.
	secret string
	// open returns the webhooks of a new session.
	open func() webhooks
}

// apis are those that the suite speaks, by the provider's name. A further one is a further entry.
func apis() map[string]api {
	return map[string]api{
		"dari":   {agents: true, secret: "signing_secret", open: func() webhooks { return dariWebhooks{} }},
		"danube": {key: danubeKey, secret: "secret", open: func() webhooks { return &danubeWebhooks{} }},
		"tess":   {agents: true, open: func() webhooks { return &tessWebhooks{} }},
	}
}

// holdsKey reports whether a header is one that holds an API's key.
func holdsKey(name string) bool {
	for _, a := range apis() {
		if strings.EqualFold(name, a.key) {
			return true
		}
	}
	return false
}

// knownAPIs names the providers whose API the suite speaks.
func knownAPIs() string {
	var names []string
	for _, p := range contract.Providers() {
		if _, ok := apis()[p.Name]; ok {
			names = append(names, p.Title)
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// bearer is a request's header with an Authorization; an empty one is left out.
func bearer(authorization string) http.Header {
	h := http.Header{}
	if authorization != "" {
		h.Set("Authorization", authorization)
	}
	return h
}

// call calls the API with its key.
func (p *probe) call(ctx context.Context, method, path string, body any) answer {
	return p.callWith(ctx, bearer("Bearer "+p.cfg.APIKey), method, path, body)
}

// callWith calls the API with other credentials. Where the API limits calls, it waits as long as it is told to.
func (p *probe) callWith(ctx context.Context, credentials http.Header, method, path string, body any) answer {
	a := p.callOnce(ctx, credentials, method, path, body)
	for range 3 {
		if a.status != http.StatusTooManyRequests || p.cfg.RateLimit == 0 {
			break
		}
		p.outwait(ctx, a)
		a = p.callOnce(ctx, credentials, method, path, body)
	}
	return a
}

// callOnce makes one call.
func (p *probe) callOnce(ctx context.Context, credentials http.Header, method, path string, body any) answer {
	m := message{method: method, url: strings.TrimSuffix(p.cfg.API, "/") + path, header: credentials.Clone()}
	if body != nil {
		m.header.Set("Content-Type", "application/json")
		m.body = marshal(body)
	}
	a := exchange(ctx, p.client, m)
	p.learnSecret(a)
	p.keep(m, a)
	if a.err != nil {
		p.cannotTell("the API gives no answer: %v", a.err)
	}
	return a
}

// outwait waits until a limit has passed, on the platform's clock where that can be moved on.
func (p *probe) outwait(ctx context.Context, a answer) {
	var told struct {
		RetryAfter float64 `json:"retry_after"`
	}
	_ = json.Unmarshal(a.body, &told) // a minute is then waited for
	wait := min(time.Duration(cmp.Or(told.RetryAfter, 60)*float64(time.Second)), time.Minute)
	if p.cfg.Advance != "" {
		p.hook(ctx, p.cfg.Advance, map[string]any{"duration": wait.String()})
		return
	}
	pause(ctx, wait)
}

// learnSecret keeps a secret that the API has just shown out of the transcript.
func (s *session) learnSecret(a answer) {
	var shown map[string]any
	if json.Unmarshal(a.body, &shown) != nil {
		return
	}
	if secret, _ := shown[apis()[s.provider.Name].secret].(string); secret != "" {
		s.redact.learn(secret)
	}
}

// shown understands an answer as one JSON object, and fails where it is none or the status is no success.
func (p *probe) shown(a answer, what string) map[string]any {
	fields, isObject := objectOf(a.body)
	if !a.success() || !isObject {
		p.fail("2xx and a JSON object for "+what, "%s", a)
	}
	return fields
}

// made understands the answer to a step towards something else: where it did not work, nothing can be told.
func (p *probe) made(a answer, what string) map[string]any {
	fields, isObject := objectOf(a.body)
	if !a.success() || !isObject {
		p.cannotTell("%s does not work: %s", what, a)
	}
	return fields
}

// has fails when an object lacks one of the names.
func (p *probe) has(fields map[string]any, what string, names ...string) {
	for _, name := range names {
		if _, ok := fields[name]; !ok {
			p.fail(name+" in "+what, "%s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
	}
}

// objects reads an array of JSON objects.
func objects(v any) ([]map[string]any, bool) {
	items, isArray := v.([]any)
	all := make([]map[string]any, len(items))
	for i, item := range items {
		object, isObject := item.(map[string]any)
		isArray = isArray && isObject
		all[i] = object
	}
	return all, isArray
}

// refused makes a call that must be answered with 4xx, and undoes what it has made where it was not.
func (p *probe) refused(a answer, why string, undo func(map[string]any)) answer {
	if a.refusal() {
		return a
	}
	if fields, isObject := objectOf(a.body); isObject && a.success() {
		undo(fields)
	}
	p.fail("4xx: "+why, "%s", a)
	return a
}

// reachAPI makes sure that the API answers, and that key and agent are those of somebody.
func (s *session) reachAPI(ctx context.Context) error {
	m := message{
		method: http.MethodGet, url: strings.TrimSuffix(s.cfg.API, "/") + s.webhooks.path(s.cfg),
		header: bearer("Bearer " + s.cfg.APIKey),
	}
	a := exchange(ctx, s.client, m)
	switch {
	case a.err != nil:
		return fmt.Errorf("the API %s cannot be reached: %w", withoutUser(s.cfg.API), a.err)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return fmt.Errorf("the API does not accept --api-key: %d", a.status)
	case a.status == http.StatusNotFound && s.cfg.Agent != "":
		return fmt.Errorf("the API does not know the agent %s: %d", s.cfg.Agent, a.status)
	case a.status == http.StatusNotFound:
		return fmt.Errorf("the API has no %s: %d", s.webhooks.path(s.cfg), a.status)
	}
	return nil
}
