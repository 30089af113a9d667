package mutants

import (
	"net/netip"
	"net/url"
	"strings"
)

// special are the addresses of which a webhook must not be one, though netip calls them neither private nor loopback.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("2002::/16"),
}

// urlFault says why a URL cannot be a webhook's, or nothing (clauses CFG-010 to CFG-013).
func (p *platform) urlFault(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "The URL cannot be read"
	case (!u.IsAbs() || u.Hostname() == "") && p.fault != relativeAccepted:
		return "The URL must be absolute"
	case p.loopback || !u.IsAbs():
		return ""
	case u.Scheme != "https" && p.fault != plainHTTPAccepted, u.Scheme != "http" && u.Scheme != "https":
		return "The URL must use HTTPS"
	case u.User != nil && p.fault != userInfoAccepted:
		return "The URL must not hold a user name or password"
	}
	for _, address := range p.resolve(u.Hostname()) {
		if !p.isPublic(address) {
			return "The URL must resolve to public addresses only"
		}
	}
	return ""
}

// resolve gives the addresses of a host without asking anyone: localhost is loopback, as RFC 6761 section 6.3 has it,
// and every other name is taken to be public.
func (p *platform) resolve(host string) []netip.Addr {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if (name == "localhost" || strings.HasSuffix(name, ".localhost")) && p.fault != namesUnresolved {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	}
	return []netip.Addr{netip.MustParseAddr("1.1.1.1")}
}

// isPublic reports whether anyone may be reached at an address.
func (p *platform) isPublic(address netip.Addr) bool {
	if address.Is4In6() {
		if p.fault == mappedAccepted {
			return true
		}
		address = address.Unmap()
	}
	switch {
	case address.IsPrivate():
		return p.fault == privateAccepted
	case address.IsLoopback():
		return p.fault == loopbackAccepted
	case address.IsLinkLocalUnicast():
		return p.fault == linkLocalAccepted
	case address.IsMulticast(), address.IsUnspecified():
		return false
	}
	for _, prefix := range special {
		if prefix.Contains(address) {
			return false
		}
	}
	return true
}
