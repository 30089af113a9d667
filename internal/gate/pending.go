package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// MaxPending bounds the outcomes of one Gate that are offered to its store in the background. One that comes beyond
// them is given up after the attempts that its sender waits for.
const MaxPending = 4096

// pending retries a failed commit in the background, after the sender has been answered, until the claim's lease expires: from
// then on a store no longer knows whose the key was, and answers that it is not owned. The lease is not renewed meanwhile.
// A store that took the renewal would have taken the outcome, and one that takes renewals and no outcomes would keep all
// copies waiting for ever.
//
// It keeps nothing of its request.
type pending struct {
	gate     *Gate
	delivery Delivery
	key      dedup.Key
	owner    dedup.Owner
	outcome  dedup.Outcome
	until    time.Time // when the lease must have run out
	// quiet tells that the outcome is recorded, and lacks copies: nobody needs to be told that it will be offered again.
	quiet bool
}

var errTooManyPending = errors.New("too many outcomes wait for the store already")

// pend goes on offering an outcome after err, or reports its end where that would be in vain.
func (g *Gate) pend(p *pending, err error) {
	switch {
	case isFinal(err) || !time.Now().Before(p.until):
	case g.pending.Add(1) > MaxPending:
		g.pending.Add(-1)
		err = fmt.Errorf("%w: %w", errTooManyPending, err)
	default:
		g.flights.begin()
		if p.quiet = errors.Is(err, dedup.ErrTooFewCopies); !p.quiet {
			g.opts.Observer.OutcomePending(p.delivery, err)
		}
		r := &retry{ask: p.offer, until: p.until, ended: p.end}
		r.start(g.opts.StoreTimeout)
		return
	}
	p.report(err)
}

func (p *pending) offer() error {
	return p.gate.store.reoffer(context.Background(), p.key, p.owner, p.outcome, p.gate.opts.TTL)
}

func (p *pending) end(err error) {
	defer p.gate.flights.done()
	p.gate.pending.Add(-1)
	p.report(err)
}

// report tells what came of the last offer. An outcome of which there are too few copies is recorded all the same: a copy of
// its delivery is answered from the record.
func (p *pending) report(err error) {
	if err == nil && p.quiet {
		return
	}
	if err == nil || errors.Is(err, dedup.ErrTooFewCopies) {
		p.gate.opts.Observer.OutcomeRecorded(p.delivery, err)
		return
	}
	p.gate.opts.Observer.ClaimLost(p.delivery, err)
}
