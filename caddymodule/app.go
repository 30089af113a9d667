package caddymodule

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { caddy.RegisterModule(new(App)) }

// appID names the app, in a configuration and for ctx.App.
const appID = "dari_webhook"

// App is the part of a configuration that all its gates share. Caddy makes it together with the first gate; it has no
// settings and need not be written down.
//
// Provision must have no effect outside of the process, since caddy validate provisions a configuration and never starts
// it. Whatever has such an effect, or has to see the whole configuration, waits for the app's Start.
type App struct {
	atStarts []func() error
	guarded  map[*caddyhttp.Server]bool
	told     map[string]bool
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: appID, New: func() caddy.Module { return &App{guarded: make(map[*caddyhttp.Server]bool)} }}
}

// appOf returns the app of the configuration that a module is provisioned for.
func appOf(ctx caddy.Context) (*App, error) {
	module, err := ctx.App(appID)
	if err != nil {
		return nil, err
	}
	app, ok := module.(*App)
	if !ok {
		return nil, fmt.Errorf("app %s is %T", appID, module)
	}
	return app, nil
}

// atStart has check called when Caddy starts the configuration, and never in caddy validate. Every module has been
// provisioned then, and the HTTP servers may already be listening. An error keeps the configuration from starting. A gate
// calls atStart while it is provisioned.
func (a *App) atStart(check func() error) { a.atStarts = append(a.atStarts, check) }

// first reports whether a warning that several gates have reason for is told for the first time.
func (a *App) first(warning string) bool {
	if a.told[warning] {
		return false
	}
	if a.told == nil {
		a.told = make(map[string]bool)
	}
	a.told[warning] = true
	return true
}

// Start runs what waited for it. Caddy does not call Stop after a Start that failed, nor when it failed to start another app
// before this one: what Start acquires, the Cleanup of each gate gives back.
func (a *App) Start() error {
	for _, check := range a.atStarts {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// Stop does nothing: gates still need their stores until their servers have stopped, which may be later.
func (*App) Stop() error { return nil }

// Interface guard.
var _ caddy.App = (*App)(nil)
