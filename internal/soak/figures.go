package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

const (
	// rounds is how often everything is measured, in turns, after one round that does not count.
	rounds = 9
	// turn is how long one set-up is loaded.
	turn = 700 * time.Millisecond
)

// setup is gates that are measured together, and the server of their store, if it is one.
type setup struct {
	name  string
	redis *redistest.Server
	gates []*gate
	fleet *fleet
	rates []float64 // deliveries per second, one a round
}

// figures measures what several gates over one Redis are worth beside the embedded store, and how long they take to
// notice that their store is away, and back.
func (o *options) figures(ctx context.Context) (err error) {
	clock := newClock(time.Now().UnixNano())
	receiver, err := newUpstream(ctx, o.dir, clock)
	if err != nil {
		return err
	}
	defer receiver.process.Stop()
	var setups []*setup
	defer func() {
		for _, s := range setups {
			err = errors.Join(err, s.close())
		}
	}()
	for _, plan := range []struct {
		name, appendfsync string // empty: the embedded store
		gates             int
	}{
		{"1 gate, embedded store", "", 1},
		{"1 gate, Redis, everysec", "everysec", 1}, {"2 gates, Redis, everysec", "everysec", 2},
		{"1 gate, Redis, always", "always", 1}, {"2 gates, Redis, always", "always", 2},
	} {
		s := &setup{name: plan.name}
		setups = append(setups, s)
		if err := s.start(ctx, *o, clock, len(setups), plan.appendfsync, plan.gates, receiver.address); err != nil {
			return err
		}
	}
	if err := o.race(ctx, setups); err != nil {
		return err
	}
	return o.interrupt(ctx, setups[2])
}

// start starts a set-up's server and gates, each in a folder of its own.
func (s *setup) start(ctx context.Context, o options, clock clock, number int, appendfsync string, gates int, receiver string) (err error) {
	o.dir = filepath.Join(o.dir, fmt.Sprint(number))
	if err := os.Mkdir(o.dir, 0o700); err != nil {
		return err
	}
	dedup := "disk " + filepath.Join(o.dir, "dedup")
	if appendfsync != "" {
		if s.redis, err = redistest.Start(o.dir, "--appendonly", "yes", "--appendfsync", appendfsync); err != nil {
			return err
		}
		dedup = "redis " + s.redis.Addr
	}
	for i := range gates {
		g, err := newGate(i, o, clock, dedup, receiver)
		if err != nil {
			return err
		}
		s.gates = append(s.gates, g)
		if err := g.start(ctx); err != nil {
			return err
		}
	}
	s.fleet, err = o.newFleet(clock, s.gates)
	return err
}

func (s *setup) close() (err error) {
	for _, g := range s.gates {
		err = errors.Join(err, g.stop())
	}
	if s.fleet != nil {
		err = errors.Join(err, s.fleet.journal.close())
	}
	if s.redis != nil {
		s.redis.Kill()
	}
	return err
}

// race loads the set-ups in turns, in an order that is shuffled in every round.
func (o *options) race(ctx context.Context, setups []*setup) error {
	order := rand.New(rand.NewPCG(o.seed, 0))
	for round := -1; round < rounds; round++ {
		for _, i := range order.Perm(len(setups)) {
			rate, err := setups[i].load(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", setups[i].name, err)
			}
			if round >= 0 {
				setups[i].rates = append(setups[i].rates, rate)
			}
		}
	}
	return writeRace(o.out, setups)
}
