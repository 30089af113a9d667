package gate

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// breakerFaults is how many faults in a row open the circuit breaker.
	breakerFaults = 5
	// breakerRest is how long it stays open before one question probes the store.
	breakerRest = time.Second
)

// Breaker is the state of a circuit breaker. The zero value is BreakerClosed.
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

// errSpared answers a question that was not asked because the circuit breaker is open.
var errSpared = errors.New("store circuit breaker open")

// breaker is a circuit breaker that the faults of claims open. Those of other questions do not count: a store that takes no
// outcomes may still know which deliveries are copies.
type breaker struct {
	circuit *gobreaker.CircuitBreaker[struct{}]
	// lastFault is the last fault that counted: why the breaker is open.
	lastFault atomic.Pointer[error]
	trial     sync.Mutex // held by a question that can wait, while the breaker is half open
}

func newBreaker(o Observer) *breaker {
	return &breaker{circuit: gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:  1,
		Timeout:      breakerRest,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakerFaults },
		IsSuccessful: func(err error) bool { return !opensBreaker(err) },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			if from == gobreaker.StateClosed || to == gobreaker.StateClosed { // not for every probe that failed
				o.BreakerMoved(to == gobreaker.StateOpen)
			}
		},
	})}
}

// opensBreaker tells faults of a store from those of one key, whose record cannot be read.
func opensBreaker(err error) bool { return isFault(err) && !errors.Is(err, dedup.ErrRecord) }

// guard asks unless the breaker is open; the answer counts. What was not asked is answered with errSpared and the last fault,
// so that an operator who looks later reads the cause all the same.
func (b *breaker) guard(ask func() error) error {
	_, err := b.circuit.Execute(func() (struct{}, error) {
		err := ask()
		if opensBreaker(err) {
			b.lastFault.Store(&err)
		}
		return struct{}{}, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return b.spared()
	}
	return err
}

func (b *breaker) spared() error {
	if last := b.lastFault.Load(); last != nil {
		return fmt.Errorf("%w, last fault: %w", errSpared, *last)
	}
	return errSpared
}

// spare asks a question that can wait: not while the breaker is open, and one at a time while it is half open, since a store that is
// down must not be asked for everything that waits for it. The answer neither opens nor closes the breaker.
func (b *breaker) spare(ask func() error) error {
	switch b.state() {
	case BreakerOpen:
		return b.spared()
	case BreakerHalfOpen:
		if !b.trial.TryLock() {
			return b.spared()
		}
		defer b.trial.Unlock()
	}
	return ask()
}

func (b *breaker) state() Breaker {
	switch b.circuit.State() {
	case gobreaker.StateOpen:
		return BreakerOpen
	case gobreaker.StateHalfOpen:
		return BreakerHalfOpen
	default:
		return BreakerClosed
	}
}
