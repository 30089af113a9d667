package redis

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// A waiter polls. Notifications would need a server setting (keyspace events) or one more command per delivery
// (publish), get lost when a connection breaks, and so would need polling beside them anyway. What keeps polling cheap:
// all waiters of a process for one key share one poll, the delay grows, and a claim that ended in this process wakes
// them without any.
const (
	firstPoll = 50 * time.Millisecond
	lastPoll  = 250 * time.Millisecond
)

// waits are the keys that somebody in this process waits for.
type waits struct {
	store *Store
	mu    sync.Mutex
	polls map[dedup.Key]*poll
}

// poll watches one key for everyone who waits for it.
type poll struct {
	waiting int
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // why the poll ended without an answer; read after ended is closed
}

func (w *waits) init(s *Store) { w.store, w.polls = s, make(map[dedup.Key]*poll) }

// Wait implements [dedup.Store]. It returns within a quarter of a second after the claim has ended, at once when it
// was this process that ended it.
func (s *Store) Wait(ctx context.Context, key dedup.Key) error {
	if err := s.usable(ctx); err != nil {
		return err
	}
	if err := key.Validate(); err != nil {
		return err
	}
	p := s.waits.join(key)
	defer s.waits.leave(key, p)
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return dedup.ErrClosed
	}
}

func (w *waits) join(key dedup.Key) *poll {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, running := w.polls[key]
	if !running {
		ctx, cancel := context.WithCancel(context.Background())
		p = &poll{cancel: cancel, ended: make(chan struct{})}
		w.polls[key] = p
		go func() { w.end(key, p, w.watch(ctx, key)) }()
	}
	p.waiting++
	return p
}

// leave ends the poll with its last waiter.
func (w *waits) leave(key dedup.Key, p *poll) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.waiting--; p.waiting > 0 {
		return
	}
	p.cancel()
	if w.polls[key] == p {
		delete(w.polls, key)
	}
}

// wake ends the poll of a key whose claim this process has ended.
func (w *waits) wake(key dedup.Key) {
	w.mu.Lock()
	p := w.polls[key]
	w.mu.Unlock()
	if p != nil {
		w.end(key, p, nil)
	}
}

// end wakes everyone, once.
func (w *waits) end(key dedup.Key, p *poll, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.polls[key] != p {
		return
	}
	delete(w.polls, key)
	p.err = err
	p.cancel()
	close(p.ended)
}

// watch asks until the key is not in flight.
func (w *waits) watch(ctx context.Context, key dedup.Key) error {
	for delay := firstPoll; ; delay = min(delay*3/2, lastPoll) {
		record, err := w.store.Lookup(ctx, key)
		if err != nil || record.State != dedup.InFlight {
			return err
		}
		// The lease may run out before the next poll is due; a renewal is then seen and waited for.
		next := min(jitter(delay), max(time.Until(record.Expires), time.Millisecond))
		select {
		case <-time.After(next):
		case <-ctx.Done():
			return ctx.Err()
		case <-w.store.closed:
			return dedup.ErrClosed
		}
	}
}

// jitter keeps the polls of many processes apart: 75 to 100 % of d.
func jitter(d time.Duration) time.Duration { return d - rand.N(d/4) }
