package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/darihook/darihook/internal/process"
)

// clockTick is the unit of the times in /proc: 1/100 s on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// receiverHeader marks the receiver's answers, so that nothing else passes for one: Caddy answers requests for a host that
// it does not serve with an empty 200.
const receiverHeader = "Bench-Receiver"

// target is one process that is measured.
type target struct {
	name    string
	address string
	process *process.Process
}

// variant is a target's part of the Caddyfile, before reverse_proxy.
type variant struct{ name, directive string }

// variants lists what is measured; the first is the baseline.
func variants(storage string) []variant {
	gate := func(dedup string) string {
		return fmt.Sprintf("dari_webhook {\n\t\tsecret {env.BENCH_SECRET}\n\t\tdedup %s\n\t}", dedup)
	}
	return []variant{
		{"reverse_proxy", ""},
		{"gate, dedup off", gate("off")},
		{"gate, dedup memory", gate("memory")},
		{"gate, dedup disk", gate("disk " + strconv.Quote(filepath.Join(storage, "dedup")))},
	}
}

// startTargets starts the receiver and every target, and returns how to end them.
func startTargets(ctx context.Context, caddy string) ([]*target, func() error, error) {
	dir, err := os.MkdirTemp("", "darihook-bench-")
	if err != nil {
		return nil, nil, err
	}
	var processes []*process.Process
	stop := func() error {
		for _, p := range processes {
			p.Stop()
		}
		return os.RemoveAll(dir)
	}
	receiver, p, err := startReceiver(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	processes = append(processes, p)

	var targets []*target
	for _, v := range variants(dir) {
		t, err := startCaddy(ctx, caddy, dir, v, receiver)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("starting %s: %w", v.name, err), stop())
		}
		processes, targets = append(processes, t.process), append(targets, t)
	}
	return targets, stop, nil
}

// startCaddy runs one variant in a Caddy of its own.
func startCaddy(ctx context.Context, caddy, dir string, v variant, receiver string) (*target, error) {
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(v.name)+".caddyfile")
	text := fmt.Sprintf("{\n\tadmin off\n\tauto_https off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\nhttp://%s {\n\t%s\n\treverse_proxy %s\n}\n",
		address, v.directive, receiver)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, caddy, "run", "--adapter", "caddyfile", "--config", config)
	cmd.Env = append(os.Environ(), "BENCH_SECRET="+secret, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	p, err := process.Start(cmd)
	if err != nil {
		return nil, err
	}
	return &target{v.name, address, p}, p.Serves(ctx, address)
}

// startReceiver runs this program again as the receiver and returns its address.
func startReceiver(ctx context.Context) (string, *process.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return "", nil, err
	}
	p, err := process.Start(exec.CommandContext(ctx, self, "-receiver", address))
	if err != nil {
		return "", nil, err
	}
	return address, p, p.Serves(ctx, address)
}

// serveReceiver answers every delivery at an address with 200 and an empty body.
func serveReceiver(ctx context.Context, address string) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &fasthttp.Server{
		Handler:            func(c *fasthttp.RequestCtx) { c.Response.Header.Set(receiverHeader, "1") },
		MaxRequestBodySize: maxBody + 1,
	}
	context.AfterFunc(ctx, func() { _ = server.Shutdown() })
	return server.Serve(listener)
}

// cpu returns the processor time that the target has used so far, or 0 where the system does not tell.
func (t *target) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.process.PID()))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	// The second field, the command's name in parentheses, may hold blanks; user and system time are the 12th and
	// 13th field after it (proc(5)).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("reading processor time: %d fields", len(fields))
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
