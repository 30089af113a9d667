// Package target holds the rules for the URLs that webhooks go to (clauses CFG-010 to CFG-013). They are checked twice:
// when a URL is configured, and again for the address that a connection is about to be made to, so that a name which
// has moved to a private address since is refused.
package target

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/idna"
)

// MaxLength is the longest URL in bytes.
const MaxLength = 2048

// Resolver finds the addresses of a name, as [net.Resolver] does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Policy decides which URLs may be delivered to. The zero value is the platform's own rule.
type Policy struct {
	// AllowInsecure admits plain HTTP and addresses that are not public, for receivers on the same machine. What is
	// not a usable URL at all stays refused.
	AllowInsecure bool
	// Resolver finds the addresses of names. Default: [net.DefaultResolver].
	Resolver Resolver
}

// Violation is a rule that a URL breaks: what is said of it in a sentence, without its subject.
type Violation string

func (v Violation) Error() string { return v.Of("webhook_url") }

// Of returns the sentence about the field that holds the URL.
func (v Violation) Of(field string) string { return field + " " + string(v) }

// Check returns the first rule that a URL breaks as a [Violation], and nil when it breaks none.
func (p Policy) Check(ctx context.Context, raw string) error {
	u, err := parse(raw)
	if err != nil {
		return err
	}
	host, err := p.hostOf(u)
	if err != nil || p.AllowInsecure {
		return err
	}
	if u.Scheme != "https" {
		return Violation("must use HTTPS")
	}
	return p.checkHost(ctx, host)
}

// parse applies the rules that hold for every URL.
func parse(raw string) (*url.URL, error) {
	if len(raw) > MaxLength {
		return nil, Violation(fmt.Sprintf("must not be longer than %d bytes", MaxLength))
	}
	u, err := url.Parse(raw)
	if err != nil || strings.Contains(raw, " ") { // in a query it would end the request line early
		return nil, Violation("is not a valid URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http", u.Opaque != "", u.Host == "":
		return nil, Violation("must be an absolute HTTP URL")
	case u.User != nil:
		return nil, Violation("must not contain a user name or password")
	case strings.Contains(raw, "#"):
		return nil, Violation("must not contain a fragment")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, Violation("has an invalid port")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return nil, Violation("has an invalid port")
	}
	return u, nil
}

// hostOf returns the host in the form in which it is looked up: ASCII, lower case, without a final dot.
func (p Policy) hostOf(u *url.URL) (string, error) {
	host := u.Hostname()
	if strings.ContainsAny(host, "%") {
		return "", Violation("must not contain a zone")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	// Services of container networks have names with underscores, which no host on the internet has.
	form := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(!p.AllowInsecure))
	ascii, err := form.ToASCII(strings.TrimSuffix(host, "."))
	if err != nil || ascii == "" {
		return "", Violation("has an invalid host")
	}
	if _, err := netip.ParseAddr(ascii); err != nil && endsInNumber(ascii) {
		return "", Violation("must write an IP address in its usual form")
	}
	return ascii, nil
}

// endsInNumber reports whether some programs would take the host for an IPv4 address written in octal, hexadecimal or
// with fewer than four parts: its last label is a number.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// checkHost refuses a host that leads anywhere but to the public internet.
func (p Policy) checkHost(ctx context.Context, host string) error {
	if a, err := netip.ParseAddr(host); err == nil {
		return publicOnly([]netip.Addr{a})
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses, err := p.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil || len(addresses) == 0 {
		return Violation("has a host that does not resolve")
	}
	return publicOnly(addresses)
}

func (p Policy) resolver() Resolver {
	if p.Resolver == nil {
		return net.DefaultResolver
	}
	return p.Resolver
}

func publicOnly(addresses []netip.Addr) error {
	for _, a := range addresses {
		if !Public(a) {
			return Violation("must resolve to public IP addresses only")
		}
	}
	return nil
}

// Control is a [net.Dialer] Control function: it refuses a connection to an address that the policy does not admit,
// whatever a name resolved to earlier.
func (p Policy) Control(network, address string, _ syscall.RawConn) error {
	if p.AllowInsecure {
		return nil
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("parsing the address to connect to: %w", err)
	}
	return publicOnly([]netip.Addr{to.Addr()})
}
