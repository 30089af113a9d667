package forward

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// Address is where a receiver listens.
type Address struct {
	// Network is tcp or unix.
	Network string
	// Host is host:port, or the path of a socket.
	Host string
}

// Why an address is not one of those that are served.
var (
	errForm  = errors.New("want host:port, http://host[:port] or unix//path")
	errTLS   = errors.New("TLS is not spoken here: use reverse_proxy")
	errHTTP2 = errors.New("HTTP/2 is not spoken here: use reverse_proxy")
	errPath  = errors.New("an address has no path, query or user: use the directive rewrite, or reverse_proxy")
)

// ParseAddress reads host:port, http://host[:port] or unix//path. Errors tell what is wrong and what to use instead.
func ParseAddress(text string) (Address, error) {
	a, err := parseAddress(text)
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %w", text, err)
	}
	return a, nil
}

func parseAddress(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix/"); ok {
		if len(path) < 2 || path[0] != '/' {
			return Address{}, errForm
		}
		return Address{Network: "unix", Host: path}, nil
	}
	scheme, rest, named := strings.Cut(text, "://")
	if !named {
		scheme, rest = "", text
	}
	switch strings.ToLower(scheme) {
	case "", "http":
		return parseHost(rest, named)
	case "https":
		return Address{}, errTLS
	case "h2c", "h2", "h3":
		return Address{}, errHTTP2
	default:
		return Address{}, errForm
	}
}

// parseHost reads a host and its port, which may be left out behind a scheme.
func parseHost(text string, defaultPort bool) (Address, error) {
	if strings.ContainsAny(text, "/?#@") {
		return Address{}, errPath
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil && defaultPort {
		host, port, err = net.SplitHostPort(text + ":80")
	}
	if err != nil || host == "" || strings.ContainsFunc(host, unicode.IsSpace) {
		return Address{}, errForm
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Address{}, errForm
	}
	return Address{Network: "tcp", Host: net.JoinHostPort(host, port)}, nil
}

// String writes the address as ParseAddress reads it.
func (a Address) String() string {
	if a.Network == "unix" {
		return "unix/" + a.Host
	}
	return a.Host
}

// authority is how a request names the receiver where its sender names nobody.
func (a Address) authority() string {
	if a.Network == "unix" {
		return "localhost"
	}
	return a.Host
}
