package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// guard is a matcher that matches every request, and removes from it the fields that only a gate may set. Every server with a
// gate has one ahead of all other matchers of its first route, and one ahead of its first error route: Caddy evaluates these
// once a request, before any handler. So nothing on that server ever sees a sender vouch for itself, wherever the gate stands.
type guard struct {
	// errors is set ahead of the error routes. A request may come there without having been on any route, as one with an
	// invalid Host does.
	errors bool
}

// MatchWithError implements [caddyhttp.RequestMatcherWithError].
func (g guard) MatchWithError(r *http.Request) (bool, error) {
	if probe := r.Header[probeName]; len(probe) > 0 && &probe[0] == &probeField[0] {
		caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
		panic(g) // see meets
	}
	setAside(r)
	if r.Trailer != nil {
		strip(r.Trailer)
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &guardedBody{r.Body, r.Trailer}
		}
	}
	return true, nil
}

// guardedBody is a body with trailers. The server adds them to the map when the body ends, also those that were not announced.
type guardedBody struct {
	io.ReadCloser
	trailer http.Header
}

// Read implements [io.Reader].
func (b *guardedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		strip(b.trailer)
	}
	return n, err
}

// Close implements [io.Closer]. The server reads the body to its end for it.
func (b *guardedBody) Close() error {
	defer strip(b.trailer)
	return b.ReadCloser.Close()
}

// The reasons for which a server cannot be guarded.
var (
	errNoServer    = errors.New("dari_webhook stands in no HTTP server, so that nothing can keep a sender's own Dari-Webhook-Verified from what is beside it")
	errUnguardable = errors.New("the gate stands in a named or an error route, and the server's first route has no place ahead of its handlers" +
		" where a sender's own Dari-Webhook-Verified could be removed: give that route a matcher, or wrap the site's directives in route { … }")
	errTooLate = errors.New("the gate was provisioned after Caddy had started its server, which cannot be guarded any more:" +
		" have a gate in the server's own routes, too")
	errUnguarded = errors.New("a handler would see a sender's own Dari-Webhook-Verified before it is removed: another module has put itself ahead of the gate's guard")
)

// guardServer puts guards ahead of everything on the server that a gate is provisioned for, and has the app check at start
// that they are.
func guardServer(ctx caddy.Context) error {
	app, err := appOf(ctx)
	if err != nil {
		return err
	}
	server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	app.mu.Lock()
	guarded, started := app.guarded[server], app.started
	app.mu.Unlock()
	switch {
	case !ok:
		return errNoServer
	case guarded:
		return nil
	case started:
		return errTooLate
	}
	if err := putGuards(server); err != nil {
		return err
	}
	app.guarded[server] = true
	logger := ctx.Logger()
	app.atStart(func() error {
		if err := checkGuards(server); err != nil {
			return err
		}
		warnBeside(server)
		if err := checkScopes(server); err != nil {
			return err
		}
		return checkImpostors(server, logger)
	})
	return nil
}

// putGuards puts a guard ahead of a server's routes and of its error routes. Caddy provisions and compiles the routes, the
// error routes and the named routes in this order, and a gate may stand in any of them.
func putGuards(s *caddyhttp.Server) error {
	compiled := !underWay(s.Routes)
	if err := guardRoutes(s, s.Routes, guard{}, compiled); err != nil {
		return err
	}
	if s.Errors == nil || len(s.Errors.Routes) == 0 {
		return nil
	}
	if !compiled { // Caddy has not come to the error routes either
		s.Errors.Routes = slices.Insert(s.Errors.Routes, 0, guardRoute(guard{errors: true}))
		return nil
	}
	return guardRoutes(s, s.Errors.Routes, guard{errors: true}, !underWay(s.Errors.Routes))
}

// underWay reports whether handlers of some routes are still to be provisioned: Caddy drops their source then.
func underWay(routes caddyhttp.RouteList) bool {
	return slices.ContainsFunc(routes, func(r caddyhttp.Route) bool { return r.HandlersRaw != nil })
}

// guardRoute is a route that does nothing but guard what comes after it.
func guardRoute(g guard) caddyhttp.Route {
	return caddyhttp.Route{MatcherSets: caddyhttp.MatcherSets{{g}}}
}

// guardRoutes puts a guard ahead of routes whose matchers have been provisioned. A list that is compiled already is a copy of
// the routes, which shares with them what they point to.
func guardRoutes(s *caddyhttp.Server, routes caddyhttp.RouteList, g guard, compiled bool) error {
	if len(routes) == 0 {
		return nil
	}
	first := &routes[0]
	if len(first.MatcherSets) > 0 || !compiled {
		return guardMatchers(first, g)
	}
	if len(first.Handlers) == 0 {
		return errUnguardable
	}
	switch handler := first.Handlers[0].(type) {
	case *caddyhttp.Subroute: // compiled for each request
		handler.Routes = slices.Insert(handler.Routes, 0, guardRoute(g))
		return nil
	case *caddyhttp.Invoke: // likewise
		if named := s.NamedRoutes[handler.Name]; named != nil {
			return guardMatchers(named, g)
		}
	}
	return errUnguardable
}

// guardMatchers puts a guard ahead of a route's matchers.
func guardMatchers(route *caddyhttp.Route, g guard) error {
	switch {
	case len(route.MatcherSets) > 0:
		route.MatcherSets[0] = slices.Insert(slices.Clone(route.MatcherSets[0]), 0, any(g))
	case len(route.MatcherSetsRaw) > 0: // they would be added to the guard, which matches all
		return errUnguardable
	default:
		route.MatcherSets = caddyhttp.MatcherSets{{g}}
	}
	return nil
}

// probeName is the name of a field that no sender can send, and probeField its value, of which guards know the array. They
// answer it with a panic, which ends the request before any handler.
const probeName = "\x00"

var probeField = []string{"probe"}

// checkGuards sends a server a request for its routes and one for its error routes, to see that the guards come first in what
// Caddy has compiled.
func checkGuards(s *caddyhttp.Server) error {
	if len(s.Routes) > 0 && !meets(s, guard{}, "guard.invalid") {
		return fmt.Errorf("server %s: routes: %w", s.Name(), errUnguarded)
	}
	// A request without a Host comes to the error routes alone.
	if s.Errors != nil && len(s.Errors.Routes) > 0 && !meets(s, guard{errors: true}, "") {
		return fmt.Errorf("server %s: error routes: %w", s.Name(), errUnguarded)
	}
	return nil
}

// meets reports whether a guard is what a request to a host meets first. Where there is none the request has been canceled,
// so that no proxy sends it on.
func meets(s *caddyhttp.Server, want guard, host string) (met bool) {
	defer func() { met = recover() == any(want) }()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := &http.Request{
		Method: http.MethodOptions, URL: &url.URL{Path: "/"}, RequestURI: "/", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{probeName: probeField}, Body: http.NoBody, Host: host,
	}
	s.ServeHTTP(&deafWriter{make(http.Header)}, r.WithContext(ctx))
	return false
}

// deafWriter takes an answer that nobody reads.
type deafWriter struct{ header http.Header }

func (w *deafWriter) Header() http.Header         { return w.header }
func (w *deafWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *deafWriter) WriteHeader(int)             {}

// Interface guards.
var (
	_ caddyhttp.RequestMatcherWithError = guard{}
	_ io.ReadCloser                     = (*guardedBody)(nil)
	_ http.ResponseWriter               = (*deafWriter)(nil)
)
