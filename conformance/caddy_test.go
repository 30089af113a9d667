package conformance_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// TestGateIsConformant judges Caddy with the directive in front of the suite's own receiver, for every provider that signs.
// Caddy is one per process, so that neither the test nor its parts are parallel.
func TestGateIsConformant(t *testing.T) {
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // Caddy may write there once more when it has stopped: no fault
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	for _, p := range contract.Providers() {
		if p.Unsigned() {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			cfg := conformance.Config{
				Role: contract.Gate, Provider: p.Name, Secret: secretFor(p.Scheme, '1'), SecondSecret: secretFor(p.Scheme, '2'),
				UpstreamListen: freeAddress(t), BodyBudget: 16 << 20, UpstreamTimeout: 2 * time.Second,
			}
			cfg.Target = "http://" + runGate(t, cfg, throughProxy(cfg)) + "/hooks"
			report := wholly(t, cfg, "DUP-006") // nothing takes the embedded store away from outside
			if got := untested(report); !slices.Equal(got, inapplicable[p.Name]) {
				t.Errorf("not tested although they decide: %v, want %v", got, inapplicable[p.Name])
			}
		})
	}
}

// TestGateThatForwardsIsConformant judges the gate that takes deliveries to the receiver itself.
func TestGateThatForwardsIsConformant(t *testing.T) {
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // as above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	dari := contract.Dari()
	cfg := conformance.Config{
		Role: contract.Gate, Secret: secretFor(dari.Scheme, '1'), SecondSecret: secretFor(dari.Scheme, '2'),
		UpstreamListen: freeAddress(t), BodyBudget: 16 << 20, UpstreamTimeout: 2 * time.Second,
	}
	forward := way{line: "forward " + cfg.UpstreamListen + " {\ntimeout 2s\n}"}
	cfg.Target = "http://" + runGate(t, cfg, forward) + "/hooks"
	if got := untested(wholly(t, cfg, "DUP-006")); len(got) != 0 {
		t.Errorf("not tested although they decide: %v", got)
	}
}

// way is what takes deliveries from the gate to the suite's receiver.
type way struct {
	line   string // of the gate's block
	behind string // the gate
}

func throughProxy(cfg conformance.Config) way {
	return way{behind: "reverse_proxy " + cfg.UpstreamListen + " {\ntransport http {\nresponse_header_timeout 2s\n}\n}"}
}

// inapplicable are the deciding clauses that have nothing to say about a provider: those on timestamps where there are none,
// and the one on the body's id where it has none.
var inapplicable = map[string][]contract.ClauseID{
	"danube":  {"ID-002"},
	"github":  {"TIME-001", "TIME-002", "ID-002"},
	"shopify": {"TIME-001", "TIME-002", "ID-002"},
}

// untested lists the deciding clauses that were skipped.
func untested(r *conformance.Report) []contract.ClauseID {
	var ids []contract.ClauseID
	for _, c := range r.Clauses {
		if clause, _ := contract.ClauseFor(c.ID); clause.Decides() && c.Verdict == conformance.Skipped {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// secretFor is a secret in the form that a scheme asks for. Another filler makes another secret.
func secretFor(s contract.Scheme, filler rune) string {
	text := "conformance_gate_" + strings.Repeat(string(filler), 16)
	if s.KeyForm == contract.KeyBase64 {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return s.KeyPrefix + text
}

// runGate runs Caddy with the directive until the test ends and returns its address.
func runGate(t *testing.T, cfg conformance.Config, w way) string {
	t.Helper()
	address := freeAddress(t)
	runCaddy(t, fmt.Sprintf(`{
	admin off
	persist_config off
	grace_period 1s
	log {
		output discard
	}
}
http://%s {
	dari_webhook {
		provider %s
		secret %s %s
		body_budget 16MiB
		%s
	}
	%s
}
`, address, cmp.Or(cfg.Provider, "dari"), cfg.Secret, cfg.SecondSecret, w.line, w.behind))
	return address
}

// runCaddy runs a Caddyfile until the test ends.
func runCaddy(t *testing.T, caddyfile string) {
	t.Helper()
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("adapting the Caddyfile: %v", err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatalf("running Caddy: %v", err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
}
