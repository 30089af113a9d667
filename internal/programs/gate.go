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
	address := freeAddress(t)
	Caddy(t, address, darihook.Caddyfile, "DARI_WEBHOOK_SECRET="+secret, "DARI_GATE_LISTEN=http://"+address, "DARI_GATE_ADMIN=off",
		"DARI_GATE_UPSTREAM="+strings.TrimPrefix(upstream, "http://"))
	return "http://" + address
}

// Site runs the caddy that Run has built with one site, whose block is given, and nothing else, until the test ends. It
// returns the site's address, as host:port, and the process.
func Site(t testing.TB, block string, environment ...string) (string, *process.Process) {
	t.Helper()
	address := freeAddress(t)
	return address, Caddy(t, address, "{\n\tadmin off\n\tauto_https off\n}\nhttp://"+address+" {\n"+block+"\n}\n", environment...)
}

// Caddy runs the caddy that Run has built with a Caddyfile that makes it serve at an address, until the test ends.
func Caddy(t testing.TB, address, caddyfile string, environment ...string) *process.Process {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(config, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Path("caddy"), "run", "--config", config)
	cmd.Env = append(append(os.Environ(), "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home), environment...)
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
	return gate
}

// freeAddress returns a loopback address that nobody listened on a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := process.FreeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}
