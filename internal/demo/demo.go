// Package demo shows the gate at work: a mock platform sends good, broken and hostile deliveries through a real Caddy to a
// receiver in a process of its own, and a table tells what was sent, what the gate answered and what the receiver saw.
package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// ErrPromise is what Run returns when a row of the table is not as promised.
var ErrPromise = errors.New("the gate did not keep a promise")

// Options say what the demo runs with.
type Options struct {
	// Caddy is a caddy binary with the gate. Default: the one beside this program, or the one in the path.
	Caddy string
	// Caddyfile is the text of the configuration. Required.
	Caddyfile string
	// Receiver is the command that runs ServeReceiver in a process of its own. Required.
	Receiver []string
	// Serve keeps everything running after the table, until ctx is done.
	Serve bool
	// Out gets the table.
	Out io.Writer
}

// Run plays every scenario and prints the table. Errors: ErrPromise, or what kept the demo from running.
func Run(ctx context.Context, o Options) error {
	started := time.Now()
	caddy, err := findCaddy(ctx, o.Caddy)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "darihook-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	s, stop, err := build(ctx, o, caddy, dir)
	if err != nil {
		return err
	}
	defer stop()
	rows, err := s.playAll(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "mock platform ──► gate (Caddy, embedded store) ──► receiver\n\n")
	if err := writeTable(o.Out, rows); err != nil {
		return err
	}
	kept := count(rows)
	fmt.Fprintf(o.Out, "\n%d of %d as promised, in %.1f s.\n", kept, len(rows), time.Since(started).Seconds())
	if o.Serve {
		s.serve(ctx, o.Out)
	} else {
		fmt.Fprintln(o.Out, "With --serve everything stays up, and the platform's console shows each delivery.")
	}
	if kept != len(rows) {
		return ErrPromise
	}
	return nil
}

// playAll runs the scenarios one after the other.
func (s *stage) playAll(ctx context.Context) ([]row, error) {
	var rows []row
	for _, sc := range scenarios() {
		r, err := s.play(ctx, sc)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", sc.sent, err)
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// count returns how many rows are as promised.
func count(rows []row) int {
	var kept int
	for _, r := range rows {
		if r.kept {
			kept++
		}
	}
	return kept
}

// serve keeps everything running and says where it is.
func (s *stage) serve(ctx context.Context, out io.Writer) {
	fmt.Fprintf(out, "\nStill running; end it with Ctrl-C.\n  console   %s\n  gate      %s\n  receiver  %s\n",
		s.console, s.gate, s.receiver)
	<-ctx.Done()
}

// build starts the receiver, the gate in front of it, and the platform that delivers to the gate.
func build(ctx context.Context, o Options, caddy, dir string) (s *stage, stop func(), err error) {
	var stops []func()
	stopAll := func() {
		for _, stop := range slices.Backward(stops) {
			stop()
		}
	}
	defer func() {
		if err != nil {
			stopAll()
		}
	}()
	secret := newSecret()
	signer, err := newSigner(secret)
	if err != nil {
		return nil, nil, err
	}
	s = &stage{signer: signer}

	receiver, url, err := startReceiver(ctx, o.Receiver)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the receiver: %w", err)
	}
	stops, s.receiver = append(stops, receiver.Stop), url

	gate, url, err := startGate(ctx, caddy, o.Caddyfile, dir, s.receiver, secret)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the gate: %w", err)
	}
	stops, s.gate = append(stops, gate.Stop), url

	stopPlatform, err := s.startPlatform(ctx, secret)
	if err != nil {
		return nil, nil, fmt.Errorf("starting the platform: %w", err)
	}
	stops = append(stops, stopPlatform)
	return s, stopAll, nil
}

// newSecret makes a signing secret in the platform's form.
func newSecret() string {
	b := make([]byte, 24)
	rand.Read(b)
	return contract.SecretPrefix + hex.EncodeToString(b)
}

// newSigner returns a signer by Dari's default scheme.
func newSigner(secret string) (*signature.Signer, error) {
	s, err := signature.NewSecret(secret)
	if err != nil {
		return nil, err
	}
	return signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
}
