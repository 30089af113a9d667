package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/darihook/darihook/internal/process"
)

// startReceiver runs the receiver as a process of its own and returns its URL.
func startReceiver(ctx context.Context, command []string) (*process.Process, string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	out, in := io.Pipe()
	cmd.Stdout = in
	p, err := process.Start(cmd)
	if err != nil {
		return nil, "", err
	}
	go func() { <-p.Exited(); in.CloseWithError(process.ErrExited) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.Stop()
		return nil, "", fmt.Errorf("reading its address: %w\n%s", err, p.Log())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it has nothing more to say
	return p, strings.TrimSpace(line), nil
}

// startGate runs Caddy with the repository's Caddyfile in front of a receiver, and returns the gate's URL. Its state goes
// into dir.
func startGate(ctx context.Context, caddy, caddyfile, dir, upstream, secret string) (*process.Process, string, error) {
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, "", err
	}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(caddyfile), 0o600); err != nil {
		return nil, "", err
	}
	cmd := exec.CommandContext(ctx, caddy, "run", "--config", config)
	cmd.Env = append(os.Environ(),
		"DARI_WEBHOOK_SECRET="+secret,
		"DARI_GATE_LISTEN=http://"+address,
		"DARI_GATE_UPSTREAM="+strings.TrimPrefix(upstream, "http://"),
		"DARI_GATE_ADMIN=unix/"+filepath.Join(dir, "admin.sock"),
		"XDG_DATA_HOME="+filepath.Join(dir, "data"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	p, err := process.Start(cmd)
	if err != nil {
		return nil, "", err
	}
	if err := p.Serves(ctx, address); err != nil {
		return nil, "", err
	}
	return p, "http://" + address, nil
}

// findCaddy returns the caddy that has the gate: the one that was named, or the one beside this program, or the one in the
// path.
func findCaddy(ctx context.Context, named string) (string, error) {
	if named != "" {
		return named, checkCaddy(ctx, named)
	}
	var candidates []string
	if self, err := os.Executable(); err == nil {
		candidates = append(candidates, filepath.Join(filepath.Dir(self), "caddy"))
	}
	if path, err := exec.LookPath("caddy"); err == nil {
		candidates = append(candidates, path)
	}
	for _, c := range candidates {
		if checkCaddy(ctx, c) == nil {
			return c, nil
		}
	}
	return "", errors.New("no caddy with the gate beside this program or in the path; build one with: " +
		"go install github.com/darihook/darihook/cmd/caddy@latest, or name it with --caddy")
}

// checkCaddy reports whether a caddy has the gate's module.
func checkCaddy(ctx context.Context, caddy string) error {
	out, err := exec.CommandContext(ctx, caddy, "list-modules").Output()
	if err != nil {
		return fmt.Errorf("asking %s for its modules: %w", caddy, err)
	}
	if !bytes.Contains(out, []byte("http.handlers.dari_webhook\n")) {
		return fmt.Errorf("%s has no module http.handlers.dari_webhook", caddy)
	}
	return nil
}
