package gate

import "github.com/sony/gobreaker/v2"

// Breaker is how a Gate stands to its store. The zero value is BreakerClosed.
type Breaker int

const (
	// BreakerClosed means that the store is asked.
	BreakerClosed Breaker = iota
	// BreakerHalfOpen means that the store failed too often, and that the next delivery, or the one that asks it now, tells whether it is
	// well again. Where few deliveries come, a store that is down spends nearly all of its time here.
	BreakerHalfOpen
	// BreakerOpen means that the store failed too often and is left alone for a moment.
	BreakerOpen
)

// String returns closed, half_open or open.
func (b Breaker) String() string {
	switch b {
	case BreakerOpen:
		return "open"
	case BreakerHalfOpen:
		return "half_open"
	default:
		return "closed"
	}
}

// state tells how the breaker stands; without a store it is closed.
func (s *guardedStore) state() Breaker {
	if s == nil {
		return BreakerClosed
	}
	switch s.breaker.State() {
	case gobreaker.StateOpen:
		return BreakerOpen
	case gobreaker.StateHalfOpen:
		return BreakerHalfOpen
	default:
		return BreakerClosed
	}
}
