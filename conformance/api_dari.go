package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// dariWebhooks is the webhook of an agent of Dari: there is always the one, set or not.
type dariWebhooks struct{}

func (dariWebhooks) path(c Config) string { return webhookPath(c.Agent) }

func (dariWebhooks) renew(ctx context.Context, p *probe, url string) string {
	p.clear(ctx, p.cfg.Agent)
	return p.put(ctx, p.cfg.Agent, hookAt(url)).secret()
}

func (dariWebhooks) point(ctx context.Context, p *probe, url string, types []string) string {
	return p.put(ctx, p.cfg.Agent, map[string]any{"webhook_url": url, "event_types": types}).secret()
}

func (dariWebhooks) remove(ctx context.Context, p *probe) { p.clear(ctx, p.cfg.Agent) }

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
