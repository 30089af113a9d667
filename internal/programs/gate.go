package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darihook/darihook"
	"github.com/darihook/darihook/internal/process"
)

// Gate runs the caddy that Run has built with the repository's Caddyfile, in front of a receiver, until the test ends. It
// returns the gate's URL.
func Gate(t testing.TB, upstream, secret string) string {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(config, []byte(darihook.Caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	address, err := process.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Path("caddy"), "run", "--config", config)
	cmd.Env = append(os.Environ(), "DARI_WEBHOOK_SECRET="+secret, "DARI_GATE_LISTEN=http://"+address, "DARI_GATE_ADMIN=off",
		"DARI_GATE_UPSTREAM="+strings.TrimPrefix(upstream, "http://"), "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	gate, err := process.Start(cmd)
	if err != nil {
		t.Fatalf("starting the gate: %v", err)
	}
	t.Cleanup(func() { // the test's context has ended, and with it the process
		if log := gate.Log(); t.Failed() {
			t.Logf("the gate wrote:\n%s", log)
		}
	})
	if err := gate.Serves(t.Context(), address); err != nil {
		t.Fatalf("starting the gate: %v", err)
	}
	return "http://" + address
}
