package caddymodule

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/internal/gate"
)

// noted is what a request knows of the gates that it has passed: the verdict of the last one, and the claims of all that wait
// for its outcome.
type noted struct {
	gate.Verdict
	claims []claimed
	first  [1]claimed // claims points to it: there is one as a rule
}

// claimed is a gate that has claimed a delivery under an id.
type claimed struct {
	by *Handler
	id string
}

// noteClaim notes the claim of a gate.
func (n *noted) noteClaim(h *Handler, v gate.Verdict) {
	if h.lease == nil || v.Decision != gate.Forward || v.Unrecorded || v.Nested {
		return
	}
	if n.claims == nil {
		n.claims = n.first[:0]
	}
	n.claims = append(n.claims, claimed{h, v.Delivery.ID})
}

// claimedAhead returns the id under which a gate ahead of this one has claimed a request's delivery, where this one would
// claim it in the same scope of the same store, and wait for the outcome of itself.
func (h *Handler) claimedAhead(r *http.Request) string {
	n, ok := caddyhttp.GetVar(r.Context(), verdictVar).(*noted)
	if !ok {
		return ""
	}
	for _, c := range n.claims {
		if h.sharesClaims(c.by) {
			return c.id
		}
	}
	return ""
}

// endClaim forgets the claim of a gate, which has an outcome now.
func (h *Handler) endClaim(r *http.Request) {
	if n, ok := caddyhttp.GetVar(r.Context(), verdictVar).(*noted); ok {
		n.claims = slices.DeleteFunc(n.claims, func(c claimed) bool { return c.by == h })
	}
}

// sharesClaims reports whether two gates claim in the same scope of the same store.
func (h *Handler) sharesClaims(other *Handler) bool {
	if h.lease == nil || other.lease == nil || h.gate.Scope() != other.gate.Scope() {
		return false
	}
	mine, its := h.lease.current(), other.lease.current()
	if mine == nil || its == nil {
		return h.lease.id.same(other.lease.id)
	}
	return mine == its
}

// ahead is a gate that comes before others.
type ahead struct {
	gate *Handler
	when []caddyhttp.MatcherSets // of the routes around it, the guards left out; empty: it judges every request
	open bool                    // nothing but gates and routes comes behind it in its own route
}

// scopes looks for two gates with one scope of one store that the same request comes to.
type scopes struct {
	server *caddyhttp.Server
	named  []string // the named routes that are being looked at
}

// checkScopes refuses a server on which a delivery certainly meets two gates with one scope.
func checkScopes(s *caddyhttp.Server) error {
	_, err := (&scopes{server: s}).routes(s.Routes, nil, nil)
	if err != nil {
		return fmt.Errorf("server %s: %w", s.Name(), err)
	}
	return nil
}

// routes looks at routes behind some gates, and returns all the gates that are ahead of what follows.
func (s *scopes) routes(routes caddyhttp.RouteList, before []ahead, when []caddyhttp.MatcherSets) ([]ahead, error) {
	for _, route := range routes {
		here := when
		if matchers := unguarded(route.MatcherSets); len(matchers) > 0 || route.Group != "" {
			here = append(slices.Clip(when), matchers)
		}
		after, err := s.handlers(route.Handlers, before, here)
		if err != nil {
			return nil, err
		}
		if route.Group == "" && !route.Terminal { // of a group one route is taken, and nothing comes behind a terminal one
			before = after
		}
	}
	return before, nil
}

// handlers looks at the handlers of one route, in which a request that comes to one has come to those ahead of it.
func (s *scopes) handlers(handlers []caddyhttp.MiddlewareHandler, before []ahead, when []caddyhttp.MatcherSets) (_ []ahead, err error) {
	before, start := slices.Clip(before), len(before)
	for _, handler := range handlers {
		switch handler := handler.(type) {
		case *Handler:
			if at := slices.IndexFunc(before, func(a ahead) bool { return a.collides(handler, when) }); at >= 0 {
				return nil, fmt.Errorf("dari_webhook: two gates with scope %s in a delivery's way, which claim it from each other: remove one, or give it a scope of its own",
					handler.gate.Scope())
			}
			if handler.receiver == nil { // nothing comes behind a forward
				before = append(before, ahead{handler, when, true})
			}
		case *caddyhttp.Subroute:
			before, err = s.routes(handler.Routes, before, when)
		case *caddyhttp.Invoke:
			before, err = s.invoked(handler.Name, before, when)
		default: // it may answer
			for i := range before[start:] {
				before[start+i].open = false
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return before, nil
}

// invoked looks at a named route.
func (s *scopes) invoked(name string, before []ahead, when []caddyhttp.MatcherSets) ([]ahead, error) {
	route := s.server.NamedRoutes[name]
	if route == nil || slices.Contains(s.named, name) {
		return before, nil
	}
	s.named = append(s.named, name)
	defer func() { s.named = s.named[:len(s.named)-1] }()
	return s.routes(caddyhttp.RouteList{*route}, before, when)
}

// collides reports whether every request that comes to a gate has come to this one, or the other way round.
func (a ahead) collides(h *Handler, when []caddyhttp.MatcherSets) bool {
	if !h.sharesClaims(a.gate) || len(a.when) > len(when) && !a.open {
		return false
	}
	n := min(len(a.when), len(when))
	return slices.EqualFunc(a.when[:n], when[:n], func(a, b caddyhttp.MatcherSets) bool { return reflect.DeepEqual(a, b) })
}

// unguarded returns matchers without the guards that stand ahead of them.
func unguarded(sets caddyhttp.MatcherSets) (rest caddyhttp.MatcherSets) {
	for _, set := range sets {
		set = slices.DeleteFunc(slices.Clone(set), func(m any) bool { _, ok := m.(guard); return ok })
		if len(set) > 0 {
			rest = append(rest, set)
		}
	}
	return rest
}
