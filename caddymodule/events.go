package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// The events that the handler emits on Caddy's events app. Each carries provider, code, id and event, the last two empty
// unless the delivery was verified.
const (
	// EventRefused: a request was refused.
	EventRefused = "dari_webhook.refused"
	// EventDuplicate: a copy was answered from the record.
	EventDuplicate = "dari_webhook.duplicate"
	// EventStoreUnavailable: a delivery was refused, or forwarded without deduplication, because the store could not
	// answer.
	EventStoreUnavailable = "dari_webhook.store_unavailable"
	// EventClaimLost: a delivery succeeded and that could not be recorded.
	EventClaimLost = "dari_webhook.claim_lost"
)

// events emits to Caddy's events app.
type events struct {
	ctx caddy.Context
	app *caddyevents.App
}

func newEvents(ctx caddy.Context) (*events, error) {
	app, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("loading the events app: %w", err)
	}
	return &events{ctx: ctx, app: app.(*caddyevents.App)}, nil
}

// verdict emits what a verdict is worth telling.
func (e *events) verdict(provider string, v gate.Verdict) {
	switch {
	case v.Code == contract.CodeStoreUnavailable || v.Unrecorded:
		e.emit(EventStoreUnavailable, provider, v.Code, v.Delivery)
	case v.Decision == gate.Refuse:
		e.emit(EventRefused, provider, v.Code, v.Delivery)
	case v.Decision == gate.Duplicate:
		e.emit(EventDuplicate, provider, v.Code, v.Delivery)
	}
}

// emit sends one event. It costs next to nothing when nobody listens.
func (e *events) emit(name, provider string, code contract.Code, d gate.Delivery) {
	if !e.app.ShouldEmit(name) {
		return
	}
	e.app.Emit(e.ctx, name, map[string]any{
		"provider": provider, "code": string(code), "id": d.ID, "event": d.Type,
	})
}
