package caddymodule

import (
	"context"
	"errors"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// TestGatesOfNoServer shows which gates are refused for the place from which they are provisioned.
func TestGatesOfNoServer(t *testing.T) {
	ctx, err := caddy.ProvisionContext(new(caddy.Config))
	if err != nil {
		t.Fatal(err)
	}
	if err := guardServer(ctx); !errors.Is(err, errNoServer) {
		t.Errorf("without a server: %v", err)
	}
	app, err := appOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	guarded, late := ctx, ctx
	guarded.Context = context.WithValue(ctx.Context, caddyhttp.ServerCtxKey, new(caddyhttp.Server))
	if err := guardServer(guarded); err != nil {
		t.Errorf("on a server: %v", err)
	}
	app.started = true
	if err := guardServer(guarded); err != nil {
		t.Errorf("on a running server that has a guard: %v", err)
	}
	late.Context = context.WithValue(ctx.Context, caddyhttp.ServerCtxKey, new(caddyhttp.Server))
	if err := guardServer(late); !errors.Is(err, errTooLate) {
		t.Errorf("on a running server that has none: %v", err)
	}
}
