package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// breakerFaults is how many claims in a row must fail before the store is left alone.
	breakerFaults = 5
	// breakerRest is how long it is left alone before one claim tries it again.
	breakerRest = time.Second
	// commitAttempts is how often an outcome is offered to the store while its sender waits.
	commitAttempts = 3
	// commitPatience is how many store time-outs one commit may take: it is the one durable write of a delivery.
	commitPatience = 4
)

// guardedStore is a store behind time-outs and a circuit breaker, whose faults are reported.
type guardedStore struct {
	dedup.Store
	timeout  time.Duration
	observer Observer
	breaker  *gobreaker.CircuitBreaker[dedup.Claim]
	// lastFault is that of the last claim that had one: why the store is left alone.
	lastFault atomic.Pointer[error]
}

func guard(o Options) *guardedStore {
	return &guardedStore{
		Store: o.Store, timeout: o.StoreTimeout, observer: o.Observer,
		breaker: gobreaker.NewCircuitBreaker[dedup.Claim](gobreaker.Settings{
			MaxRequests:  1,
			Timeout:      breakerRest,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFaults },
			IsSuccessful: func(err error) bool { return !isFault(err) },
			OnStateChange: func(_ string, from, to gobreaker.State) {
				if from == gobreaker.StateClosed || to == gobreaker.StateClosed { // and not each time that it was tried in vain
					o.Observer.BreakerMoved(to == gobreaker.StateOpen)
				}
			},
		}),
	}
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

// claim asks for a key unless the breaker is open. The error then holds the fault that opened it: an operator who comes later
// reads the reason all the same.
func (s *guardedStore) claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	claim, err := s.breaker.Execute(func() (claim dedup.Claim, err error) {
		err = s.ask(ctx, OpClaim, s.timeout, func(ctx context.Context) error {
			claim, err = s.Claim(ctx, key, owner, lease)
			return err
		})
		if isFault(err) {
			s.lastFault.Store(&err)
		}
		return claim, err
	})
	if last := s.lastFault.Load(); last != nil && (errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)) {
		err = fmt.Errorf("left alone for a moment after too many faults, the last of them: %w", *last)
	}
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
		if err == nil || isFinal(err) || attempt == commitAttempts {
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

// isFinal tells an answer to a commit that another offer would not change.
func isFinal(err error) bool {
	return slices.ContainsFunc([]error{dedup.ErrNotOwner, dedup.ErrKey, dedup.ErrOutcome, dedup.ErrClosed, dedup.ErrFailed},
		func(final error) bool { return errors.Is(err, final) })
}

func (s *guardedStore) release(ctx context.Context, key dedup.Key, owner dedup.Owner) error {
	return s.ask(ctx, OpRelease, s.timeout, func(ctx context.Context) error {
		return s.Release(ctx, key, owner)
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
