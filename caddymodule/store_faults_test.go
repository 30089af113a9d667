package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/darihook/darihook/internal/dedup/disk"
	"github.com/darihook/darihook/internal/dedup/redis"
)

func TestFaultReason(t *testing.T) {
	t.Parallel()
	for want, fault := range map[string]error{
		"loading":       fmt.Errorf("claiming: %w", &redis.Error{Reason: redis.Loading}),
		"out_of_memory": &redis.Error{Reason: redis.OutOfMemory}, // and not full, though it wraps ErrFull too
		"timeout":       fmt.Errorf("claiming: %w", context.DeadlineExceeded),
		"full":          fmt.Errorf("claiming: %w", ErrFull),
		"closed":        ErrClosed,
		"no_space":      fmt.Errorf("%w: 23 MiB, at least 64 MiB", disk.ErrNoSpace),
		"failed":        fmt.Errorf("%w: writing the log", disk.ErrFailed),
		"unexpected":    errors.New("something that a store module made up"),
	} {
		if got := faultReason(fault); got != want {
			t.Errorf("%v: reason %s, want %s", fault, got, want)
		}
	}
	if got := faultReason(fmt.Errorf("%w: input/output error", disk.ErrUnavailable)); got != faultFailed {
		t.Errorf("a disk that fails for a while: reason %s, want %s", got, faultFailed)
	}
}
