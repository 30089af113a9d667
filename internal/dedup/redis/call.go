package redis

import (
	"context"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// call runs f, which asks the server, and returns when f has, when limit or ctx has run out, or when the store closes,
// whichever comes first. f gets a goroutine of its own: the client waits in places that know no deadline (another
// call's dialing, a full queue), and the caller must not.
func call[T any](ctx context.Context, s *Store, limit time.Duration, f func(context.Context, rueidis.Client) (T, error)) (T, error) {
	var none T
	if err := s.usable(ctx); err != nil {
		return none, err
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
	case <-bounded.Done():
		return none, s.ended(ctx)
	}
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		defer func() { <-s.slots }()
		var r result
		var client rueidis.Client
		if client, r.err = s.conn.get(bounded); r.err == nil {
			r.value, r.err = f(bounded, client)
		}
		results <- r
	}()
	select {
	case r := <-results:
		if r.err != nil {
			return none, s.failed(ctx, bounded, r.err)
		}
		return r.value, nil
	case <-bounded.Done():
	case <-s.closed:
	}
	return none, s.ended(ctx)
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

// ended tells why a call ended without a result.
func (s *Store) ended(ctx context.Context) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	return fault(Timeout, context.DeadlineExceeded)
}

// failed tells why a call ended with an error: the caller's context and Close go before what they caused.
func (s *Store) failed(ctx, bounded context.Context, err error) error {
	if ended := s.usable(ctx); ended != nil {
		return ended
	}
	if bounded.Err() != nil && err == bounded.Err() {
		return fault(Timeout, err)
	}
	return explain(err)
}
