package caddymodule

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

func init() { caddy.RegisterModule(new(App)) }

// appID names the app, in a configuration and for ctx.App.
const appID = "dari_webhook"

// App is the part of a configuration that all its gates share. Caddy makes it together with the first gate; it has no
// settings and need not be written down.
//
// Provision must have no effect outside of the process, since caddy validate provisions a configuration and never starts
// it. Whatever has such an effect, or has to see the whole configuration, waits for the app's Start.
//
// The app opens the stores of all gates in its Start, and each gate gives its share back in its Cleanup, which Caddy calls
// also where Stop is not called: after a validation, and after a start that failed. Stores are shared by identity with the
// configuration before, so that a reload neither closes nor opens one that both have.
type App struct {
	logger *zap.Logger

	mu       sync.Mutex
	atStarts []func() error
	leases   []*storeLease
	started  bool

	guarded map[*caddyhttp.Server]bool
	told    map[string]bool
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

// Provision takes the app's logger.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger = ctx.Logger()
	return nil
}

// lease promises a gate a share in the store that its module's settings lead to. The store is opened by Start; at once where
// the gate is provisioned later.
func (a *App) lease(module StoreModule) (*storeLease, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id, err := identify(module)
	if err != nil && !errors.Is(err, fs.ErrPermission) { // whoever validates may have fewer rights than whoever starts
		return nil, fmt.Errorf("%s: %w", id.kind, err)
	}
	l := &storeLease{id: id, module: module, settings: module, settled: make(chan struct{})}
	if a.started {
		return l, l.open()
	}
	a.agree(l)
	a.leases = append(a.leases, l)
	return l, nil
}

// bounded is a store module with a bound that every gate may set.
type bounded interface {
	// bound is the number of ids that the store may hold.
	bound() int
}

// agree has gates that share a store use the same settings: those with the largest bound, so that none of them refuses or
// forgets before its configuration says so. Where they differ, that is told.
func (a *App) agree(l *storeLease) {
	for _, other := range a.leases {
		mine, ok := l.settings.(bounded)
		its, also := other.settings.(bounded)
		if !ok || !also || !l.id.same(other.id) || mine.bound() == its.bound() {
			continue
		}
		least, most := l, other
		if mine.bound() > its.bound() {
			least, most = other, l
		}
		a.logger.Warn("two gates set max_ids of one store differently: the larger bound counts; set both alike",
			zap.String("store", l.id.kind), zap.String("address", l.id.address), zap.String("other_address", other.id.address),
			zap.Int("max_ids", most.settings.(bounded).bound()), zap.Int("ignored", least.settings.(bounded).bound()))
		least.settings = most.settings
	}
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

// Start runs the checks and opens the stores. Caddy does not call Stop after a Start that failed, nor when it failed to start
// another app before this one: what Start acquires, the Cleanup of each gate gives back.
func (a *App) Start() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.started = true
	for _, check := range a.atStarts {
		if err := check(); err != nil {
			return err
		}
	}
	for _, l := range a.leases {
		if err := l.open(); err != nil {
			return fmt.Errorf("opening the store: %w", err)
		}
	}
	return nil
}

// Stop does nothing: gates still need their stores until their servers have stopped, which may be later.
func (*App) Stop() error { return nil }

// Interface guards.
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
)
