package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// MaxPending bounds the outcomes of one Gate that are offered to its store in the background. One that comes beyond
	// them is given up after the attempts that its sender waits for.
	MaxPending = 4096
	// longestPause bounds the pauses between two offers of one outcome, but for the jitter of half of it.
	longestPause = time.Second
)

// pending is an outcome that the store has not taken while its sender waited. It is offered again and again for as long as
// the claim may last: once the lease is out, a store no longer knows whose the key was, and answers that it is not owned.
// The lease is not renewed meanwhile. A store that took the renewal would have taken the outcome, and one that takes
// renewals and no outcomes would keep all copies waiting for ever.
//
// It keeps nothing of its request, and between two offers no goroutine.
type pending struct {
	gate     *Gate
	delivery Delivery
	key      dedup.Key
	owner    dedup.Owner
	outcome  dedup.Outcome
	until    time.Time // when the lease must have run out
	pauses   *backoff.ExponentialBackOff
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
		g.opts.Observer.OutcomePending(p.delivery, err)
		p.pauses = backoff.NewExponentialBackOff()
		p.pauses.InitialInterval, p.pauses.MaxInterval = min(g.opts.StoreTimeout, longestPause), longestPause
		p.wait()
		return
	}
	p.report(err)
}

// wait sets the time of the next offer. The last one is made when the lease must have run out: where the answer to an
// earlier one was lost, it may tell that the outcome is recorded.
func (p *pending) wait() {
	time.AfterFunc(min(p.pauses.NextBackOff(), time.Until(p.until)), p.offer)
}

func (p *pending) offer() {
	err := p.gate.store.offer(context.Background(), p.key, p.owner, p.outcome, p.gate.opts.TTL)
	if err != nil && !isFinal(err) && time.Now().Before(p.until) {
		p.wait()
		return
	}
	p.end(err)
}

func (p *pending) end(err error) {
	defer p.gate.flights.done()
	p.gate.pending.Add(-1)
	p.report(err)
}

// report tells what came of the last offer. An outcome of which there are too few copies is recorded all the same: a copy of
// its delivery is answered from the record.
func (p *pending) report(err error) {
	if err == nil || errors.Is(err, dedup.ErrTooFewCopies) {
		p.gate.opts.Observer.OutcomeRecorded(p.delivery, err)
		return
	}
	p.gate.opts.Observer.ClaimLost(p.delivery, err)
}
