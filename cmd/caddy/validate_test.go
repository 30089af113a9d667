package main

import (
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// caddy runs a command of the program in a process of its own, in the gateway's environment.
func (g *gateway) caddy(args ...string) error {
	g.t.Helper()
	binary, err := built()
	if err != nil {
		g.t.Fatal(err)
	}
	command := exec.CommandContext(g.t.Context(), binary, args...)
	command.Env = g.env
	if out, err := command.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// configured writes the repository's Caddyfile with another directory for the store, and returns its path.
func (g *gateway) configured(store string) (config string) {
	g.t.Helper()
	text, err := os.ReadFile("../../Caddyfile")
	if err != nil {
		g.t.Fatal(err)
	}
	const line = "secret {env.DARI_WEBHOOK_SECRET}\n"
	changed := strings.Replace(string(text), line, line+"dedup disk "+store+"\n", 1)
	if changed == string(text) {
		g.t.Fatalf("the Caddyfile has no line %q", line)
	}
	config = filepath.Join(g.dir, filepath.Base(store)+".Caddyfile")
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return config
}

// TestValidateInAnotherProcess validates a configuration before its gate is started for the first time, beside it, and reloads
// it from one name of its directory to another in between. Nothing that was answered with success is processed again.
func TestValidateInAnotherProcess(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(receiver.Close)
	g := newGateway(t, receiver.URL)
	path, link := filepath.Join(g.dir, "ids"), filepath.Join(g.dir, "link")
	byPath, byLink := g.configured(path), g.configured(link)
	validate := func(when, config string) {
		t.Helper()
		if err := g.caddy("validate", "--config", config); err != nil {
			t.Errorf("validate %s: %v", when, err)
		}
	}
	validate("before the first start", byPath)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the validation has made the store: %v", err)
	}
	g.config = byPath
	g.start()
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	g.expect("evt_1", http.StatusAccepted, false)
	validate("beside the gate", byPath)
	if err := g.caddy("reload", "--config", byLink, "--address", "unix/"+filepath.Join(g.dir, "admin")); err != nil {
		t.Fatal(err)
	}
	g.expect("evt_2", http.StatusAccepted, false)
	for _, config := range []string{byLink, byPath} {
		validate("after a reload to another name", config)
		g.expect("evt_2", http.StatusAccepted, true)
	}
	g.expect("evt_3", http.StatusAccepted, false)
	g.kill()
	g.start()
	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		g.expect(id, http.StatusAccepted, true)
	}
}

// TestSecondProcessDoesNotStart wants the directory of a gate that runs, by another name. The gate that runs keeps it.
func TestSecondProcessDoesNotStart(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }))
	t.Cleanup(receiver.Close)
	g, second := newGateway(t, receiver.URL), newGateway(t, receiver.URL)
	path, link := filepath.Join(g.dir, "ids"), filepath.Join(second.dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	g.config = g.configured(path)
	g.start()
	g.expect("evt_1", http.StatusAccepted, false)
	err := second.caddy("run", "--config", second.configured(link))
	if err == nil || !strings.Contains(err.Error(), "store in use") {
		t.Fatalf("a second process: %v", err)
	}
	g.expect("evt_1", http.StatusAccepted, true)
	g.expect("evt_2", http.StatusAccepted, false)
	g.kill()
	g.start()
	g.expect("evt_1", http.StatusAccepted, true)
	g.expect("evt_2", http.StatusAccepted, true)
}
