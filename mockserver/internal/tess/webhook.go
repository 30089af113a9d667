package tess

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// The statuses of a webhook.
const (
	active   = "active"
	inactive = "inactive"
)

// webhook is one webhook, as it is stored and, but for its counts, as the API shows it when it is made. There is no secret.
type webhook struct {
	TemplateID int64  `json:"template_id"`
	UserID     int64  `json:"user_id"`
	URL        string `json:"url"`
	Method     string `json:"method"`
	Status     string `json:"status"`
	UpdatedAt  string `json:"updated_at"`
	CreatedAt  string `json:"created_at"`
	ID         int64  `json:"id"`
	counts
}

// counts are what lists add to a webhook.
type counts struct {
	// SuccessCount and FailureCount are deliveries, each counted when it has ended; that it is these and not attempts is a
	// choice.
	SuccessCount int64 `json:"success_count"`
	FailureCount int64 `json:"failure_count"`
	// DeletedAt is null until the webhook is deleted.
	DeletedAt *string `json:"deleted_at"`
}

// created is a webhook as the API shows it when it is made.
type created struct {
	TemplateID int64  `json:"template_id"`
	UserID     int64  `json:"user_id"`
	URL        string `json:"url"`
	Method     string `json:"method"`
	Status     string `json:"status"`
	UpdatedAt  string `json:"updated_at"`
	CreatedAt  string `json:"created_at"`
	ID         int64  `json:"id"`
}

func (w *webhook) created() created {
	return created{w.TemplateID, w.UserID, w.URL, w.Method, w.Status, w.UpdatedAt, w.CreatedAt, w.ID}
}

// body is what a POST says.
type body struct {
	URL    *string `json:"url"`
	Method *string `json:"method"`
	Status *string `json:"status"`
}

// check names the fields that do not fit. It looks names up, so that no lock is held.
func (b body) check(ctx context.Context, policy target.Policy, methods []string) error {
	var p httpjson.Problems
	if b.URL == nil {
		p.Missing("body", "url")
	} else {
		checkURL(ctx, &p, policy, *b.URL)
	}
	if b.Method == nil {
		p.Missing("body", "method")
	} else if !slices.Contains(methods, *b.Method) {
		p.Invalid("method must be POST or GET", "body", "method")
	}
	if b.Status != nil && *b.Status != active && *b.Status != inactive {
		p.Invalid("status must be active or inactive", "body", "status")
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

// status returns the webhook's status; it is active unless the body says otherwise.
func (b body) status() string {
	if b.Status == nil {
		return active
	}
	return *b.Status
}

// maxWebhooks bounds the webhooks, the deleted ones included; of these the oldest is then forgotten.
const maxWebhooks = 10_000

// add makes a webhook of an agent.
func (p *Platform) add(a *agent, b body) (*webhook, error) {
	if len(p.webhooks) >= maxWebhooks && !p.forget() {
		return nil, httpjson.Refuse(http.StatusConflict, "Too many webhooks")
	}
	p.last.Webhook++
	p.saveCounters()
	now := p.now()
	w := &webhook{
		ID: p.last.Webhook, TemplateID: a.ID, UserID: a.User, URL: *b.URL, Method: *b.Method, Status: b.status(),
		CreatedAt: now, UpdatedAt: now,
	}
	p.webhooks = append(p.webhooks, w)
	p.save(w)
	return w, nil
}

// forget drops the oldest deleted webhook and reports whether there was one.
func (p *Platform) forget() bool {
	i := slices.IndexFunc(p.webhooks, func(w *webhook) bool { return w.DeletedAt != nil })
	if i < 0 {
		return false
	}
	p.o.Store.Delete(tableWebhooks, key(p.webhooks[i].ID))
	p.webhooks = slices.Delete(p.webhooks, i, i+1)
	return true
}

// remove marks a webhook as deleted. Deliveries that are under way to it fail.
func (p *Platform) remove(w *webhook) {
	now := p.now()
	w.DeletedAt, w.UpdatedAt = &now, now
	p.save(w)
}

func (p *Platform) save(w *webhook) { p.o.Store.Put(tableWebhooks, key(w.ID), w) }

func key(id int64) string { return strconv.FormatInt(id, 10) }

// find returns a webhook, which may be deleted, or nil.
func (p *Platform) find(id int64) *webhook {
	i, found := slices.BinarySearchFunc(p.webhooks, id, func(w *webhook, id int64) int { return cmp.Compare(w.ID, id) })
	if !found {
		return nil
	}
	return p.webhooks[i]
}

// living returns the webhooks that match and are not deleted, the oldest first.
func (p *Platform) living(match func(*webhook) bool) []*webhook {
	own := []*webhook{}
	for _, w := range p.webhooks {
		if w.DeletedAt == nil && match(w) {
			own = append(own, w)
		}
	}
	return own
}

// of returns an agent's webhooks.
func (p *Platform) of(a *agent) []*webhook {
	return p.living(func(w *webhook) bool { return w.TemplateID == a.ID })
}

// SetWebhook sets an agent's oldest webhook from the platform's side, or makes it. Its deliveries are POST requests. There
// is never a secret. Errors: an [httpjson.Error], or [httpjson.Problems].
func (p *Platform) SetWebhook(ctx context.Context, id string, spec client.WebhookSpec) (secret string, err error) {
	method, status := http.MethodPost, active
	b := body{URL: &spec.URL, Method: &method, Status: &status}
	switch {
	case spec.Secret != "":
		return "", httpjson.Invalid("Tess signs nothing", "body", "signing_secret")
	case len(spec.EventTypes) > 0:
		return "", httpjson.Invalid("Tess has no event types", "body", "event_types")
	}
	if err := b.check(ctx, p.o.Policy, p.provider.Methods); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.agent(numberOf(id))
	if a == nil {
		return "", httpjson.NotFound("Agent")
	}
	own := p.of(a)
	if len(own) == 0 {
		_, err := p.add(a, b)
		return "", err
	}
	w := own[0]
	w.URL, w.Method, w.Status, w.UpdatedAt = spec.URL, method, status, p.now()
	p.save(w)
	return "", nil
}

// The reasons for which deliveries end early.
var (
	errGone = errors.New("the webhook was deleted")
	errOff  = errors.New("the webhook is inactive")
)

// Target tells the delivery engine where a webhook's deliveries go. Nothing signs them.
func (p *Platform) Target(id string) (delivery.Target, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.find(numberOf(id))
	switch {
	case w == nil || w.DeletedAt != nil:
		return delivery.Target{}, errGone
	case w.Status != active:
		return delivery.Target{}, errOff
	}
	return delivery.Target{Provider: p.provider, URL: w.URL, Method: w.Method}, nil
}

// Ended counts how a delivery has ended.
func (p *Platform) Ended(e delivery.End) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.find(numberOf(e.Endpoint))
	if w == nil {
		return
	}
	if e.Delivery.Status == client.Succeeded {
		w.SuccessCount++
	} else {
		w.FailureCount++
	}
	p.save(w)
}
