package forward

import (
	"net"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

// The fields that tell a receiver where a request comes from.
const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	forwardedHost  = "X-Forwarded-Host"
)

// addForwarded tells the receiver who sent the request and how. What the request says of that itself counts only where
// its sender is trusted.
func addForwarded(h *fasthttp.RequestHeader, d Delivery) {
	var chain, proto, host string
	if d.TrustForwarded {
		chain = strings.Join(d.Header[forwardedFor], ", ")
		proto, host = last(d.Header[forwardedProto]), last(d.Header[forwardedHost])
	}
	peer, _, err := net.SplitHostPort(d.RemoteAddr) // fails for the peer of a Unix socket, which has no address
	if err == nil {
		peer, _, _ = strings.Cut(peer, "%") // the zone of an IPv6 address means nothing elsewhere
		chain = strings.TrimPrefix(chain+", "+peer, ", ")
	}
	if chain != "" {
		h.Add(forwardedFor, chain)
	}
	if err == nil || d.TrustForwarded {
		h.Add(forwardedProto, orElse(proto, scheme(d)))
		h.Add(forwardedHost, orElse(host, d.Host))
	}
	addAll(h, "Via", d.Header["Via"])
	h.Add("Via", via(d.ProtoMajor, d.ProtoMinor))
}

// via names the gate as a hop that was reached by a version of HTTP.
func via(major, minor int) string { return strconv.Itoa(major) + "." + strconv.Itoa(minor) + " Caddy" }

func scheme(d Delivery) string {
	if d.TLS != nil {
		return "https"
	}
	return "http"
}

func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

func orElse(value, other string) string {
	if value != "" {
		return value
	}
	return other
}
