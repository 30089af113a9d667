package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/internal/forward"
)

// warnBehind tells of handlers that no delivery reaches, since a gate with forward stands ahead of them: the rest of its route,
// and the later routes where the gate takes all that comes.
func warnBehind(gate *Handler, route caddyhttp.Route, rest []caddyhttp.MiddlewareHandler, later caddyhttp.RouteList) {
	if gate.Forward == nil {
		return
	}
	unreached := takesAll(route) && slices.ContainsFunc(later, func(r caddyhttp.Route) bool {
		return len(r.Handlers) > 0 && (route.Group == "" || r.Group != route.Group)
	})
	if len(rest) > 0 || unreached {
		gate.logger.Warn("forward takes every delivery: the handlers behind this gate are never called; remove them, or use reverse_proxy in place of forward")
	}
}

// errForwardSelf refuses a receiver that is the gate.
var errForwardSelf = errors.New("the gate's own server listens there: a delivery would come back to it")

// checkOther refuses a receiver's address at which the gate's own server listens.
func checkOther(address forward.Address, server *caddyhttp.Server) error {
	if server == nil {
		return nil
	}
	for _, text := range server.Listen {
		if listen, err := caddy.ParseNetworkAddress(text); err == nil && sameListener(address, listen) {
			return fmt.Errorf("forward %s: %w", address, errForwardSelf)
		}
	}
	return nil
}

// sameListener reports whether a connection to an address comes to a listener, as far as names and numbers tell.
func sameListener(to forward.Address, listen caddy.NetworkAddress) bool {
	if to.Network == "unix" || listen.IsUnixNetwork() {
		path, _, _ := strings.Cut(listen.Host, "|") // permissions follow
		return to.Network == "unix" && listen.IsUnixNetwork() && path == to.Host
	}
	host, port, err := net.SplitHostPort(to.Host)
	if err != nil {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || uint(n) < listen.StartPort || uint(n) > listen.EndPort {
		return false
	}
	return strings.EqualFold(host, listen.Host) || isLoopback(host) && (isLoopback(listen.Host) || isAnywhere(listen.Host)) || isAnywhere(host)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

func isAnywhere(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}
