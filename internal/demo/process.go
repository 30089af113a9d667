package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// startPatience bounds the wait until a process serves.
	startPatience = 30 * time.Second
	// stopPatience is how long a process may take to end when it is asked to.
	stopPatience = 10 * time.Second
)

// process is a child of the demo.
type process struct {
	cmd    *exec.Cmd
	log    bytes.Buffer  // its standard error, to be read once it has ended
	exited chan struct{} // closed when it has
}

// start runs a command, whose standard error is kept for the case that it fails.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, exited: make(chan struct{})}
	cmd.Stderr = &p.log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopPatience
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // ended by a signal as a rule: the status says nothing
	}()
	return p, nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(stopPatience, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	<-p.exited
}

// fault stops the process and adds what it said to an error.
func (p *process) fault(err error) error {
	p.stop()
	return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(p.log.Bytes()))
}

// startReceiver runs the receiver as a process of its own and returns its URL.
func startReceiver(ctx context.Context, command []string) (*process, string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	out, in := io.Pipe()
	cmd.Stdout = in
	p, err := start(cmd)
	if err != nil {
		return nil, "", err
	}
	go func() { <-p.exited; in.CloseWithError(errExited) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, "", p.fault(fmt.Errorf("reading its address: %w", err))
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p, strings.TrimSpace(line), nil
}

// startGate runs Caddy with the repository's Caddyfile in front of a receiver, and returns the gate's URL. Its state goes
// into dir.
func startGate(ctx context.Context, caddy, caddyfile, dir, upstream, secret string) (*process, string, error) {
	address, err := freeAddress(ctx)
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
	p, err := start(cmd)
	if err != nil {
		return nil, "", err
	}
	if err := await(ctx, address, p.exited); err != nil {
		return nil, "", p.fault(err)
	}
	return p, "http://" + address, nil
}

// freeAddress returns a loopback address that nobody listened on a moment ago.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

var errExited = errors.New("it ended by itself")

// await returns when somebody listens on the address, or the process that should has ended.
func await(ctx context.Context, address string, exited <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-exited:
			return errExited
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", address, err)
		case <-tick.C:
		}
	}
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
