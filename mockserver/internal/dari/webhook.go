package dari

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/target"
	"github.com/darihook/darihook/signature"
)

// webhook is an agent's webhook, as it is stored.
type webhook struct {
	URL        string   `json:"url"`
	EventTypes []string `json:"event_types"`
	Secret     string   `json:"secret"`
	// Previous secret signs as well until PreviousUntil, on the platform's clock. Empty: there is none.
	Previous      string    `json:"previous,omitempty"`
	PreviousUntil time.Time `json:"previous_until,omitzero"`
}

// webhookView is a webhook as the API shows it (clause CFG-001).
type webhookView struct {
	WebhookURL     *string  `json:"webhook_url"`
	SigningEnabled bool     `json:"signing_enabled"`
	EventTypes     []string `json:"event_types"`
	SigningSecret  *string  `json:"signing_secret"`
}

// view shows a webhook, or that there is none. The secret is part of it only where it is new.
func (w *webhook) view(secret *string) webhookView {
	if w == nil {
		return webhookView{EventTypes: []string{}}
	}
	return webhookView{WebhookURL: &w.URL, SigningEnabled: true, EventTypes: w.EventTypes, SigningSecret: secret}
}

// webhookBody is what a PUT says.
type webhookBody struct {
	WebhookURL *string   `json:"webhook_url"`
	EventTypes *[]string `json:"event_types"`
}

// check applies the rules of clauses CFG-009 to CFG-013 and CFG-021. It looks names up, so no lock is held.
func (b webhookBody) check(ctx context.Context, policy target.Policy) error {
	var p httpjson.Problems
	if b.WebhookURL == nil {
		p.Missing("body", "webhook_url")
	} else if err := policy.Check(ctx, *b.WebhookURL); err != nil {
		p.Invalid(err.Error(), "body", "webhook_url")
	}
	if b.EventTypes != nil {
		checkTypes(&p, *b.EventTypes)
	}
	return p.Err()
}

// checkTypes refuses unknown, repeated and no types.
func checkTypes(p *httpjson.Problems, types []string) {
	if len(types) == 0 {
		p.Invalid("must name at least one event type", "body", "event_types")
	}
	for i, t := range types {
		if _, ok := contract.Dari().EventFor(t); !ok || slices.Contains(types[:i], t) {
			p.Invalid("must be a known event type, and each only once", "body", "event_types", i)
		}
	}
}

// types returns the subscription (clause CFG-008).
func (b webhookBody) types() []string {
	if b.EventTypes != nil {
		return *b.EventTypes
	}
	var standard []string
	for _, e := range contract.Dari().Events {
		if e.Default {
			standard = append(standard, e.Type)
		}
	}
	return standard
}

// setWebhook creates or updates (clauses CFG-002, CFG-003).
func (p *Platform) setWebhook(a *agent, b webhookBody) webhookView {
	if a.Webhook != nil {
		a.Webhook.URL, a.Webhook.EventTypes = *b.WebhookURL, b.types()
		p.saveAgent(a)
		return a.Webhook.view(nil)
	}
	a.Webhook = &webhook{URL: *b.WebhookURL, EventTypes: b.types(), Secret: ident.Secret(contract.SecretPrefix)}
	p.saveAgent(a)
	return a.Webhook.view(&a.Webhook.Secret)
}

// rotate replaces the secret (clauses CFG-006, CFG-007, DLV-009, DLV-010).
func (p *Platform) rotate(a *agent, overlap time.Duration) (webhookView, error) {
	w := a.Webhook
	if w == nil {
		return webhookView{}, httpjson.Refuse(409, "The agent has no webhook")
	}
	w.Previous, w.PreviousUntil = "", time.Time{}
	if overlap > 0 {
		w.Previous, w.PreviousUntil = w.Secret, p.o.Clock.Now().Add(overlap)
	}
	w.Secret = ident.Secret(contract.SecretPrefix)
	p.saveAgent(a)
	return w.view(&w.Secret), nil
}

// SetWebhook sets an agent's webhook from the platform's side, with a secret of the caller's choice. It returns the
// secret where it made one. Without event types it is subscribed to all. Errors: an [httpjson.Error], or [httpjson.Problems].
func (p *Platform) SetWebhook(ctx context.Context, id string, spec client.WebhookSpec) (secret string, err error) {
	if spec.EventTypes == nil {
		spec.EventTypes = p.provider.EventTypes()
	}
	body := webhookBody{WebhookURL: &spec.URL, EventTypes: &spec.EventTypes}
	if err := body.check(ctx, p.o.Policy); err != nil {
		return "", err
	}
	made := ""
	if spec.Secret == "" {
		made = ident.Secret(contract.SecretPrefix)
		spec.Secret = made
	} else if err := p.usable(spec.Secret); err != nil {
		return "", httpjson.Invalid(err.Error(), "body", "signing_secret")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.agents.get(id)
	if !ok {
		return "", httpjson.NotFound("Agent")
	}
	if made != "" && spec.KeepSecret && a.Webhook != nil {
		p.setWebhook(a, body)
		return "", nil
	}
	a.Webhook = &webhook{URL: spec.URL, EventTypes: body.types(), Secret: spec.Secret}
	p.saveAgent(a)
	return made, nil
}

// usable tries to sign with a secret.
func (p *Platform) usable(text string) error {
	secret, err := signature.NewSecret(text)
	if err != nil {
		return err
	}
	_, err = signature.NewSigner(signature.SignerOptions{Scheme: p.o.Scheme, Secrets: []signature.Secret{secret}})
	return err
}

// errGone ends deliveries to a webhook that does not exist any more.
var errGone = errors.New("the webhook was removed")

// Target tells the delivery engine where an agent's deliveries go, and what signs them.
func (p *Platform) Target(agentID string) (delivery.Target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.agents.get(agentID)
	if !ok || a.Webhook == nil {
		return delivery.Target{}, errGone
	}
	w := a.Webhook
	secrets := []string{w.Secret}
	if w.Previous != "" && p.o.Clock.Now().Before(w.PreviousUntil) {
		secrets = []string{w.Previous, w.Secret}
	}
	return delivery.Target{Provider: p.provider, Scheme: p.o.Scheme, URL: w.URL, Secrets: secrets}, nil
}

// subscribed reports whether the agent's webhook gets events of a type (clause DLV-008).
func (a *agent) subscribed(eventType string) bool {
	return a.Webhook != nil && slices.Contains(a.Webhook.EventTypes, eventType)
}

// Ended leaves an exhausted delivery in the ledger of its session (clause DLV-007).
func (p *Platform) Ended(e delivery.End) {
	d := e.Delivery
	if d.Status != client.Failed {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logUndelivered(e.Body, map[string]any{
		"delivery_id": d.ID, "event_id": d.EventID, "event_type": d.Type, "webhook_url": d.URL, "attempts": len(d.Attempts),
		"error": lastFault(d),
	})
}

// logUndelivered puts into the ledger of the session that a delivery's body names that it was not delivered (clause
// DLV-007).
func (p *Platform) logUndelivered(body []byte, data map[string]any) {
	var envelope struct {
		Data struct {
			SessionID string `json:"session_id"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return
	}
	if s, ok := p.sessions.get(envelope.Data.SessionID); ok {
		p.log(s, "", "webhook.delivery_failed", data)
	}
}

// lastFault says in a few words how the last attempt failed.
func lastFault(d client.Delivery) string {
	if len(d.Attempts) == 0 {
		return "no attempt was made"
	}
	last := d.Attempts[len(d.Attempts)-1]
	switch {
	case last.Error != nil:
		return *last.Error
	case last.Response != nil:
		return fmt.Sprintf("answered with status %d", last.Response.Status)
	}
	return "no answer"
}
