package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
)

// beside looks at what becomes of the requests that a gate's matchers leave out.
type beside struct {
	server  *caddyhttp.Server
	entered map[*caddyhttp.Route]bool // the named routes, which may invoke each other
	lost    map[*Handler]bool         // the gates that have been warned of
}

// warnBeside tells of gates whose matchers leave out what is probably meant.
func warnBeside(s *caddyhttp.Server) {
	b := &beside{s, make(map[*caddyhttp.Route]bool), make(map[*Handler]bool)}
	b.routes(s.Routes, false)
}

// routes looks through a list of routes, and returns the gates in it. rest: what passes the list is answered.
func (b *beside) routes(list caddyhttp.RouteList, rest bool) (gates []*Handler) {
	for i, route := range list {
		rest, later := rest, list[i+1:]
		passed := !route.Terminal && (rest || b.answers(later, route.Group))
		var inside []*Handler
		for j, handler := range route.Handlers {
			if gate, ok := handler.(*Handler); ok {
				warnBehind(gate, route, route.Handlers[j+1:], later)
			}
			inside = append(inside, b.handler(handler, passed || slices.ContainsFunc(route.Handlers[j+1:], b.answered))...)
		}
		for _, gate := range inside {
			if isNarrow(route) && !rest && !b.answers(later, "") {
				b.warnLost(gate, pathsOf(route))
			}
			b.warnPaths(gate, i, list)
		}
		gates = append(gates, inside...)
	}
	return gates
}

func (b *beside) handler(handler caddyhttp.MiddlewareHandler, rest bool) []*Handler {
	switch h := handler.(type) {
	case *Handler:
		return []*Handler{h}
	case *caddyhttp.Subroute:
		return b.routes(h.Routes, rest)
	case *caddyhttp.Invoke:
		if named := b.server.NamedRoutes[h.Name]; named != nil && !b.entered[named] {
			b.entered[named] = true
			defer delete(b.entered, named)
			return b.routes(caddyhttp.RouteList{*named}, rest)
		}
	}
	return nil
}

// warnLost tells that Caddy answers what the gate's matcher leaves out, and that a sender takes the answer for success.
func (b *beside) warnLost(gate *Handler, paths []string) {
	if b.lost[gate] {
		return
	}
	b.lost[gate] = true
	gate.logger.Warn("nothing answers what the gate's matcher leaves out: Caddy's empty 200 does, which a sender takes for success, so that"+
		" a delivery to a mistyped path is lost; answer the rest of the site, as with: handle { respond 404 }",
		zap.Strings("matcher", paths))
}

// warnPaths tells of paths that lack a *: those that end with a slash, and those of which a proxy takes more than the gate.
func (b *beside) warnPaths(gate *Handler, at int, list caddyhttp.RouteList) {
	for _, path := range pathsOf(list[at]) {
		if len(path) > 1 && strings.HasSuffix(path, "/") {
			gate.logger.Warn("the gate's path matches nothing below it: end it with /* if deliveries come there", zap.String("path", path))
			continue
		}
		for i, other := range list {
			if i == at || !b.proxies(other) {
				continue
			}
			if wider := slices.IndexFunc(pathsOf(other), func(p string) bool { return isWider(p, path) }); wider >= 0 {
				gate.logger.Warn("a proxy beside the gate takes paths that the gate's matcher leaves out: give the gate the same path if deliveries come there",
					zap.String("path", path), zap.String("proxy", pathsOf(other)[wider]))
			}
		}
	}
}

// isWider reports whether a pattern covers more of one folder than another does: /a* more than /a/*, and that more than /a.
func isWider(pattern, than string) bool {
	breadth := func(p string) (base string, rank int) {
		switch {
		case strings.HasSuffix(p, "/*"):
			return strings.TrimSuffix(p, "/*"), 1
		case strings.HasSuffix(p, "*"):
			return strings.TrimSuffix(p, "*"), 2
		}
		return p, 0
	}
	wide, rank := breadth(pattern)
	narrow, least := breadth(than)
	return wide == narrow && rank > least
}

// proxies reports whether a route takes requests to a receiver, and not by a gate.
func (b *beside) proxies(route caddyhttp.Route) (found bool) {
	for _, handler := range route.Handlers {
		switch h := handler.(type) {
		case *Handler:
			return false
		case *reverseproxy.Handler:
			found = true
		case *caddyhttp.Subroute:
			found = found || slices.ContainsFunc(h.Routes, b.proxies)
		}
	}
	return found
}

// answers reports whether some routes answer every request that comes to them, but for those of a group.
func (b *beside) answers(routes caddyhttp.RouteList, group string) bool {
	return slices.ContainsFunc(routes, func(r caddyhttp.Route) bool {
		return (group == "" || r.Group != group) && takesAll(r) && slices.ContainsFunc(r.Handlers, b.answered)
	})
}

// passing are Caddy's handlers that answer nothing by themselves.
var passing = []string{
	"authentication", "copy_response_headers", "encode", "headers", "intercept", "log_append", "map", "push", "request_body", "rewrite",
	"templates", "timeouts", "tracing", "vars",
}

// answered reports whether a handler answers requests. One that is not known may.
func (b *beside) answered(handler caddyhttp.MiddlewareHandler) bool {
	switch h := handler.(type) {
	case *Handler:
		return h.Forward != nil
	case *caddyhttp.Subroute:
		return b.answers(h.Routes, "")
	case *caddyhttp.Invoke:
		named := b.server.NamedRoutes[h.Name]
		if named == nil || b.entered[named] {
			return false
		}
		b.entered[named] = true
		defer delete(b.entered, named)
		return b.answers(caddyhttp.RouteList{*named}, "")
	case caddy.Module:
		return !slices.Contains(passing, h.CaddyModule().ID.Name())
	}
	return true
}

// takesAll reports whether a route takes every request.
func takesAll(route caddyhttp.Route) bool {
	return len(route.MatcherSets) == 0 || slices.ContainsFunc(route.MatcherSets, func(set caddyhttp.MatcherSet) bool {
		return !slices.ContainsFunc(set, func(m any) bool { _, ok := m.(guard); return !ok })
	})
}

// isNarrow reports whether a route leaves out requests to its host.
func isNarrow(route caddyhttp.Route) bool {
	return len(route.MatcherSets) > 0 && !slices.ContainsFunc(route.MatcherSets, func(set caddyhttp.MatcherSet) bool {
		return !slices.ContainsFunc(set, func(m any) bool {
			switch m.(type) {
			case guard, *caddyhttp.MatchHost:
				return false
			}
			return true
		})
	})
}

// pathsOf returns the patterns of a route's path matchers.
func pathsOf(route caddyhttp.Route) (paths []string) {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if m, ok := matcher.(*caddyhttp.MatchPath); ok {
				paths = append(paths, *m...)
			}
		}
	}
	return paths
}
