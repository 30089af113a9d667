package redis

import (
	"context"
	"errors"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// call runs f, which asks the server, and returns when f has, or as [submit] does. f gets a goroutine of its own: the client
// waits in places that know no deadline (another call's dialing, a full queue), and the caller must not. f also gets a
// context of its own, which ends with limit alone: the client dials in the name of one call for all that come meanwhile,
// and that one's caller may go away.
func call[T any](ctx context.Context, s *Store, limit time.Duration, f func(context.Context, rueidis.Client) (T, error)) (T, error) {
	return submit(ctx, s, limit, func(results chan<- result[T]) {
		go func() {
			defer func() { <-s.slots }()
			bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
			defer cancel()
			results <- attempt(bounded, s, f)
		}()
	})
}

// submit has work begin in a slot, which the work gives back at its end; it also sends one result. submit returns that, or
// why it does not come: limit or ctx has run out, or the store closes.
func submit[T any](ctx context.Context, s *Store, limit time.Duration, begin func(chan<- result[T])) (T, error) {
	var none T
	if err := s.usable(ctx); err != nil {
		return none, dedup.Unchanged(err)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
	case <-timer.C:
		return none, dedup.Unchanged(s.ended(ctx))
	case <-ctx.Done():
		return none, dedup.Unchanged(s.ended(ctx))
	case <-s.closed:
		return none, dedup.Unchanged(s.ended(ctx))
	}
	results := make(chan result[T], 1)
	begin(results)
	select {
	case r := <-results:
		if r.err != nil {
			return none, s.failed(ctx, r.err)
		}
		return r.value, nil
	case <-timer.C:
	case <-ctx.Done():
	case <-s.closed:
	}
	return none, s.ended(ctx)
}

type result[T any] struct {
	value T
	err   error
}

func attempt[T any](ctx context.Context, s *Store, f func(context.Context, rueidis.Client) (T, error)) (r result[T]) {
	session, err := s.conn.get(ctx)
	if err != nil {
		return result[T]{err: err}
	}
	if r.value, r.err = f(ctx, session.client); s.opts.misled(r.err) {
		s.conn.drop(session)
	}
	return r
}

// usable answers ErrClosed after Close, and ctx's error when it is done.
func (s *Store) usable(ctx context.Context) error {
	select {
	case <-s.closed:
		return dedup.ErrClosed
	default:
		return ctx.Err()
	}
}

// ended tells why a call ended without a result. A deadline of the caller's is the server's fault as well: it is often the
// same as the store's, and which of them is noticed first must not decide what the operator reads.
func (s *Store) ended(ctx context.Context) error {
	if err := s.usable(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault(Timeout, context.DeadlineExceeded)
}

// failed tells why a call ended with an error: the caller's context and Close go before what they caused.
func (s *Store) failed(ctx context.Context, err error) error {
	if s.usable(ctx) != nil {
		return s.ended(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault(Timeout, err)
	}
	return explain(err)
}
