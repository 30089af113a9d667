package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// plan is what one run does.
type plan struct {
	caddy    string
	sections []string
	targets  []target
	sizes    []int
	rounds   int
	slice    time.Duration
	conns    int
	rate     int
	seed     uint64
	write    string
	receiver string
}

// section is a part of the measurements that can be run by itself.
type section struct {
	name string
	run  func(ctx context.Context, p plan, s *stage) ([]table, error)
}

// sections lists all of them, in the document's order.
func sections() []section {
	return []section{
		{"throughput", measureThroughput},
		{"refusals", measureRefusals},
		{"flood", measureFlood},
		{"withheld bodies", measureWithheld},
	}
}

// parsePlan reads the flags.
func parsePlan(args []string) (p plan, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var sizes, targets, parts string
	var smoke bool
	flags.StringVar(&p.caddy, "caddy", filepath.Join("bin", "caddy"), "the caddy binary with the gate")
	flags.StringVar(&parts, "sections", strings.Join(names(sections()), ","), "what to measure, separated by commas")
	flags.StringVar(&targets, "targets", "", "targets by name, separated by commas; default: all that can run here")
	flags.StringVar(&sizes, "sizes", "1KiB,20KiB,64KiB,256KiB,1MiB", "body sizes, separated by commas")
	flags.IntVar(&p.rounds, "rounds", 15, "rounds; every target gets one slice in each")
	flags.DurationVar(&p.slice, "slice", 300*time.Millisecond, "length of a slice")
	flags.IntVar(&p.conns, "conns", 64, "connections")
	flags.IntVar(&p.rate, "rate", 0, "requests/s of the sections at a fixed rate; default: a quarter of what the target can take")
	flags.Uint64Var(&p.seed, "seed", uint64(time.Now().UnixNano()), "seed of the order of the slices")
	flags.StringVar(&p.write, "write", "", "a folder: keep the figures there, and write the document and its plot")
	flags.BoolVar(&smoke, "smoke", false, "two very short rounds at two sizes, to see that it works")
	flags.StringVar(&p.receiver, "receiver", "", "be the receiver at an address: for the bench itself")
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	if smoke {
		p.rounds, p.slice, p.conns, p.rate, sizes = 2, 50*time.Millisecond, 4, 200, "1KiB,1MiB"
	}
	if p.write != "" && (targets != "" || smoke) {
		return p, errors.New("figures of some targets alone, or of a smoke run, are not kept")
	}
	p.sections = strings.Split(parts, ",")
	return p, errors.Join(p.checkSections(), p.parseSizes(sizes), p.chooseTargets(targets))
}

// names returns the sections' names.
func names(all []section) []string {
	list := make([]string, len(all))
	for i, s := range all {
		list[i] = s.name
	}
	return list
}

// checkSections refuses a name that no section has.
func (p *plan) checkSections() error {
	known := names(sections())
	for _, name := range p.sections {
		if !slices.Contains(known, name) {
			return fmt.Errorf("no section %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}

// parseSizes reads "1KiB,20KiB".
func (p *plan) parseSizes(list string) error {
	for item := range strings.SplitSeq(list, ",") {
		n, err := humanize.ParseBytes(item)
		if err != nil {
			return fmt.Errorf("parsing sizes: %w", err)
		}
		if n < minBody || n > maxBody {
			return fmt.Errorf("parsing sizes: %s is not between %d bytes and %d MiB", item, minBody, maxBody>>20)
		}
		p.sizes = append(p.sizes, int(n))
	}
	return nil
}

// chooseTargets keeps the targets that are named, or all.
func (p *plan) chooseTargets(list string) error {
	p.targets = targets()
	if list == "" {
		return nil
	}
	wanted := strings.Split(list, ",")
	for _, name := range wanted {
		if !slices.ContainsFunc(p.targets, func(t target) bool { return t.name == name }) {
			return fmt.Errorf("no target %q", name)
		}
	}
	p.targets = slices.DeleteFunc(p.targets, func(t target) bool { return !slices.Contains(wanted, t.name) })
	return nil
}

// carryOut starts the targets, measures every section, and prints what it finds as it goes.
func (p plan) carryOut(ctx context.Context) (err error) {
	s, err := setUp(ctx, p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.tearDown()) }()
	fmt.Printf("%d rounds of %v a target, %d connections, seed %d\n", p.rounds, p.slice, p.conns, p.seed)
	var all []table
	for _, section := range sections() {
		if !slices.Contains(p.sections, section.name) {
			continue
		}
		tables, err := section.run(ctx, p, s)
		if err != nil {
			return fmt.Errorf("measuring %s: %w", section.name, err)
		}
		if err := p.keep(ctx, tables); err != nil {
			return err
		}
		all = append(all, tables...)
	}
	return writeBars(os.Stdout, all)
}

// keep keeps the figures and writes the document, where that is wanted.
func (p plan) keep(ctx context.Context, tables []table) error {
	if p.write == "" {
		return nil
	}
	r, err := readRecord(p.write)
	if err != nil {
		return err
	}
	return r.add(thisMachine(ctx, p.caddy), tables).publish(p.write)
}

// shuffler returns what decides the order of the slices.
func (p plan) shuffler() *rand.Rand { return rand.New(rand.NewPCG(p.seed, 0)) }
