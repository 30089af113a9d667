package mutants

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/darihook/darihook/contract"
)

// webhookView is a webhook as the API shows it.
type webhookView struct {
	WebhookURL     *string   `json:"webhook_url"`
	SigningEnabled bool      `json:"signing_enabled"`
	EventTypes     *[]string `json:"event_types,omitempty"`
	SigningSecret  *string   `json:"signing_secret"`
}

// show answers with a webhook and, where it is new, its secret.
func (p *platform) show(w http.ResponseWriter, hook *webhook, secret string) {
	view := webhookView{EventTypes: &[]string{}}
	if hook != nil {
		view = webhookView{WebhookURL: &hook.url, SigningEnabled: true, EventTypes: &hook.types}
	}
	if secret != "" {
		view.SigningSecret = &secret
	}
	if p.fault == eventTypesHidden {
		view.EventTypes = nil
	}
	writeJSON(w, http.StatusOK, view)
}

// newSecret makes a signing secret up.
func (p *platform) newSecret() string {
	if p.fault == secretWithoutPrefix {
		return rand.Text() + rand.Text()
	}
	return contract.SecretPrefix + rand.Text() + rand.Text()
}

// getWebhook shows the webhook, and never its secret (clause CFG-001).
func (p *platform) getWebhook(w http.ResponseWriter, _ *http.Request, a *agent) {
	secret := ""
	if p.fault == secretInGet && a.hook != nil {
		secret = a.hook.secret
	}
	p.show(w, a.hook, secret)
}

// putWebhook creates or updates the webhook (clauses CFG-002 and CFG-003).
func (p *platform) putWebhook(w http.ResponseWriter, r *http.Request, a *agent) {
	hook, ok := p.readWebhook(w, r)
	if !ok {
		return
	}
	shown := ""
	switch {
	case a.hook == nil:
		hook.secret = cmp.Or(p.keptSecret(a), p.newSecret())
		shown = hook.secret
	case p.fault == updateRenewsSecret:
		hook.secret = p.newSecret()
		shown = hook.secret
	default:
		hook.secret, hook.former, hook.formerUntil = a.hook.secret, a.hook.former, a.hook.formerUntil
	}
	switch p.fault {
	case secretAlwaysShown:
		shown = hook.secret
	case secretNeverShown:
		shown = ""
	}
	a.hook = &hook
	p.show(w, a.hook, shown)
}

// keptSecret is the secret that a fault gives to a new webhook.
func (p *platform) keptSecret(a *agent) string {
	switch p.fault {
	case secretSurvivesDelete:
		return contract.SecretPrefix + "of-" + a.id
	case oneSecretForAll:
		return contract.SecretPrefix + "of-" + p.key
	}
	return ""
}

// readWebhook reads and checks what a PUT asks for.
func (p *platform) readWebhook(w http.ResponseWriter, r *http.Request) (webhook, bool) {
	fields, ok := p.readObject(w, r, "webhook_url", "event_types")
	if !ok {
		return webhook{}, false
	}
	var hook webhook
	problems := append(p.readURL(fields["webhook_url"], &hook), p.readTypes(fields["event_types"], &hook)...)
	if len(problems) > 0 {
		p.invalid(w, problems...)
		return webhook{}, false
	}
	return hook, true
}

// readURL reads webhook_url, which is required (clause CFG-021).
func (p *platform) readURL(raw json.RawMessage, hook *webhook) []problem {
	place := []string{"body", "webhook_url"}
	switch {
	case raw == nil && p.fault == urlOptional:
		hook.url = "https://example.com/"
		return nil
	case raw == nil:
		return []problem{{place, "Field required", "missing"}}
	case json.Unmarshal(raw, &hook.url) != nil || string(raw) == "null":
		return []problem{{place, "Input should be a valid string", "string_type"}}
	}
	if reason := p.urlFault(hook.url); reason != "" {
		return []problem{{place, reason, "value_error"}}
	}
	return nil
}

// readTypes reads event_types, which is optional (clauses CFG-008 and CFG-009).
func (p *platform) readTypes(raw json.RawMessage, hook *webhook) []problem {
	place := []string{"body", "event_types"}
	hook.types = []string{contract.ToolCallRequested}
	if raw == nil {
		hook.types = p.defaultTypes(hook.types)
		return nil
	}
	if string(raw) == "null" {
		return nil
	}
	if json.Unmarshal(raw, &hook.types) != nil {
		return []problem{{place, "Input should be a valid list", "list_type"}}
	}
	defer func() {
		if p.fault == eventTypesIgnored {
			hook.types = []string{contract.ToolCallRequested}
		}
	}()
	if p.fault == unknownTypesDropped {
		hook.types = slices.DeleteFunc(hook.types, func(name string) bool { return !isEventType(name) })
	}
	for _, name := range hook.types {
		if !isEventType(name) && p.fault != unknownTypesKept {
			return []problem{{place, "Unknown event type", "enum"}}
		}
	}
	return nil
}

// defaultTypes is the subscription that a PUT without event_types makes.
func (p *platform) defaultTypes(right []string) []string {
	switch p.fault {
	case subscribedToAll:
		var all []string
		for _, e := range contract.Dari().Events {
			all = append(all, e.Type)
		}
		return all
	case subscribedToNothing:
		return []string{}
	}
	return right
}

// deleteWebhook removes the webhook and its secret; it does not mind if there is none (clause CFG-004).
func (p *platform) deleteWebhook(w http.ResponseWriter, _ *http.Request, a *agent) {
	missing := a.hook == nil
	switch {
	case missing && p.fault == secondDeleteNotFound:
		p.fail(w, http.StatusNotFound, "No webhook")
		return
	case !missing && p.fault == deleteKeepsURL:
		kept := webhook{url: a.hook.url, types: a.hook.types}
		a.hook = nil
		p.show(w, &kept, "")
		return
	}
	a.hook = nil
	if p.fault == deleteSaysNothing {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	p.show(w, nil, "")
}

// rotateSecret replaces the secret (clauses CFG-006 and CFG-007).
func (p *platform) rotateSecret(w http.ResponseWriter, _ *http.Request, a *agent) {
	switch {
	case a.hook == nil && p.fault == rotateConjuresSecret:
		p.show(w, nil, p.newSecret())
		return
	case a.hook == nil && p.fault == rotateBreaks:
		p.fail(w, http.StatusInternalServerError, "Internal Server Error")
		return
	case a.hook == nil:
		p.fail(w, http.StatusConflict, "No webhook is configured")
		return
	}
	hook := *a.hook
	if p.fault != rotateChangesNothing {
		hook.secret = p.newSecret()
	}
	if p.overlap > 0 || p.fault == rotationOverlaps {
		hook.former, hook.formerUntil = a.hook.secret, p.engine.now().Add(max(p.overlap, withOverlap.overlap))
	}
	shown := hook.secret
	if p.fault == rotateHidesSecret {
		shown = ""
	}
	if p.fault == rotationUnused {
		hook.secret = a.hook.secret
	}
	if p.fault == rotateForgetsURL {
		hook.url = ""
	}
	a.hook = &hook
	p.show(w, a.hook, shown)
}
