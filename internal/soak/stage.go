package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
	"github.com/darihook/darihook/internal/process"
)

// stage is everything that runs during a soak beside the senders.
type stage struct {
	clock
	o        options
	redis    *redistest.Server
	gates    []*gate
	receiver *upstream
}

// upstream is the receiver as its keeper sees it: one process after the other.
type upstream struct {
	clock
	dir     string
	address string
	life    atomic.Int64
	process *process.Process
}

// newStage starts everything.
func newStage(ctx context.Context, o options, clock clock) (s *stage, err error) {
	s = &stage{clock: clock, o: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.redis, err = redistest.Start(o.dir, redisSettings()...); err != nil {
		return s, err
	}
	if s.receiver, err = newUpstream(ctx, o.dir, clock); err != nil {
		return s, err
	}
	for i := range o.gates {
		g, err := newWiredGate(i, o, clock, s.redis.Addr, s.receiver.address)
		if err != nil {
			return s, err
		}
		s.gates = append(s.gates, g)
		if err := g.start(ctx); err != nil {
			return s, err
		}
	}
	return s, nil
}

// close ends everything in order: no gate loses what it works on, and the ledger is whole.
func (s *stage) close() error {
	var errs []error
	for _, g := range s.gates {
		errs = append(errs, g.stop())
	}
	if s.receiver != nil {
		s.receiver.process.Stop()
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	return errors.Join(errs...)
}

// newUpstream starts a receiver.
func newUpstream(ctx context.Context, dir string, clock clock) (*upstream, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	u := &upstream{clock: clock, dir: dir, address: address}
	if err := u.start(ctx); err != nil {
		return nil, err
	}
	return u, nil
}

// start runs the receiver's next process, which is this program in another role, and returns when it serves.
func (u *upstream) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	life := u.life.Add(1)
	cmd := exec.CommandContext(ctx, self, "-receiver", u.address, "-dir", u.dir,
		"-life", strconv.FormatInt(life, 10), "-began", strconv.FormatInt(u.began.UnixNano(), 10))
	if u.process, err = process.Start(cmd); err != nil {
		return fmt.Errorf("starting the receiver: %w", err)
	}
	return u.process.Serves(ctx, u.address)
}

// addresses are where gates listen.
func addresses(gates []*gate) []string {
	var all []string
	for _, g := range gates {
		all = append(all, g.address)
	}
	return all
}
