//go:build unix

package caddymodule_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPipeInPlaceOfAFile has a pipe that nobody writes to stand where the gate reads a file: at load, which fails at once, and
// later, which holds up neither a reload nor the end.
func TestPipeInPlaceOfAFile(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	pipe := filepath.Join(g.dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]string{
		"secret_file":   "dari_webhook {\nsecret_file " + pipe + "\n",
		"secret":        "dari_webhook {\nsecret {file." + pipe + "}\n",
		"forward":       "dari_webhook {\nsecret {env." + secretEnv + "}\nforward {file." + pipe + "}\n",
		"redis":         "dari_webhook {\nsecret {env." + secretEnv + "}\ndedup redis localhost:1 {\npassword {file." + pipe + "}\n}\n",
		"redis tls":     "dari_webhook {\nsecret {env." + secretEnv + "}\ndedup redis localhost:1 {\ntls {\nca " + pipe + "\n}\n}\n",
		"disk":          "dari_webhook {\nsecret {env." + secretEnv + "}\ndedup disk {file." + pipe + "}\n",
		"secret_file's": "dari_webhook {\nsecret_file {file." + pipe + "}\n",
	} {
		start := time.Now()
		if err := g.tryLoad(block + "}"); err == nil {
			t.Errorf("%s: loaded", name)
		}
		if took := time.Since(start); took > 20*time.Second { // it is at once, but on a busy machine
			t.Errorf("%s: refused after %s", name, took)
		}
	}
	path := filepath.Join(g.dir, "secret")
	if err := os.WriteFile(path, []byte(os.Getenv(secretEnv)), 0o600); err != nil {
		t.Fatal(err)
	}
	site := "dari_webhook {\nsecret_file " + path + "\n" + inMemory() + "\n}\n" + r.proxy()
	g.load(site)
	_, seen := transcript.since(0)
	if err := os.Rename(pipe, path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the pipe in the log", func() bool {
		log, _ := transcript.since(seen)
		return strings.Contains(log, "not a regular file")
	})
	if a := g.deliver("evt_1"); a.status != http.StatusOK {
		t.Errorf("with the secrets that were there: %s", a)
	}
	if err := g.tryLoad(site); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a reload: %v", err)
	}
	g.load("respond gone") // stops the watch
}
