package redis_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestUnchangedIsToldApart shows which faults say that nothing was claimed: a claim that was sent and not answered may be made
// later, and must not be among them.
func TestUnchangedIsToldApart(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server), Timeout: redis.DefaultTimeout})
	wantRecovery(t, s)
	claim := func(ctx context.Context) error {
		_, err := s.Claim(ctx, key("a"), dedup.NewOwner(), long)
		return err
	}

	server.Must(t, "CONFIG", "SET", "maxmemory", "1")
	if err := claim(t.Context()); !errors.Is(err, dedup.ErrUnchanged) {
		t.Errorf("refused by the server: %v, want ErrUnchanged", err)
	}
	server.Must(t, "CONFIG", "SET", "maxmemory", "0")

	server.Pause()
	if err := claim(t.Context()); err == nil || errors.Is(err, dedup.ErrUnchanged) {
		t.Errorf("sent to a paused server: %v, want a fault without ErrUnchanged", err)
	}
	server.Resume()
	redistest.Eventually(t, patient, func(ctx context.Context) error { // the claim whose answer was lost
		record, err := s.Lookup(ctx, key("a"))
		if err == nil && record.State != dedup.InFlight {
			err = errors.New("no claim")
		}
		return err
	})

	server.Kill()
	redistest.Eventually(t, patient, func(ctx context.Context) error {
		if err := claim(ctx); !errors.Is(err, dedup.ErrUnchanged) {
			return fmt.Errorf("not sent: %w, want ErrUnchanged", err)
		}
		return nil
	})
}
