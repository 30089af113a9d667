package caddymodule

import (
	"context"
	"errors"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/disk"
	"github.com/darihook/darihook/internal/dedup/redis"
)

// The reasons of faults that every store may have, and those of a store on disk. A Redis store has others: see redis.Reason.
const (
	faultTimeout    = "timeout"
	faultFull       = "full"
	faultClosed     = "closed"
	faultNoSpace    = "no_space"
	faultFailed     = "failed"
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
	case errors.Is(fault, disk.ErrNoSpace):
		return faultNoSpace
	case errors.Is(fault, disk.ErrUnavailable), errors.Is(fault, dedup.ErrFailed):
		return faultFailed
	default:
		return faultUnexpected
	}
}
