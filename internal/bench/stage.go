package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/darihook/darihook/internal/process"
)

// errAbsent is why a target is left out: a program that it needs is not installed.
var errAbsent = errors.New("not installed")

// stage is everything that runs during the measurements.
type stage struct {
	folder     string
	caddy      string
	receiver   *process.Process
	address    string // the receiver's
	redis      *process.Process
	redisAt    string
	contenders []*contender
	processes  []*process.Process
}

// contender is a target that runs, with the connections to it.
type contender struct {
	target
	address   string
	processes []*process.Process
	client    *fasthttp.HostClient
	// rate is what it has shown it can take, in requests per second, by the size of the bodies.
	rate map[int]float64
}

// setUp starts the receiver and every target that can run here, and says which cannot.
func setUp(ctx context.Context, p plan) (*stage, error) {
	folder, err := os.MkdirTemp("", "darihook-bench-")
	if err != nil {
		return nil, err
	}
	s := &stage{folder: folder, caddy: p.caddy}
	if s.address, s.receiver, err = startReceiver(ctx); err != nil {
		return nil, errors.Join(err, s.tearDown())
	}
	s.processes = append(s.processes, s.receiver)
	for _, t := range p.targets {
		c, err := s.start(ctx, t)
		if errors.Is(err, errAbsent) {
			fmt.Printf("left out: %s: %v\n", t.name, err)
			continue
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("starting %s: %w", t.name, err), s.tearDown())
		}
		c.client, c.rate = connect(c.address, p.conns), map[int]float64{}
		s.contenders = append(s.contenders, c)
	}
	return s, nil
}

// tearDown ends every process and removes what they wrote.
func (s *stage) tearDown() error {
	for _, c := range s.contenders {
		c.client.CloseIdleConnections()
	}
	for _, p := range slices.Backward(s.processes) {
		p.Stop()
	}
	return os.RemoveAll(s.folder)
}

// start starts one target.
func (s *stage) start(ctx context.Context, t target) (*contender, error) {
	if t.server == receiver {
		return &contender{target: t, address: s.address, processes: []*process.Process{s.receiver}}, nil
	}
	if t.redis {
		if err := s.needRedis(ctx); err != nil {
			return nil, err
		}
	}
	folder := filepath.Join(s.folder, t.name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	address, err := process.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	cmd, err := s.command(ctx, t, folder, address)
	if err != nil {
		return nil, err
	}
	p, err := s.run(ctx, cmd, address)
	if err != nil {
		return nil, err
	}
	c := &contender{target: t, address: address, processes: []*process.Process{p}}
	if t.redis {
		c.processes = append(c.processes, s.redis)
	}
	return c, nil
}

// command returns how a target is run that serves at an address.
func (s *stage) command(ctx context.Context, t target, folder, address string) (*exec.Cmd, error) {
	switch t.server {
	case caddy:
		return s.caddyCommand(ctx, t, folder, address)
	case node:
		return nodeCommand(ctx, folder, address)
	case hookaido:
		return hookaidoCommand(ctx, folder, address)
	default:
		return s.nginxCommand(ctx, t, folder, address)
	}
}

// run starts a process that is to serve at an address.
func (s *stage) run(ctx context.Context, cmd *exec.Cmd, address string) (*process.Process, error) {
	p, err := process.Start(cmd)
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	return p, p.Serves(ctx, address)
}

// fillIn puts addresses and folders in the place of their marks.
func (s *stage) fillIn(text, folder string) string {
	return strings.NewReplacer(receiverMark, s.address, redisMark, s.redisAt, folderMark, folder).Replace(text)
}

// connect returns a client of an address that keeps its connections from one slice to the next.
func connect(address string, conns int) *fasthttp.HostClient {
	return &fasthttp.HostClient{
		Addr: address, MaxConns: conns, MaxIdleConnDuration: 10 * time.Minute,
		ReadTimeout: requestTimeout, WriteTimeout: requestTimeout,
		NoDefaultUserAgentHeader: true, DisableHeaderNamesNormalizing: true,
		MaxIdemponentCallAttempts: 1,
	}
}
