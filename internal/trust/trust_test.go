package trust_test

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/darihook/darihook/internal/trust"
)

// secureServer is a server with a certificate that nobody trusts, and the path of a file that holds it.
func secureServer(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Spoken", r.Proto)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, path
}

// far is a connection to this machine that says it leads to a public address.
type far struct{ net.Conn }

func (far) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(1, 1, 1, 1), Port: 443} }

func TestApply(t *testing.T) {
	t.Parallel()
	s, path := secureServer(t)
	config, err := trust.FromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	toFar := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return far{conn}, err
	}
	for name, c := range map[string]struct {
		options  trust.Options
		dial     func(context.Context, string, string) (net.Conn, error)
		accepted bool
	}{
		"fail/what the machine trusts":       {},
		"ok/the file's authority":            {options: trust.Options{Config: config}, accepted: true},
		"ok/any, nearby":                     {options: trust.Options{SkipVerify: true}, accepted: true},
		"fail/any, far away":                 {options: trust.Options{SkipVerify: true}, dial: toFar},
		"ok/the file's authority, far away":  {options: trust.Options{Config: config, SkipVerify: true}, dial: toFar, accepted: true},
		"ok/the file's authority and nearby": {options: trust.Options{Config: config, SkipVerify: true}, accepted: true},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &http.Transport{DialContext: c.dial}
			defer transport.CloseIdleConnections()
			c.options.Apply(transport)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(req)
			if (err == nil) != c.accepted {
				t.Fatalf("the certificate: %v, want accepted %t", err, c.accepted)
			}
			if err == nil {
				resp.Body.Close()
				if got := resp.Header.Get("Spoken"); got != "HTTP/2.0" {
					t.Errorf("the server was spoken to in %s", got)
				}
			}
		})
	}
	if config.NextProtos != nil || config.InsecureSkipVerify {
		t.Error("the configuration was changed")
	}
}

func TestFromFileRefuses(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, empty + ".missing"} {
		if _, err := trust.FromFile(path); err == nil {
			t.Errorf("%s was taken", path)
		}
	}
	if config, err := trust.FromFile(""); config != nil || err != nil {
		t.Errorf("no file gives %v, %v", config, err)
	}
}
