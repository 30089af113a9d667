// Command soak runs gates over one Redis under load and faults, and then accounts for every delivery.
//
// Two or more gates, each a Caddy in a process of its own, share one Redis. Senders sign deliveries, repeat each until it
// is told success, send copies of some and forgeries of others, and hang up now and then. The receiver writes down what it
// has done before it answers. Meanwhile processes are killed and paused, wires cut and spoilt, and configurations
// reloaded. What was planned follows from the seed; in which order things then meet does not.
//
// It exits with 1 unless nothing was lost, nothing ran twice without a fault to put it down to, and nothing forged got in.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/soak/account"
)

// options are what a soak can be told.
type options struct {
	caddy      string
	deliveries int
	length     time.Duration
	gates      int
	senders    int
	attempts   int
	every      time.Duration
	lease      time.Duration
	seed       uint64
	dir        string
	sabotage   sabotage
	measure    bool
	secret     string
	out        io.Writer
}

// errBroken is returned when the promise was not kept.
var errBroken = errors.New("the promise was not kept")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "soak: %v\n", err)
		os.Exit(1)
	}
}

// run reads the flags and plays the part that they name.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(out)
	o := options{out: out}
	o.flags(flags)
	receiver := flags.String("receiver", "", "be the receiver at an address: for the soak itself")
	life := flags.Int("life", 1, "the receiver's process: for the soak itself")
	began := flags.Int64("began", 0, "when the soak began: for the soak itself")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *receiver != "" {
		return serveReceiver(ctx, *receiver, o.dir, *life, newClock(*began))
	}
	if err := o.check(flags.Args()); err != nil {
		return err
	}
	o.secret = contract.SecretPrefix + rand.Text()
	if o.measure {
		return o.inFolder(func() error { return o.figures(ctx) })
	}
	return o.inFolder(func() error { return o.soak(ctx) })
}

// flags has the options read from the command line.
func (o *options) flags(flags *flag.FlagSet) {
	flags.StringVar(&o.caddy, "caddy", filepath.Join("bin", "caddy"), "the caddy binary with the gate")
	flags.IntVar(&o.deliveries, "deliveries", 200_000, "deliveries to send")
	flags.DurationVar(&o.length, "duration", time.Hour, "time after which none is begun any more")
	flags.IntVar(&o.gates, "gates", 2, "gates over one Redis")
	flags.IntVar(&o.senders, "senders", 64, "deliveries under way at once")
	flags.IntVar(&o.attempts, "attempts", 500, "tries of one copy after which its sender gives up")
	flags.DurationVar(&o.every, "kill-every", 3*time.Second, "average time between faults on each track")
	flags.DurationVar(&o.lease, "lease", 3*time.Second, "lease of a claim")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "seed of everything that is planned")
	flags.StringVar(&o.dir, "dir", "", "an empty folder for the records (default: a new one, which is removed when all is well)")
	flags.BoolVar(&o.measure, "measure", false, "measure stores and outages instead, on a quiet machine")
	flags.StringVar((*string)(&o.sabotage), "sabotage", "", "break the set-up, to see it noticed: dedup-off, forgetful, orphans")
}

// check finds what a soak cannot work with.
func (o *options) check(rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unknown argument %q", rest[0])
	case o.gates < 1 || o.senders < 1 || o.deliveries < 1 || o.attempts < 1 || o.every <= 0 || o.length <= 0:
		return errors.New("numbers and times must be positive")
	case o.lease < time.Second:
		return errors.New("the lease must be a second at least")
	}
	return o.sabotage.check()
}

// inFolder gives a soak its folder, which stays when something is wrong.
func (o *options) inFolder(f func() error) (err error) {
	keep := o.dir != ""
	if !keep {
		if o.dir, err = os.MkdirTemp("", "soak-"); err != nil {
			return err
		}
	}
	err = f()
	switch {
	case err != nil:
		return fmt.Errorf("%w; the records are in %s", err, o.dir)
	case keep:
		return nil
	}
	return os.RemoveAll(o.dir)
}

// soak runs one and accounts for it.
func (o *options) soak(ctx context.Context) error {
	clock := newClock(time.Now().UnixNano())
	fmt.Fprintf(o.out, "%d deliveries, %d gates, %d senders, a fault every %v on each track, seed %d\n", o.deliveries, o.gates, o.senders, o.every, o.seed)
	s, err := newStage(ctx, *o, clock)
	if err != nil {
		return err
	}
	sent, err := o.play(ctx, s)
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	report, err := o.account(s, sent)
	if err != nil {
		return err
	}
	writeReport(o.out, report)
	if !report.Kept() {
		return errBroken
	}
	return nil
}

// play has senders and faults at the stage until all is sent.
func (o *options) play(ctx context.Context, s *stage) (sent int, err error) {
	f, err := o.newFleet(s.clock, s.gates)
	if err != nil {
		return 0, err
	}
	sending, fail := context.WithCancelCause(ctx)
	striking, calm := context.WithCancel(sending)
	struck := make(chan struct{})
	go func() {
		defer close(struck)
		if err := (&faults{stage: s, every: o.every}).run(striking); err != nil {
			fail(fmt.Errorf("striking: %w", err))
		}
	}()
	stopTelling := f.tell(striking)
	sent, err = f.run(sending, o.deliveries, o.length)
	calm()
	<-struck
	stopTelling()
	return sent, errors.Join(cmp.Or(err, context.Cause(sending)), f.journal.close())
}

// newFleet makes the senders before some gates.
func (o *options) newFleet(clock clock, gates []*gate) (*fleet, error) {
	signer, err := newSigner(o.secret)
	if err != nil {
		return nil, err
	}
	stranger, err := newSigner(contract.SecretPrefix + rand.Text())
	if err != nil {
		return nil, err
	}
	journal, err := newJournal(o.journalPath())
	return &fleet{
		clock: clock, seed: o.seed, lease: o.lease, gates: addresses(gates), attempts: o.attempts, senders: o.senders,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * o.senders}},
		signer: signer, stranger: stranger, journal: journal,
	}, err
}

func (o *options) journalPath() string { return filepath.Join(o.dir, "journal.jsonl") }

// commitBound is how long a sender waits at most for a success that the gate cannot record at once: three attempts of four
// timeouts each, the pauses between them, and what a busy machine adds.
const commitBound = 5 * time.Second

// account brings the records together.
func (o *options) account(s *stage, sent int) (account.Report, error) {
	var ledgers []string
	for life := 1; life <= int(s.receiver.life.Load()); life++ {
		ledgers = append(ledgers, ledgerPath(o.dir, life))
	}
	h := account.History{
		Sent: sent, Lease: o.lease, CommitBound: commitBound,
		Ledger:  readRecords[account.Entry](ledgers...),
		Journal: readRecords[account.Attempt](o.journalPath()),
	}
	for f, err := range readRecords[account.Fault](faultsPath(o.dir)) {
		if err != nil {
			return account.Report{}, err
		}
		h.Faults = append(h.Faults, f)
	}
	for _, g := range s.gates {
		if err := readWords(&h, o.dir, g); err != nil {
			return account.Report{}, err
		}
	}
	return account.Audit(h)
}
