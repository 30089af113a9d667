package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// MaxPending bounds the outcomes of one Gate that are offered to its store in the background. One that comes beyond
// them is given up after the attempts that its sender waits for.
const MaxPending = 4096

// pending retries a failed commit in the background, after the sender has been answered, for as long as its record would
// have lasted. A store that was away for longer than the lease takes the outcome from a late owner too, unless another gate
// has taken over. Copies that come to this gate meanwhile are answered with it.
//
// The lease is not renewed: a store that took the renewal would have taken the outcome, and one that takes renewals and no
// outcomes would keep the copies at other gates waiting for ever.
type pending struct {
	gate     *Gate
	delivery Delivery
	key      dedup.Key
	owner    dedup.Owner
	outcome  dedup.Outcome
	leased   time.Time // when the lease must have run out
	until    time.Time // when the record would have
	// quiet tells that the outcome is recorded, and lacks copies: nobody needs to be told that it will be offered again.
	quiet bool
}

var errTooManyPending = errors.New("too many outcomes wait for the store already")

// pend goes on offering an outcome after err, or reports its end where that would be in vain.
func (g *Gate) pend(p *pending, err error) {
	if !p.final(err) {
		if g.pending.add(p) {
			g.flights.begin()
			if p.quiet = errors.Is(err, dedup.ErrTooFewCopies); !p.quiet {
				g.opts.Observer.OutcomePending(p.delivery, err)
			}
			r := &retry{ask: p.offer, final: p.final, until: p.until, ended: p.end}
			r.start(g.opts.StoreTimeout)
			return
		}
		err = fmt.Errorf("%w: %w", errTooManyPending, err)
	}
	p.report(err)
}

func (p *pending) offer() error {
	return p.gate.store.reoffer(context.Background(), p.key, p.owner, p.outcome, max(time.Until(p.until), time.Millisecond))
}

// final tells an answer that ends the offers. An outcome that is recorded in too few places is not copied for ever.
func (p *pending) final(err error) bool {
	return isFinal(err) || errors.Is(err, dedup.ErrTooFewCopies) && !time.Now().Before(p.leased)
}

func (p *pending) end(err error) {
	defer p.gate.flights.done()
	p.gate.pending.remove(p)
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

// outcomes are those that are pending, by key.
type outcomes struct {
	mu    sync.Mutex
	byKey map[dedup.Key]*pending
	n     atomic.Int64 // of them, to be read without the lock
}

// add reports whether there was room.
func (o *outcomes) add(p *pending) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.byKey) >= MaxPending {
		return false
	}
	if o.byKey == nil {
		o.byKey = make(map[dedup.Key]*pending)
	}
	o.byKey[p.key] = p
	o.n.Store(int64(len(o.byKey)))
	return true
}

func (o *outcomes) remove(p *pending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.byKey[p.key] == p {
		delete(o.byKey, p.key)
		o.n.Store(int64(len(o.byKey)))
	}
}

// find returns the outcome of a key that the store may not know yet.
func (o *outcomes) find(key dedup.Key) (dedup.Outcome, bool) {
	if o.n.Load() == 0 {
		return dedup.Outcome{}, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	p, ok := o.byKey[key]
	if !ok {
		return dedup.Outcome{}, false
	}
	return p.outcome, true
}
