package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/internal/process"
)

const (
	// glance is the pause between two looks at whether a gate is well.
	glance = 10 * time.Millisecond
	// healing bounds the wait until it is.
	healing = 30 * time.Second
)

// gate is one gate: a Caddy process, or one after the other.
type gate struct {
	clock
	number   int
	caddy    string
	dir      string
	address  string
	dedup    string // the directive's option
	receiver string // where it forwards to
	lease    time.Duration
	secret   string

	// store and upstream are its wires, if it has any.
	store    *wire
	upstream *wire

	admin   *http.Client
	process *process.Process
	log     *os.File
	life    atomic.Int64
	reloads atomic.Int64
}

// newGate prepares a gate with a store, or without one, before a receiver.
func newGate(number int, o options, clock clock, dedup, receiver string) (*gate, error) {
	g := &gate{
		clock: clock, number: number, caddy: o.caddy, dir: o.dir, lease: o.lease, secret: o.secret,
		dedup: dedup, receiver: receiver,
	}
	g.admin = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", g.socket())
		},
	}}
	var err error
	g.address, err = freeAddress()
	return g, err
}

// newWiredGate prepares a gate whose ways to Redis and to the receiver can be cut.
func newWiredGate(number int, o options, clock clock, redis, receiver string) (*gate, error) {
	store, err := newWire(redis)
	if err != nil {
		return nil, err
	}
	upstream, err := newWire(receiver)
	if err != nil {
		return nil, err
	}
	dedup := "redis " + store.address
	if o.sabotage == dedupOff {
		dedup = withoutStore
	}
	g, err := newGate(number, o, clock, dedup, upstream.address)
	if err != nil {
		return nil, err
	}
	g.store, g.upstream = store, upstream
	return g, nil
}

// withoutStore is the option of a gate that forwards every copy.
const withoutStore = "off"

func (g *gate) socket() string { return filepath.Join(g.dir, fmt.Sprintf("gate-%d.sock", g.number)) }

// caddyfile is the gate's configuration. Each reload has the next of three that differ: in the time-to-live, which the
// open store takes over, and in the store's timeout, which opens another.
func (g *gate) caddyfile() string {
	n := g.reloads.Load()
	variant := fmt.Sprintf("ttl %dh\n\t\t\ttimeout %dms", 24+n%2, 250+n%3/2*25)
	options := fmt.Sprintf(" {\n\t\t\tlease %s\n\t\t\tin_flight wait 2s\n\t\t\t%s\n\t\t}", g.lease, variant)
	if g.dedup == withoutStore {
		options = ""
	}
	return fmt.Sprintf(`{
	admin unix/%s
	auto_https off
	log {
		level INFO
		format json
		exclude http.log.error http.handlers.reverse_proxy
	}
}
http://%s {
	header Soak-Reload %d
	dari_webhook {
		secret {env.SOAK_SECRET}
		dedup %s%s
	}
	reverse_proxy %s {
		header_up %s %d
		header_up %s {env.SOAK_LIFE}
	}
}
`, g.socket(), g.address, n, g.dedup, options, g.receiver, gateHeader, g.number, lifeHeader)
}

// logPath names the log of one of a gate's processes.
func logPath(dir string, number, life int) string {
	return filepath.Join(dir, fmt.Sprintf("gate-%d-%d.log", number, life))
}

// start runs the gate's next process and returns when it serves.
func (g *gate) start(ctx context.Context) (err error) {
	life := int(g.life.Add(1))
	config := filepath.Join(g.dir, fmt.Sprintf("gate-%d.caddyfile", g.number))
	if err := os.WriteFile(config, []byte(g.caddyfile()), 0o600); err != nil {
		return err
	}
	if g.log, err = os.Create(logPath(g.dir, g.number, life)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, g.caddy, "run", "--adapter", "caddyfile", "--config", config)
	cmd.Env = append(os.Environ(), "SOAK_SECRET="+g.secret, fmt.Sprintf("SOAK_LIFE=%d", life),
		"XDG_DATA_HOME="+g.dir, "XDG_CONFIG_HOME="+g.dir)
	cmd.Stderr = g.log
	if g.process, err = process.Start(cmd); err != nil {
		return errors.Join(err, g.log.Close())
	}
	return g.process.Serves(ctx, g.address)
}

// kill ends the gate's process as a crash does.
func (g *gate) kill() error {
	g.process.Kill()
	g.process = nil
	return g.log.Close()
}

// stop ends the gate as an operator does, once all that is under way has ended.
func (g *gate) stop() error {
	if g.process == nil {
		return nil
	}
	g.process.Stop()
	g.admin.CloseIdleConnections()
	return g.log.Close()
}

// reload gives the gate another configuration while it works. A gate that is down cannot take it.
func (g *gate) reload(ctx context.Context) error {
	g.reloads.Add(1)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gate/load", bytes.NewBufferString(g.caddyfile()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "text/caddyfile")
	response, err := g.admin.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("reloading: %s", response.Status)
	}
	return nil
}

// well reports whether the gate says that its store answers.
func (g *gate) well(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://gate/dari_webhook/health", nil)
	if err != nil {
		return false
	}
	response, err := g.admin.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// heal returns when the gate is well.
func (g *gate) heal(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, healing)
	defer cancel()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for !g.well(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
