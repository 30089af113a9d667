package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// webhookState is what the configuration API says about an agent's webhook.
type webhookState struct {
	WebhookURL     *string  `json:"webhook_url"`
	SigningEnabled *bool    `json:"signing_enabled"`
	EventTypes     []string `json:"event_types"`
	SigningSecret  *string  `json:"signing_secret"`
	// keys are the names that the answer has.
	keys map[string]json.RawMessage
}

// secret is the secret that was shown, or nothing.
func (w webhookState) secret() string {
	if w.SigningSecret == nil {
		return ""
	}
	return *w.SigningSecret
}

// url is the URL that was shown, or nothing.
func (w webhookState) url() string {
	if w.WebhookURL == nil {
		return ""
	}
	return *w.WebhookURL
}

// call calls the API with its key.
func (p *probe) call(ctx context.Context, method, path string, body any) answer {
	return p.callWith(ctx, "Bearer "+p.cfg.APIKey, method, path, body)
}

// callWith calls the API under another Authorization header; an empty one is left out.
func (p *probe) callWith(ctx context.Context, authorization, method, path string, body any) answer {
	m := message{method: method, url: strings.TrimSuffix(p.cfg.API, "/") + path, header: http.Header{}}
	if authorization != "" {
		m.header.Set("Authorization", authorization)
	}
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

// learnSecret keeps a secret that the API has just shown out of the transcript.
func (s *session) learnSecret(a answer) {
	var w webhookState
	if json.Unmarshal(a.body, &w) == nil && w.secret() != "" {
		s.redact.learn(w.secret())
	}
}

// webhookPath is where the API keeps an agent's webhook.
func webhookPath(agent string) string { return "/v1/agents/" + url.PathEscape(agent) + "/webhook" }

// read understands an answer as the state of a webhook, and fails where it is none.
func (p *probe) read(a answer, what string) webhookState {
	var w webhookState
	if a.status != http.StatusOK {
		p.fail("200 for "+what, "%s", a)
	}
	if err := json.Unmarshal(a.body, &w); err != nil {
		p.fail("a webhook as JSON for "+what, "%s", a)
	}
	if err := json.Unmarshal(a.body, &w.keys); err != nil {
		p.fail("a JSON object for "+what, "%s", a)
	}
	return w
}

// put sets the agent's webhook as a step towards something else: where it does not work, nothing can be told.
func (p *probe) put(ctx context.Context, agent string, body map[string]any) webhookState {
	a := p.call(ctx, http.MethodPut, webhookPath(agent), body)
	var w webhookState
	if !a.success() || json.Unmarshal(a.body, &w) != nil {
		p.cannotTell("the webhook cannot be set: %s", a)
	}
	return w
}

// get reads the agent's webhook as a step towards something else.
func (p *probe) get(ctx context.Context, agent string) webhookState {
	a := p.call(ctx, http.MethodGet, webhookPath(agent), nil)
	var w webhookState
	if !a.success() || json.Unmarshal(a.body, &w) != nil {
		p.cannotTell("the webhook cannot be read: %s", a)
	}
	return w
}

// clear removes the agent's webhook. How that is answered is clause CFG-004's matter.
func (p *probe) clear(ctx context.Context, agent string) {
	p.call(ctx, http.MethodDelete, webhookPath(agent), nil)
}

// reachAPI makes sure that the API answers, and that key and agent are those of somebody.
func (s *session) reachAPI(ctx context.Context) error {
	m := message{
		method: http.MethodGet, url: strings.TrimSuffix(s.cfg.API, "/") + webhookPath(s.cfg.Agent),
		header: http.Header{"Authorization": {"Bearer " + s.cfg.APIKey}},
	}
	a := exchange(ctx, s.client, m)
	switch {
	case a.err != nil:
		return fmt.Errorf("the API %s cannot be reached: %w", withoutUser(s.cfg.API), a.err)
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden:
		return fmt.Errorf("the API does not accept --api-key: %d", a.status)
	case a.status == http.StatusNotFound:
		return fmt.Errorf("the API does not know the agent %s: %d", s.cfg.Agent, a.status)
	}
	return nil
}
