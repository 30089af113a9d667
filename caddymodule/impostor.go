package caddymodule

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi"
	"go.uber.org/zap"
)

// impostors looks through a server's handlers for those that change the gate's fields: what sets them is refused, since only
// a gate can know that it is true; what removes them behind a gate is warned of.
type impostors struct {
	server  *caddyhttp.Server
	logger  *zap.Logger
	entered map[*caddyhttp.Route]bool // the named routes, which may invoke each other
}

// checkImpostors looks through a server that has a gate.
func checkImpostors(s *caddyhttp.Server, logger *zap.Logger) error {
	i := &impostors{s, logger.With(zap.String("server", s.Name())), make(map[*caddyhttp.Route]bool)}
	_, err := i.routes(s.Routes, false)
	if err == nil && s.Errors != nil {
		_, err = i.routes(s.Errors.Routes, false)
	}
	if err != nil {
		return fmt.Errorf("server %s: %w", s.Name(), err)
	}
	return nil
}

// routes looks through a list of routes, and reports whether a request that passes it has been at a gate. Of a group, a
// request takes one route at most; a terminal route lets none pass.
func (i *impostors) routes(list caddyhttp.RouteList, behind bool) (bool, error) {
	groups := make(map[string]bool)
	for _, route := range list {
		at := behind
		if before, ok := groups[route.Group]; ok {
			at = before
		} else if route.Group != "" {
			groups[route.Group] = behind
		}
		for _, handler := range route.Handlers {
			var err error
			if at, err = i.handler(handler, at); err != nil {
				return false, err
			}
		}
		behind = behind || at && !route.Terminal
	}
	return behind, nil
}

// handler looks at a handler and into it.
func (i *impostors) handler(handler caddyhttp.MiddlewareHandler, behind bool) (bool, error) {
	switch h := handler.(type) {
	case *Handler:
		return true, nil
	case *headers.Handler:
		return behind, i.change(h.Request, behind)
	case *reverseproxy.Handler:
		return behind, i.proxy(h, behind)
	case *intercept.Intercept:
		return behind, i.responses(h.HandleResponse, behind)
	case *caddyhttp.Subroute:
		after, err := i.routes(h.Routes, behind)
		if err == nil && h.Errors != nil {
			_, err = i.routes(h.Errors.Routes, behind)
		}
		return after, err
	case *caddyhttp.Invoke:
		if named := i.server.NamedRoutes[h.Name]; named != nil && !i.entered[named] {
			i.entered[named] = true
			defer delete(i.entered, named)
			return i.routes(caddyhttp.RouteList{*named}, behind)
		}
	}
	return behind, nil
}

func (i *impostors) proxy(h *reverseproxy.Handler, behind bool) error {
	if h.Headers != nil {
		if err := i.change(h.Headers.Request, behind); err != nil {
			return err
		}
	}
	if cgi, ok := h.Transport.(*fastcgi.Transport); ok {
		for name, value := range cgi.EnvVars {
			if field, ok := strings.CutPrefix(name, "HTTP_"); ok && isOurs(field) && !isGates(value) {
				return fmt.Errorf("env sets %s, which only a gate may", name)
			}
		}
	}
	return i.responses(h.HandleResponse, behind)
}

func (i *impostors) responses(handlers []caddyhttp.ResponseHandler, behind bool) error {
	for _, h := range handlers {
		if _, err := i.routes(h.Routes, behind); err != nil {
			return err
		}
	}
	return nil
}

// change looks at changes of a request's header.
func (i *impostors) change(ops *headers.HeaderOps, behind bool) error {
	if ops == nil {
		return nil
	}
	for _, fields := range []http.Header{ops.Add, ops.Set} {
		for name, values := range fields {
			for _, value := range values {
				if isOurs(name) && !isGates(value) {
					return fmt.Errorf("request_header, header_up or copy_headers sets %s, which only a gate may", name)
				}
			}
		}
	}
	for name := range ops.Replace {
		if isOurs(name) {
			return fmt.Errorf("request_header or header_up changes %s, which only a gate may", name)
		}
	}
	for _, name := range vouchers {
		if behind && removes(ops.Delete, name) {
			i.logger.Warn("a handler behind the gate removes a header that the gate has set, so that the receiver cannot trust the delivery: leave that out, the gate removes what a sender writes there",
				zap.String("header", name))
		}
	}
	return nil
}

// isGates reports whether a value is the gate's own.
func isGates(value string) bool {
	name, ok := strings.CutPrefix(value, "{"+placeholderPrefix)
	return ok && strings.IndexByte(name, '}') == len(name)-1
}

// removes reports whether one of headers' patterns covers a field.
func removes(patterns []string, field string) bool {
	field = strings.ToLower(field)
	for _, pattern := range patterns {
		pattern = strings.ToLower(pattern)
		text := strings.Trim(pattern, "*")
		switch before, after := strings.HasPrefix(pattern, "*"), strings.HasSuffix(pattern, "*"); {
		case before && after && strings.Contains(field, text),
			before && !after && strings.HasSuffix(field, text),
			after && !before && strings.HasPrefix(field, text),
			pattern == field:
			return true
		}
	}
	return false
}
