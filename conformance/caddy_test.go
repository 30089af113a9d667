package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// TestGateIsConformant judges Caddy with the directive in front of the suite's own receiver. Caddy is one per process, so
// that the test is not parallel with others that run it.
func TestGateIsConformant(t *testing.T) {
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // Caddy may write there once more when it has stopped: no fault
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	const first, second = "whsec_conformance_gate_0123456789", "whsec_conformance_gate_9876543210"
	address, upstream := freeAddress(t), freeAddress(t)
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
		secret %s %s
		body_budget 16MiB
	}
	reverse_proxy %s {
		transport http {
			response_header_timeout 2s
		}
	}
}
`, address, first, second, upstream))
	wholly(t, conformance.Config{
		Role: contract.Gate, Target: "http://" + address + "/hooks/dari", Secret: first, SecondSecret: second,
		UpstreamListen: upstream, BodyBudget: 16 << 20, UpstreamTimeout: 2 * time.Second,
	}, "DUP-006") // nothing takes the embedded store away from outside
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
