package programs

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/darihook/darihook"
)

// startPatience bounds the wait until a program serves.
const startPatience = 60 * time.Second

// Gate runs the caddy that Run has built with the repository's Caddyfile, in front of a receiver, until the test ends. It
// returns the gate's URL.
func Gate(t testing.TB, upstream, secret string) string {
	t.Helper()
	home := t.TempDir()
	config := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(config, []byte(darihook.Caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	cmd := exec.CommandContext(t.Context(), Path("caddy"), "run", "--config", config)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = startPatience
	cmd.Env = append(os.Environ(), "DARI_WEBHOOK_SECRET="+secret, "DARI_GATE_LISTEN=http://"+address, "DARI_GATE_ADMIN=off",
		"DARI_GATE_UPSTREAM="+strings.TrimPrefix(upstream, "http://"), "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the gate: %v", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // ended by a signal: the status says nothing
	}()
	t.Cleanup(func() { // the test's context has ended, and with it the process
		<-exited
		if t.Failed() {
			t.Logf("the gate wrote:\n%s", &log)
		}
	})
	await(t, address, exited)
	return "http://" + address
}

// freeAddress returns a loopback address that nobody listened on a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await returns when somebody listens on the address.
func await(t testing.TB, address string, exited <-chan struct{}) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(startPatience)
	var dialer net.Dialer
	for {
		if conn, err := dialer.DialContext(t.Context(), "tcp", address); err == nil {
			conn.Close()
			return
		}
		select {
		case <-exited:
			t.Fatal("the gate ended by itself")
		case <-deadline:
			t.Fatalf("nobody listens on %s", address)
		case <-tick.C:
		}
	}
}
