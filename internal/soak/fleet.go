package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/soak/account"
	"github.com/darihook/darihook/signature"
)

const (
	// firstPause and lastPause are how long a sender waits before it tries again.
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
	// patience ends a try that no gate answers: far above what any of them may take.
	patience = time.Minute
)

// fleet is the senders.
type fleet struct {
	clock
	seed     uint64
	lease    time.Duration
	gates    []string // their addresses
	attempts int      // of one copy, at most
	senders  int
	client   *http.Client
	signer   *signature.Signer
	stranger *signature.Signer
	journal  *records

	next atomic.Int64
	told atomic.Int64
	late sync.WaitGroup
	fail context.CancelCauseFunc // ends everything: a record could not be made
}

// newSigner returns what signs with a secret as the platform does.
func newSigner(secret string) (*signature.Signer, error) {
	s, err := signature.NewSecret(secret)
	if err != nil {
		return nil, err
	}
	return signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
}

// run sends so many deliveries, or as many as it can until no more are to begin, and returns when each has been told
// success or was given up.
func (f *fleet) run(ctx context.Context, deliveries int, length time.Duration) (sent int, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	f.fail = fail
	end := f.now() + length
	var senders sync.WaitGroup
	for range f.senders {
		senders.Go(func() {
			for ctx.Err() == nil && f.now() < end {
				number := int(f.next.Add(1)) - 1
				if number >= deliveries {
					return
				}
				f.deliver(ctx, number)
			}
		})
	}
	senders.Wait()
	f.late.Wait()
	return min(int(f.next.Load()), deliveries), context.Cause(ctx)
}

// delivery is one that is under way, with all its copies.
type delivery struct {
	plan
	tries atomic.Int64
}

// deliver does with one delivery what its plan says.
func (f *fleet) deliver(ctx context.Context, number int) {
	d := &delivery{plan: newPlan(f.seed, number, f.lease)}
	if d.forgery != notForged {
		f.sendForged(ctx, d)
	}
	copied := d.fork()
	var beside sync.WaitGroup
	if d.copyAt == atOnce {
		beside.Go(func() { f.untilTold(ctx, d, copied) })
	}
	f.untilTold(ctx, d, d.plan)
	beside.Wait()
	f.told.Add(1)
	switch d.copyAt {
	case afterwards:
		f.untilTold(ctx, d, copied)
	case muchLater:
		f.late.Go(func() {
			if sleep(ctx, copied.later) == nil {
				f.untilTold(ctx, d, copied)
			}
		})
	}
}

// untilTold sends one copy until it is told success, or has been tried too often: then the account says so.
func (f *fleet) untilTold(ctx context.Context, d *delivery, p plan) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = firstPause, lastPause
	for range f.attempts {
		if f.try(ctx, d, p).Succeeded() || sleep(ctx, pauses.NextBackOff()) != nil {
			return
		}
		p.hangUp = 0
	}
}

// sleep returns early, with its error, when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try sends one copy once, signed anew.
func (f *fleet) try(ctx context.Context, d *delivery, p plan) account.Attempt {
	body := bodyOf(d.order)
	fields, err := f.signer.Sign(signature.Message{ID: idOf(d.order.Number), Time: time.Now(), Body: body})
	if err != nil {
		f.fail(fmt.Errorf("signing: %w", err))
	}
	attempt := account.Attempt{Source: account.Source{
		Number: d.order.Number, Attempt: int(d.tries.Add(1)), Gate: p.gate(len(f.gates)),
	}}
	return f.post(ctx, attempt, fields, body, p.hangUp)
}

// sendForged sends a forgery of a delivery once.
func (f *fleet) sendForged(ctx context.Context, d *delivery) {
	fields, body, err := f.forge(d.forgery, d.order)
	if err != nil {
		f.fail(fmt.Errorf("forging: %w", err))
	}
	f.post(ctx, account.Attempt{Forged: true, Source: account.Source{Number: d.order.Number, Gate: d.gate(len(f.gates))}}, fields, body, 0)
}
