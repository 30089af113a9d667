package caddymodule

import (
	"context"
	"errors"

	"github.com/darihook/darihook/internal/dedup/redis"
)

// The reasons of faults that every store may have. A Redis store has more: see redis.Reason.
const (
	faultTimeout    = "timeout"
	faultFull       = "full"
	faultClosed     = "closed"
	faultUnexpected = "unexpected"
)

// faultReason sorts a store's fault, by a name out of a fixed set.
func faultReason(fault error) string {
	if known, ok := errors.AsType[*redis.Error](fault); ok {
		return string(known.Reason)
	}
	switch {
	case errors.Is(fault, context.DeadlineExceeded):
		return faultTimeout
	case errors.Is(fault, ErrFull):
		return faultFull
	case errors.Is(fault, ErrClosed):
		return faultClosed
	default:
		return faultUnexpected
	}
}
