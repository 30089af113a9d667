package danube

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/emission"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/target"
	"github.com/darihook/darihook/signature"
)

// table is where webhooks are stored.
const table = "danube.webhooks"

// maxWebhooks bounds the webhooks of all accounts.
const maxWebhooks = 10_000

// maxDescription is the longest description in bytes.
const maxDescription = 1000

// webhook is one webhook, as it is stored.
type webhook struct {
	ID          string   `json:"id"`
	Account     string   `json:"account"`
	Serial      uint64   `json:"serial"`
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	Active      bool     `json:"active"`
	Description *string  `json:"description"`
	Secret      string   `json:"secret"`
}

// view is a webhook as the API shows it.
type view struct {
	ID          string   `json:"id"`
	URL         string   `json:"url"`
	Events      []string `json:"events"`
	IsActive    bool     `json:"is_active"`
	Description *string  `json:"description"`
}

// created is a webhook as the API shows it once.
type created struct {
	view
	Secret string `json:"secret"`
}

func (w *webhook) view() view { return view{w.ID, w.URL, w.Events, w.Active, w.Description} }

// subscribed reports whether the webhook gets events of a type.
func (w *webhook) subscribed(eventType string) bool {
	return w.Active && slices.Contains(w.Events, eventType)
}

// body is what a POST or PATCH says. An absent field and null are the same.
type body struct {
	URL         *string   `json:"url"`
	Events      *[]string `json:"events"`
	IsActive    *bool     `json:"is_active"`
	Description *string   `json:"description"`
}

// check names the fields that do not fit; url and events are required of a whole webhook. It looks names up, so that no
// lock is held.
func (b body) check(ctx context.Context, policy target.Policy, whole bool) error {
	var p httpjson.Problems
	switch {
	case b.URL != nil:
		checkURL(ctx, &p, policy, *b.URL)
	case whole:
		p.Missing("body", "url")
	}
	switch {
	case b.Events != nil:
		checkEvents(&p, *b.Events)
	case whole:
		p.Missing("body", "events")
	}
	if b.Description != nil && len(*b.Description) > maxDescription {
		p.Invalid("description is too long", "body", "description")
	}
	return p.Err()
}

func checkURL(ctx context.Context, p *httpjson.Problems, policy target.Policy, url string) {
	err := policy.Check(ctx, url)
	if violation, ok := errors.AsType[target.Violation](err); ok {
		p.Invalid(violation.Of("url"), "body", "url")
	} else if err != nil {
		p.Invalid(err.Error(), "body", "url")
	}
}

// checkEvents refuses unknown, repeated and no types.
func checkEvents(p *httpjson.Problems, events []string) {
	if len(events) == 0 {
		p.Invalid("events must name at least one event type", "body", "events")
	}
	for i, e := range events {
		if _, ok := contract.Danube().EventFor(e); !ok || slices.Contains(events[:i], e) {
			p.Invalid("events must be known event types, and each only once", "body", "events", i)
		}
	}
}

// apply changes what the body names.
func (w *webhook) apply(b body) {
	if b.URL != nil {
		w.URL = *b.URL
	}
	if b.Events != nil {
		w.Events = *b.Events
	}
	if b.IsActive != nil {
		w.Active = *b.IsActive
	}
	if b.Description != nil {
		w.Description = b.Description
	}
}

// add makes a webhook with a secret, or with a new one.
func (p *Platform) add(account string, b body, secret string) (*webhook, error) {
	if len(p.webhooks) >= maxWebhooks {
		return nil, httpjson.Refuse(http.StatusTooManyRequests, "Too many webhooks")
	}
	if secret == "" {
		secret = ident.Secret(contract.SecretPrefix)
	}
	p.serial++
	w := &webhook{ID: uuid.NewString(), Account: account, Serial: p.serial, Active: true, Secret: secret}
	w.apply(b)
	p.webhooks = append(p.webhooks, w)
	p.save(w)
	return w, nil
}

func (p *Platform) save(w *webhook) { p.o.Store.Put(table, w.ID, w) }

// remove forgets a webhook. Deliveries that are under way to it fail.
func (p *Platform) remove(w *webhook) {
	p.webhooks = slices.DeleteFunc(p.webhooks, func(other *webhook) bool { return other == w })
	p.o.Store.Delete(table, w.ID)
}

// find returns a webhook, or nil.
func (p *Platform) find(id string) *webhook {
	i := slices.IndexFunc(p.webhooks, func(w *webhook) bool { return w.ID == id })
	if i < 0 {
		return nil
	}
	return p.webhooks[i]
}

// of returns an account's webhooks, the oldest first.
func (p *Platform) of(account string) (own []*webhook) {
	for _, w := range p.webhooks {
		if w.Account == account {
			own = append(own, w)
		}
	}
	return own
}

// subscribed returns an account's webhooks that get events of a type.
func (p *Platform) subscribed(account, eventType string) []*webhook {
	return slices.DeleteFunc(p.of(account), func(w *webhook) bool { return !w.subscribed(eventType) })
}

// undelivered says why none of an account's webhooks takes an event.
func (p *Platform) undelivered(account string) string {
	own := p.of(account)
	var active [][]string
	for _, w := range own {
		if w.Active {
			active = append(active, w.Events)
		}
	}
	return emission.Undelivered(len(own), active)
}

// first returns an account's oldest webhook, or nil.
func (p *Platform) first(account string) *webhook {
	if own := p.of(account); len(own) > 0 {
		return own[0]
	}
	return nil
}

// SetWebhook sets an account's oldest webhook from the platform's side, or makes it, with a secret of the caller's choice.
// It returns the secret where it made one. Without event types it is subscribed to all. Errors: an [httpjson.Error], or
// [httpjson.Problems].
func (p *Platform) SetWebhook(ctx context.Context, id string, spec client.WebhookSpec) (secret string, err error) {
	active := true
	b := body{URL: &spec.URL, Events: &spec.EventTypes, IsActive: &active}
	if spec.EventTypes == nil {
		b.Events = p.everyEvent()
	}
	if err := b.check(ctx, p.o.Policy, true); err != nil {
		return "", err
	}
	if spec.Secret == "" {
		secret = ident.Secret(contract.SecretPrefix)
	} else if err := p.usable(spec.Secret); err != nil {
		return "", httpjson.Invalid(err.Error(), "body", "signing_secret")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.accounts, id) {
		return "", httpjson.NotFound("Account")
	}
	w := p.first(id)
	switch {
	case w == nil:
		_, err := p.add(id, b, spec.Secret+secret)
		return secret, err
	case secret != "" && spec.KeepSecret:
		secret = ""
	default:
		w.Secret = spec.Secret + secret // one of them is empty
	}
	w.apply(b)
	p.save(w)
	return secret, nil
}

func (p *Platform) everyEvent() *[]string {
	all := p.provider.EventTypes()
	return &all
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

// The reasons for which deliveries end early.
var (
	errGone = errors.New("the webhook was removed")
	errOff  = errors.New("the webhook was switched off")
)

// Target tells the delivery engine where a webhook's deliveries go, and what signs them. That switching a webhook off ends
// the deliveries under way is a choice.
func (p *Platform) Target(id string) (delivery.Target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.find(id)
	switch {
	case w == nil:
		return delivery.Target{}, errGone
	case !w.Active:
		return delivery.Target{}, errOff
	}
	return delivery.Target{Provider: p.provider, Scheme: p.o.Scheme, URL: w.URL, Secrets: []string{w.Secret}}, nil
}
