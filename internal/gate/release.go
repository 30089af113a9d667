package gate

import (
	"context"
	"errors"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// ReleaseTime is how long a release is repeated. It is not bounded by the lease: a store that was paused makes a claim when
// it goes on, and the lease begins only then.
const ReleaseTime = 10 * time.Minute

// lateClaim is how long after the store's first answer to a release it may still make the claim: the two may be sent over
// different connections, and a claim's by a client that sends it again.
const lateClaim = 5 * time.Second

// release ends a claim without an outcome. A release that the store does not answer is repeated in the background: until
// then the sender's retries are told that their delivery is in flight, which it is not. At most MaxPending are; one beyond
// them is left to the lease.
func (g *Gate) release(ctx context.Context, key dedup.Key, owner dedup.Owner, final func(error) bool) error {
	err := g.store.release(ctx, key, owner)
	if final(err) {
		return err
	}
	if g.releases.Add(1) > MaxPending {
		g.releases.Add(-1)
		return err
	}
	r := &retry{
		ask:   func() error { return g.store.release(context.Background(), key, owner) },
		final: final,
		until: time.Now().Add(max(ReleaseTime, g.opts.Lease)),
		ended: func(error) { g.releases.Add(-1) },
	}
	r.start(g.opts.StoreTimeout)
	return err
}

// abandon releases a claim that may have been made although its answer was lost. Nobody waits for it.
func (g *Gate) abandon(key dedup.Key, owner dedup.Owner) {
	g.flights.begin()
	go func() {
		defer g.flights.done()
		_ = g.release(context.Background(), key, owner, afterLateClaim()) // the lease does it otherwise
	}()
}

// afterLateClaim tells an answer to the release of an unanswered claim after which the claim cannot be made any more.
func afterLateClaim() func(error) bool {
	var first time.Time // when the store answered
	return func(err error) bool {
		if err != nil && !errors.Is(err, dedup.ErrNotOwner) {
			return isFinal(err)
		}
		if first.IsZero() {
			first = time.Now()
		}
		return time.Since(first) >= lateClaim
	}
}

// mayHold reports whether a claim that ended with err may have been made: it was sent, and nothing says that it was refused.
func mayHold(err error) bool {
	return !isFinal(err) && !errors.Is(err, errSpared) && !errors.Is(err, dedup.ErrFull) && !errors.Is(err, dedup.ErrUnchanged)
}
