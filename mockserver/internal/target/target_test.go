package target_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/darihook/darihook/mockserver/internal/target"
)

// names is a resolver over a table.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	texts, ok := n[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	addresses := make([]netip.Addr, len(texts))
	for i, text := range texts {
		addresses[i] = netip.MustParseAddr(text)
	}
	return addresses, nil
}

var dns = names{
	"hooks.example.com":   {"93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"},
	"mixed.example.com":   {"93.184.215.14", "10.0.0.7"},
	"inside.example.com":  {"192.168.1.20"},
	"mapped.example.com":  {"::ffff:127.0.0.1"},
	"localhost":           {"127.0.0.1", "::1"},
	"xn--bcher-kva.de":    {"93.184.215.14"},
	"nothing.example.com": {},
}

func TestCheck(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, url string
		refused   string // part of the violation; empty: admitted
		insecure  string // the same under AllowInsecure
	}{
		{"ok/name", "https://hooks.example.com/dari", "", ""},
		{"ok/port", "https://hooks.example.com:8443/dari?x=1", "", ""},
		{"ok/final dot", "https://hooks.example.com./", "", ""},
		{"ok/international name", "https://bücher.de/", "", ""},
		{"ok/public address", "https://93.184.215.14/", "", ""},
		{"ok/public IPv6 address", "https://[2606:4700::1111]/", "", ""},
		{"fail/plain HTTP", "http://hooks.example.com/", "HTTPS", ""},
		{"fail/relative", "/hooks", "absolute", "absolute"},
		{"fail/no scheme", "//hooks.example.com/", "absolute", "absolute"},
		{"fail/empty", "", "absolute", "absolute"},
		{"fail/other scheme", "ftp://hooks.example.com/", "absolute", "absolute"},
		{"fail/opaque", "https:hooks.example.com", "absolute", "absolute"},
		{"fail/no host", "https:///path", "absolute", "absolute"},
		{"fail/user", "https://me@hooks.example.com/", "user name", "user name"},
		{"fail/password", "https://me:pw@hooks.example.com/", "user name", "user name"},
		{"fail/empty user", "https://@hooks.example.com/", "user name", "user name"},
		{"fail/fragment", "https://hooks.example.com/#x", "fragment", "fragment"},
		{"fail/port 0", "https://hooks.example.com:0/", "port", "port"},
		{"fail/port too large", "https://hooks.example.com:65536/", "port", "port"},
		{"fail/empty port", "https://hooks.example.com:/", "port", "port"},
		{"fail/loopback", "https://127.0.0.1/", "public", ""},
		{"fail/any", "https://0.0.0.0/", "public", ""},
		{"fail/ten", "https://10.1.2.3/", "public", ""},
		{"fail/172.16", "https://172.31.255.255/", "public", ""},
		{"fail/192.168", "https://192.168.0.1/", "public", ""},
		{"fail/link-local", "https://169.254.169.254/", "public", ""},
		{"fail/carrier NAT", "https://100.64.0.1/", "public", ""},
		{"fail/multicast", "https://224.0.0.1/", "public", ""},
		{"fail/broadcast", "https://255.255.255.255/", "public", ""},
		{"fail/IPv6 loopback", "https://[::1]/", "public", ""},
		{"fail/IPv6 any", "https://[::]/", "public", ""},
		{"fail/unique local", "https://[fd00::1]/", "public", ""},
		{"fail/IPv6 link-local", "https://[fe80::1]/", "public", ""},
		{"fail/zone", "https://[fe80::1%25eth0]/", "zone", "zone"},
		{"fail/mapped", "https://[::ffff:10.0.0.1]/", "public", ""},
		{"fail/mapped in hexadecimal", "https://[::ffff:7f00:1]/", "public", ""},
		{"fail/compatible", "https://[::127.0.0.1]/", "public", ""},
		{"fail/NAT64", "https://[64:ff9b::7f00:1]/", "public", ""},
		{"ok/NAT64 of a public address", "https://[64:ff9b::5db8:d70e]/", "", ""},
		{"fail/6to4", "https://[2002:c0a8:101::1]/", "public", ""},
		{"fail/Teredo", "https://[2001::1]/", "public", ""},
		{"fail/deprecated site-local", "https://[fec0::1]/", "public", ""},
		{"fail/translation of a site's own", "https://[64:ff9b:1::5db8:d70e]/", "public", ""},
		{"fail/not given out", "https://[4000::1]/", "public", ""},
		{"fail/not given out, low", "https://[1000::1]/", "public", ""},
		{"fail/SRv6", "https://[5f00::1]/", "public", ""},
		{"fail/name with an underscore", "https://my_receiver/", "host", ""},
		{"fail/documentation", "https://[2001:db8::1]/", "public", ""},
		{"fail/decimal address", "https://2130706433/", "usual form", "usual form"},
		{"fail/octal address", "https://0177.0.0.1/", "usual form", "usual form"},
		{"fail/hexadecimal address", "https://0x7f.0.0.1/", "usual form", "usual form"},
		{"fail/hexadecimal end", "https://127.0.0.0x1/", "usual form", "usual form"},
		{"fail/short address", "https://127.1/", "usual form", "usual form"},
		{"fail/wide digits", "https://127。0。0。1/", "public", ""},
		{"fail/wide letters", "https://localhost/", "public", ""},
		{"fail/address with a final dot", "https://127.0.0.1./", "public", ""},
		{"fail/localhost", "https://localhost/", "public", ""},
		{"fail/private name", "https://inside.example.com/", "public", ""},
		{"fail/one private address of two", "https://mixed.example.com/", "public", ""},
		{"fail/name of a mapped address", "https://mapped.example.com/", "public", ""},
		{"fail/unknown name", "https://unknown.example.com/", "resolve", ""},
		{"fail/name without addresses", "https://nothing.example.com/", "resolve", ""},
		{"fail/blank in host", "https://hooks example.com/", "valid", "valid"},
		{"fail/blank in path", "https://hooks.example.com/a b", "valid", "valid"},
		{"fail/blank in query", "https://hooks.example.com/?a HTTP/1.0", "valid", "valid"},
		{"fail/line break in query", "https://hooks.example.com/?a\r\nX-Evil: 1", "valid", "valid"},
		{"fail/too long", "https://hooks.example.com/" + strings.Repeat("x", target.MaxLength), "longer", "longer"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			expect(t, target.Policy{Resolver: dns}.Check(t.Context(), row.url), row.refused)
			expect(t, target.Policy{Resolver: dns, AllowInsecure: true}.Check(t.Context(), row.url), row.insecure)
		})
	}
}

// expect compares an error with the part of a violation that it must hold; an empty part wants no error.
func expect(t *testing.T, err error, part string) {
	t.Helper()
	if part == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	violation, ok := errors.AsType[target.Violation](err)
	if !ok || !strings.Contains(violation.Error(), part) {
		t.Errorf("answered %v, want a violation that says %q", err, part)
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	strict := target.Policy{}
	for _, address := range []string{"127.0.0.1:443", "[::1]:443", "[::ffff:10.0.0.1]:443", "[fe80::1%lo]:443", "nonsense"} {
		if strict.Control("tcp", address, nil) == nil {
			t.Errorf("a connection to %s was let through", address)
		}
	}
	if err := strict.Control("tcp4", "93.184.215.14:443", nil); err != nil {
		t.Errorf("a public address was refused: %v", err)
	}
	if err := (target.Policy{AllowInsecure: true}).Control("tcp", "127.0.0.1:80", nil); err != nil {
		t.Errorf("an insecure policy refused loopback: %v", err)
	}
}
