package caddymodule

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/darihook/darihook/contract"
)

func init() { caddy.RegisterModule(MatchEvent{}) }

// MatchEvent matches verified deliveries by their event type. It needs a gate earlier in the route, and matches nothing
// without one: a type that was not verified is nobody's to act on.
type MatchEvent []string

// CaddyModule returns the Caddy module information.
func (MatchEvent) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.matchers.dari_event",
		New: func() caddy.Module { return new(MatchEvent) },
	}
}

// Provision warns of a type that no platform has and that comes near to one: it would match nothing, and say nothing.
func (m MatchEvent) Provision(ctx caddy.Context) error {
	var known []string
	for _, p := range contract.Providers() {
		known = append(known, p.EventTypes()...)
	}
	for _, eventType := range m {
		if near := contract.Nearest(eventType, known); near != "" && near != eventType {
			ctx.Logger().Warn("dari_event names a type that no built-in platform has", zap.String("type", eventType), zap.String("did_you_mean", near))
		}
	}
	return m.warnAlone(ctx)
}

// warnAlone has a matcher on a server without a gate warned of once the whole configuration is known.
func (m MatchEvent) warnAlone(ctx caddy.Context) error {
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	logger := ctx.Logger()
	app.atStart(func() error {
		if !app.guarded[server] {
			logger.Warn("dari_event matches nothing: its server has no dari_webhook, and only a gate knows the type of a delivery",
				zap.String("server", server.Name()), zap.Strings("types", m))
		}
		return nil
	})
	return nil
}

// MatchWithError reports whether the request is a verified delivery of one of the types. The error is always nil.
func (m MatchEvent) MatchWithError(r *http.Request) (bool, error) {
	v, ok := notedVerdict(r)
	return ok && v.Verified && v.Delivery.Type != "" && slices.Contains(m, v.Delivery.Type), nil
}

// Match is MatchWithError for modules that still ask matchers of the older kind.
func (m MatchEvent) Match(r *http.Request) bool {
	matches, _ := m.MatchWithError(r) // the error is always nil
	return matches
}

// UnmarshalCaddyfile reads
//
//	dari_event <type>...
func (m *MatchEvent) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		types := d.RemainingArgs()
		if len(types) == 0 {
			return d.ArgErr()
		}
		if d.NextBlock(0) {
			return d.Err("dari_event takes no block")
		}
		*m = append(*m, types...)
	}
	return nil
}

// Interface guards.
var (
	_ caddy.Module                      = MatchEvent{}
	_ caddy.Provisioner                 = MatchEvent{}
	_ caddyhttp.RequestMatcherWithError = MatchEvent{}
	_ caddyfile.Unmarshaler             = (*MatchEvent)(nil)
)
