package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(AdminAPI)) }

// adminTime bounds what one request to the admin endpoint may take.
const adminTime = 5 * time.Second

// AdminAPI shows on Caddy's admin endpoint what the gates of the running configuration remember and how their stores do:
//
//	GET    /dari_webhook/stores                stores, their gates and breakers
//	GET    /dari_webhook/health                200 when every store answers, else 503
//	GET    /dari_webhook/doctor                what is probably wrong with the gates and their stores
//	GET    /dari_webhook/ids?scope=&limit=     the deliveries claimed or recorded last
//	GET    /dari_webhook/id?scope=&id=         what is known of one delivery
//	DELETE /dari_webhook/id?scope=&id=         forgets a recorded one, so that it can be sent again
//
// Answers are JSON. The endpoint has the admin endpoint's own access control, and nothing to configure.
type AdminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*AdminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.dari_webhook", New: func() caddy.Module { return new(AdminAPI) }}
}

// runningGauges finds the gates of the running configuration by the registry that they share. The admin endpoint itself may
// belong to a configuration that came later and was rejected.
func runningGauges() (*gauges, error) {
	ctx := caddy.ActiveContext()
	registry := ctx.GetMetricsRegistry()
	if registry == nil { // nothing runs
		return newGauges(), nil
	}
	r := registrar{registry: registry}
	found := registered(&r, newGauges())
	return found, r.err
}

// Routes returns the endpoint's paths.
func (*AdminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/dari_webhook/stores", Handler: adminCall{http.MethodGet: showStores}},
		{Pattern: "/dari_webhook/health", Handler: adminCall{http.MethodGet: showHealth}},
		{Pattern: "/dari_webhook/doctor", Handler: adminCall{http.MethodGet: showDoctor}},
		{Pattern: "/dari_webhook/ids", Handler: adminCall{http.MethodGet: showRecent}},
		{Pattern: "/dari_webhook/id", Handler: adminCall{http.MethodGet: lookup, http.MethodDelete: forget}},
	}
}

// adminCall is a path of the endpoint: what answers each method. A body that comes with a request is ignored.
type adminCall map[string]func(context.Context, *gauges, *http.Request) (status int, answer any, err error)

// ServeHTTP answers with JSON, within a bounded time.
func (c adminCall) ServeHTTP(w http.ResponseWriter, r *http.Request) error {
	call, ok := c[r.Method]
	if !ok {
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(c)), ", "))
		return refuseAdmin(http.StatusMethodNotAllowed, errors.New("method not allowed"))
	}
	ctx, cancel := context.WithTimeout(r.Context(), adminTime)
	defer cancel()
	running, err := runningGauges()
	if err != nil {
		return fmt.Errorf("finding the gates: %w", err)
	}
	status, answer, err := call(ctx, running, r)
	if err != nil {
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // nobody is left to tell
	return nil
}

// refuseAdmin makes the error that Caddy answers with.
func refuseAdmin(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

// adminStore is a store as the endpoint shows it. Numbers that the store does not know are left out.
type adminStore struct {
	Store     string      `json:"store"`
	Address   string      `json:"address,omitempty"`
	InFlight  *int64      `json:"in_flight,omitempty"`
	Done      *int64      `json:"done,omitempty"`
	Evicted   *int64      `json:"evicted,omitempty"`
	DiskBytes *int64      `json:"disk_bytes,omitempty"`
	Gates     []adminGate `json:"gates"`
}

// adminGate is a gate that uses a store. Its breaker is closed while the store is asked, open while it is left alone, and
// half_open when the next delivery is to try it.
type adminGate struct {
	Provider  string `json:"provider"`
	Scope     string `json:"scope"`
	Breaker   string `json:"breaker"`
	InFlight  int64  `json:"in_flight"`
	Pending   int64  `json:"pending_outcomes"`
	BodyBytes int64  `json:"body_bytes"`
}

// showStores lists the stores.
func showStores(_ context.Context, running *gauges, _ *http.Request) (int, any, error) {
	all := []adminStore{}
	for _, s := range running.inUse("") {
		all = append(all, s.show())
	}
	return http.StatusOK, map[string]any{"stores": all}, nil
}

// usedStore is an open store and the gates that use it.
type usedStore struct {
	*openStore
	users []storeUser
}

// inUse returns the open stores of the gates with a scope, or of all gates, in the order of their kinds and addresses.
func (c *gauges) inUse(scope string) (used []usedStore) {
	c.mu.Lock()
	users := slices.Clone(c.users)
	c.mu.Unlock()
	for _, u := range users {
		store := u.lease.shown()
		if store == nil {
			continue
		}
		i := slices.IndexFunc(used, func(s usedStore) bool { return s.openStore == store })
		if i < 0 {
			i = len(used)
			used = append(used, usedStore{openStore: store})
		}
		used[i].users = append(used[i].users, u)
	}
	used = slices.DeleteFunc(used, func(s usedStore) bool {
		return scope != "" && !slices.ContainsFunc(s.users, func(u storeUser) bool { return u.gate.Scope() == scope })
	})
	slices.SortFunc(used, func(a, b usedStore) int {
		return cmp.Or(cmp.Compare(a.id.kind, b.id.kind), cmp.Compare(a.address(), b.address()))
	})
	return used
}

// address is where the store is, as the running configuration has it.
func (s usedStore) address() string { return s.users[0].lease.id.address }

func (s usedStore) show() adminStore {
	stats := s.Stats()
	shown := adminStore{
		Store: s.id.kind, Address: s.address(), Gates: []adminGate{},
		InFlight: known(stats.InFlight), Done: known(stats.Done), Evicted: known(stats.Evicted), DiskBytes: known(stats.DiskBytes),
	}
	for _, u := range s.users {
		g := u.gate.Stats()
		shown.Gates = append(shown.Gates, adminGate{u.provider, u.gate.Scope(), g.Breaker.String(), g.InFlight, g.Pending, g.BodyBytes})
	}
	slices.SortStableFunc(shown.Gates, func(a, b adminGate) int { return cmp.Compare(a.Scope, b.Scope) })
	return shown
}

// known leaves out a number that a store does not know.
func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// Interface guards.
var (
	_ caddy.AdminRouter  = (*AdminAPI)(nil)
	_ caddy.AdminHandler = adminCall(nil)
)
