package gate

import (
	"context"
	"errors"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
)

// claim settles whether a verified delivery is the first of its copies.
func (g *Gate) claim(ctx context.Context, r Request, d Delivery, b *body) (*Admission, Verdict) {
	v := Verdict{Decision: Forward, Verified: true, Delivery: d}
	if v.Nested = g.store != nil && r.Held == d.ID; v.Nested || g.store == nil {
		return g.admission(ctx, d, b), v
	}
	key, owner := dedup.Key{Scope: g.opts.Scope, ID: d.ID}, dedup.NewOwner()
	if outcome, ok := g.pending.find(key); ok {
		v.Decision, v.Status = Duplicate, outcome.Status
		return nil, v
	}
	claim, err := g.settle(ctx, key, owner, !r.Vouched)
	switch {
	case err != nil && g.opts.AllowUnavailable:
		v.Unrecorded, v.Cause = true, err
		return g.admission(ctx, d, b), v
	case err != nil:
		return nil, v.refused(refuse(contract.CodeStoreUnavailable, err), breakerRest)
	case claim.Acquired:
		a := g.admission(ctx, d, b)
		a.hold(key, owner)
		return a, v
	case claim.Record.State == dedup.Done:
		v.Decision, v.Status = Duplicate, claim.Record.Outcome.Status
		return nil, v
	default:
		no := v.refused(refuse(contract.CodeInFlight, context.Cause(ctx)), g.comeAgain(claim.Record))
		no.HeldUntil, no.HeldHere = claim.Record.Expires, claim.Record.Here
		return nil, no
	}
}

// refused turns the verdict on a verified delivery into a refusal.
func (v Verdict) refused(r *refusal, retryAfter time.Duration) Verdict {
	no := verdict(r, retryAfter)
	no.Verified, no.Delivery = v.Verified, v.Delivery
	return no
}

// settle claims a key, waiting for the outcome of another copy as long as it is told to. A claim that is neither acquired
// nor done is still in flight.
func (g *Gate) settle(ctx context.Context, key dedup.Key, owner dedup.Owner, wait bool) (dedup.Claim, error) {
	claim, err := g.ask(ctx, key, owner)
	if err != nil || !undecided(claim) || g.opts.Wait < 0 || !wait {
		return claim, err
	}
	deadline, cancel := context.WithTimeout(ctx, g.opts.Wait)
	defer cancel()
	for undecided(claim) && deadline.Err() == nil {
		if err := g.store.wait(deadline, key); err != nil && deadline.Err() == nil {
			return claim, errors.Join(errWaiting, err)
		}
		if claim, err = g.ask(ctx, key, owner); err != nil {
			return claim, err
		}
	}
	return claim, nil
}

// undecided reports whether another copy holds the key and has no outcome yet.
func undecided(c dedup.Claim) bool { return !c.Acquired && c.Record.State == dedup.InFlight }

// ask claims a key once, and releases a claim whose answer was lost.
func (g *Gate) ask(ctx context.Context, key dedup.Key, owner dedup.Owner) (dedup.Claim, error) {
	claim, err := g.store.claim(ctx, key, owner, g.opts.Lease)
	if mayHold(err) {
		g.abandon(key, owner)
	}
	return claim, err
}

var errWaiting = errors.New("waiting for another copy")

// comeAgain suggests when the copy in flight will have been decided: after what the receiver has been taking lately, and when
// the lease runs out at the latest.
func (g *Gate) comeAgain(r dedup.Record) time.Duration {
	left := min(max(r.Expires.Sub(g.opts.Now()), time.Second), g.opts.Lease)
	if lately := g.pace.estimate(); lately > 0 {
		return min(max(lately, time.Second), left)
	}
	return left
}
