package caddymodule

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// place is where a gate stands in the configuration. The lines of its log say it, since a Caddy may have many gates.
type place struct {
	server *caddyhttp.Server // nil: none, as in a test
	hosts  []string          // of the matchers around the gate; empty: any
	paths  []string          // likewise
}

// placeOf finds the place of the gate that is being provisioned: the routes that are being provisioned around it are the
// first ones of their lists whose handlers have not been loaded yet.
func placeOf(ctx caddy.Context) (p place) {
	p.server, _ = ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if p.server == nil {
		return p
	}
	p.enter(p.server.Routes)
	for _, module := range ctx.Modules() {
		if sub, ok := module.(*caddyhttp.Subroute); ok {
			p.enter(sub.Routes)
		}
	}
	return p
}

// enter takes the matchers of the route that is being provisioned. What an inner route says is narrower than what an outer
// one does.
func (p *place) enter(routes caddyhttp.RouteList) {
	at := slices.IndexFunc(routes, func(r caddyhttp.Route) bool { return len(r.HandlersRaw) > 0 })
	if at < 0 {
		return
	}
	var hosts, paths []string
	for _, set := range routes[at].MatcherSets {
		for _, matcher := range set {
			switch m := matcher.(type) {
			case *caddyhttp.MatchHost:
				hosts = append(hosts, *m...)
			case *caddyhttp.MatchPath:
				paths = append(paths, *m...)
			}
		}
	}
	if len(hosts) > 0 {
		p.hosts = hosts
	}
	if len(paths) > 0 {
		p.paths = paths
	}
}

// fields name the place in a line of the log. What is not known is left out.
func (p place) fields() (fields []zap.Field) {
	add := func(name, text string) {
		if text != "" {
			fields = append(fields, zap.String(name, text))
		}
	}
	if p.server != nil {
		add("server", p.server.Name())
	}
	add("host", strings.Join(p.hosts, ", "))
	add("route", strings.Join(p.paths, ", "))
	return fields
}

// clientIP returns the address that Caddy takes for the client's: behind trusted proxies not that of the proxy. It is the
// peer's address where Caddy has none.
func clientIP(r *http.Request) string {
	if ip, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok && ip != "" {
		return ip
	}
	if ip, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return ip
	}
	return r.RemoteAddr
}
