// Command bench measures the gate against a plain reverse proxy.
//
// Every target is a process of its own in front of one receiver. The targets take turns in many short slices whose order
// is shuffled in every round, so that a machine whose speed drifts slows all of them alike. What is reported is the
// median over the rounds of each target's throughput divided by the baseline's in the same round, with its quartiles,
// and beside it the processor time per request, which does not depend on how busy the machine is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// plan is what one run does.
type plan struct {
	caddy  string
	sizes  []int
	rounds int
	slice  time.Duration
	conns  int
	seed   uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run reads the flags, starts the targets, measures them and prints the table.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var p plan
	var sizes string
	var smoke bool
	var receiver string
	flags.StringVar(&p.caddy, "caddy", filepath.Join("bin", "caddy"), "the caddy binary with the gate")
	flags.StringVar(&sizes, "sizes", "1KiB,20KiB,256KiB", "body sizes, separated by commas")
	flags.IntVar(&p.rounds, "rounds", 15, "rounds; every target gets one slice in each")
	flags.DurationVar(&p.slice, "slice", 500*time.Millisecond, "length of a slice")
	flags.IntVar(&p.conns, "conns", 64, "connections")
	flags.Uint64Var(&p.seed, "seed", uint64(time.Now().UnixNano()), "seed of the order of the slices")
	flags.BoolVar(&smoke, "smoke", false, "two very short rounds, to see that it works")
	flags.StringVar(&receiver, "receiver", "", "be the receiver at an address: for the bench itself")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if receiver != "" {
		return serveReceiver(ctx, receiver)
	}
	if smoke {
		p.rounds, p.slice, p.conns = 2, 50*time.Millisecond, 4
	}
	var err error
	if p.sizes, err = parseSizes(sizes); err != nil {
		return fmt.Errorf("parsing sizes: %w", err)
	}
	return p.measure(ctx)
}

// parseSizes reads "1KiB,20KiB".
func parseSizes(list string) ([]int, error) {
	var sizes []int
	for item := range strings.SplitSeq(list, ",") {
		n, err := humanize.ParseBytes(item)
		if err != nil {
			return nil, err
		}
		if n < minBody || n > maxBody {
			return nil, fmt.Errorf("%s is not between %d bytes and %d MiB", item, minBody, maxBody>>20)
		}
		sizes = append(sizes, int(n))
	}
	return sizes, nil
}

// measure runs every size over every target.
func (p plan) measure(ctx context.Context) (err error) {
	targets, stop, err := startTargets(ctx, p.caddy)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	order := rand.New(rand.NewPCG(p.seed, 0))
	fmt.Printf("%d rounds of %v a target, %d connections, seed %d\n", p.rounds, p.slice, p.conns, p.seed)
	for _, size := range p.sizes {
		load := newLoad(size, p.conns)
		results, err := p.rotate(ctx, order, load, targets)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", humanize.IBytes(uint64(size)), err)
		}
		if err := writeTable(os.Stdout, size, results); err != nil {
			return err
		}
	}
	return nil
}

// rotate gives every target one slice in each round, in an order that changes, after one round that does not count.
func (p plan) rotate(ctx context.Context, order *rand.Rand, load *load, targets []*target) ([]result, error) {
	results := make([]result, len(targets))
	for i, t := range targets {
		results[i].name = t.name
	}
	for round := -1; round < p.rounds; round++ {
		for _, i := range order.Perm(len(targets)) {
			s, err := load.run(ctx, targets[i], p.slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", targets[i].name, err)
			}
			if round >= 0 {
				results[i].slices = append(results[i].slices, s)
			}
		}
	}
	return results, nil
}
