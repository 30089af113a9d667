package gate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// commitAttempts is how often an outcome is offered to the store while its sender waits.
	commitAttempts = 3
	// commitPatience is how many store time-outs one commit may take: it is the one durable write of a delivery.
	commitPatience = 4
)

// guardedStore is a store behind time-outs and circuit breakers, whose faults are reported.
type guardedStore struct {
	dedup.Store
	timeout  time.Duration
	observer Observer
	breakers breakers
}

func guard(o Options) *guardedStore {
	s := &guardedStore{Store: o.Store, timeout: o.StoreTimeout, observer: o.Observer}
	s.breakers.init(o)
	return s
}

// state tells how the worst of the breakers stands, and the best; without a store they are closed.
func (s *guardedStore) state() (worst, best Breaker) {
	if s == nil {
		return BreakerClosed, BreakerClosed
	}
	return s.breakers.state()
}

// isFault tells a store that cannot answer from one whose answer is no.
func isFault(err error) bool {
	return err != nil && !errors.Is(err, dedup.ErrNotOwner) && !errors.Is(err, dedup.ErrFull)
}

// ask puts one question to the store, within a time of its own: a sender that hangs up must not lose an outcome, nor
// leave a claim half made.
func (s *guardedStore) ask(ctx context.Context, op Operation, patience time.Duration, question func(context.Context) error) error {
	ctx, cancel := within(ctx, patience)
	defer cancel()
	start := time.Now()
	err := question(ctx)
	fault := err
	if !isFault(err) && !errors.Is(err, dedup.ErrFull) {
		fault = nil
	}
	s.observer.StoreAsked(op, time.Since(start), fault)
	return err
}

// claim asks for a key unless the breaker is open.
func (s *guardedStore) claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (claim dedup.Claim, err error) {
	err = s.breakers.of(key).guard(func() error {
		return s.ask(ctx, OpClaim, s.timeout, func(ctx context.Context) (err error) {
			claim, err = s.Claim(ctx, key, owner, lease)
			return err
		})
	})
	return claim, err
}

func (s *guardedStore) renew(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) error {
	return s.ask(ctx, OpRenew, s.timeout, func(ctx context.Context) error {
		return s.Renew(ctx, key, owner, lease)
	})
}

// commit offers an outcome to the store until it takes it, a bounded number of times.
func (s *guardedStore) commit(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	pause := s.timeout / 4
	for attempt := 1; ; attempt++ {
		err := s.offer(ctx, key, owner, outcome, ttl)
		if isFinal(err) || attempt == commitAttempts {
			return err
		}
		time.Sleep(pause)
		pause *= 4
	}
}

// offer offers an outcome to the store once.
func (s *guardedStore) offer(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	return s.ask(ctx, OpCommit, commitPatience*s.timeout, func(ctx context.Context) error {
		return s.Commit(ctx, key, owner, outcome, ttl)
	})
}

// reoffer offers an outcome once more, in the background.
func (s *guardedStore) reoffer(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	return s.breakers.of(key).spare(func() error { return s.offer(ctx, key, owner, outcome, ttl) })
}

// isFinal tells an answer to a commit or a release that another attempt would not change.
func isFinal(err error) bool {
	return err == nil || slices.ContainsFunc([]error{dedup.ErrNotOwner, dedup.ErrKey, dedup.ErrOutcome, dedup.ErrClosed, dedup.ErrFailed},
		func(final error) bool { return errors.Is(err, final) })
}

// release ends a claim unless the breaker is open.
func (s *guardedStore) release(ctx context.Context, key dedup.Key, owner dedup.Owner) error {
	return s.breakers.of(key).spare(func() error {
		return s.ask(ctx, OpRelease, s.timeout, func(ctx context.Context) error {
			return s.Release(ctx, key, owner)
		})
	})
}

// wait blocks until a key may have been decided or ctx is done.
func (s *guardedStore) wait(ctx context.Context, key dedup.Key) error {
	start := time.Now()
	err := s.Wait(ctx, key)
	fault := err
	if ctx.Err() != nil {
		fault = nil // the wait was given up: not the store's doing
	}
	s.observer.StoreAsked(OpWait, time.Since(start), fault)
	return err
}
