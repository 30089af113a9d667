package caddymodule_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/fixtures"
)

// TestVectors sends every vector whose scheme can be configured through Caddy, byte for byte. Every vector has a gateway with a
// socket of its own: for a moment after a load the server of the configuration before may still take a request.
func TestVectors(t *testing.T) {
	vectors, err := fixtures.Vectors()
	if err != nil {
		t.Fatal(err)
	}
	r := newReceiver(t, nil)
	sent := 0
	for _, v := range vectors {
		choice, ok := schemeOption(v)
		if !ok {
			continue // the directive has no words for this scheme
		}
		sent++
		t.Run(v.Name, func(t *testing.T) {
			g := newGateway(t)
			caddymodule.SetClock(t, func() time.Time { return v.Now })
			options := []string{choice, "dedup off"}
			for i, secret := range v.Secrets {
				name := fmt.Sprintf("DARI_VECTOR_%d", i)
				t.Setenv(name, secret)
				options = append(options, "secret {env."+name+"}")
			}
			if v.MaxBody > 0 {
				options = append(options, fmt.Sprintf("max_body %d", v.MaxBody))
			}
			if past, future := v.Tolerance.Window(); past > 0 || future > 0 {
				options = append(options, tolerance(past, future))
			}
			g.load("dari_webhook {\n" + strings.Join(options, "\n") + "\n}\n" + r.proxy())
			before := r.hits.Load()
			a := g.sendRaw(t, v.Request)
			if a.code() != string(v.Expect.Code) || v.Expect.Status != 0 && a.status != v.Expect.Status {
				t.Fatalf("%s, want %q", a, v.Expect.Code)
			}
			if v.Expect.Verdict == fixtures.Refuse {
				if r.hits.Load() != before {
					t.Error("a refused request reached the receiver")
				}
				return
			}
			if got := r.last(t); string(got.body) != string(v.Request.Body) || got.header.Get(contract.HeaderID) != v.Expect.ID {
				t.Errorf("the receiver got %d bytes with the id %q", len(got.body), got.header.Get(contract.HeaderID))
			}
		})
	}
	if sent < len(vectors)/2 {
		t.Errorf("%d of %d vectors were sent", sent, len(vectors))
	}
}

func tolerance(past, future time.Duration) string {
	if past == 0 {
		past = contract.DefaultPast
	}
	if future == 0 {
		future = past
	}
	return fmt.Sprintf("tolerance %s %s", past, future)
}

// sendRaw sends a request over a connection of its own.
func (g *gateway) sendRaw(t *testing.T, r fixtures.Request) answer {
	t.Helper()
	a, err := g.tryRaw(t, r)
	for range 5 {
		if err == nil || !cutByReload(err) {
			break
		}
		a, err = g.tryRaw(t, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tryRaw writes a request's headers as they stand, in their order.
func (g *gateway) tryRaw(t *testing.T, r fixtures.Request) (answer, error) {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(g.dir, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n", r.Method, r.Path)
	if len(r.Values("Content-Length")) == 0 {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(r.Body))
	}
	for _, h := range r.Headers {
		fmt.Fprintf(&head, "%s: %s\r\n", h[0], h[1])
	}
	head.WriteString("\r\n")
	if _, err := conn.Write(append([]byte(head.String()), r.Body...)); err != nil {
		t.Logf("writing: %v", err) // an answer may come before the body has been taken
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// schemeOption is the directive's line for a vector's scheme, if it has one.
func schemeOption(v fixtures.Vector) (line string, ok bool) {
	p, _ := contract.ProviderFor(v.Provider)
	if p.Name != contract.Dari().Name {
		return "provider " + p.Name, v.Scheme == p.Scheme
	}
	s, ok := p.SchemeSigning(v.Scheme.Content)
	return "signed_content " + strings.NewReplacer("{", "", "}", "").Replace(string(s.Content)), ok && s == v.Scheme
}
