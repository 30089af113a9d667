package caddymodule

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// startTime is how long a request waits for the store of a configuration that is being started: Caddy may start its HTTP servers
// first.
const startTime = 10 * time.Second

// errNotOpen answers for a store before Caddy has started its configuration, and when that has failed.
var errNotOpen = errors.New("store not open: caddy has not started this configuration")

// storeLease is one gate's share in a store, from when the gate is provisioned. It is a [Store] that answers errNotOpen until
// the app has opened the real one.
type storeLease struct {
	id       storeIdentity // when the gate was provisioned
	module   StoreModule
	settings StoreModule // whose bounds count, where several modules lead to one store

	settled chan struct{} // closed once store is set, or never will be
	store   *openStore    // nil: not open
	settle  sync.Once
	adjust  sync.Once
	give    sync.Once

	listen func(Store) (deaf func()) // nil, or what tellLosses waits to do
	deaf   func()                    // nil, or what ends it
}

// open takes the share. Its caller starts the configuration, and calls it once.
func (l *storeLease) open() (err error) {
	l.settle.Do(func() {
		if l.store, err = stores.acquire(l.module); err == nil && l.listen != nil {
			l.deaf = l.listen(l.store.Store)
		}
		close(l.settled)
	})
	return err
}

// tellLosses has tell called for each delivery of a scope that the store knew and lost to another claim, where it can find
// out. It is called before the store is opened.
func (l *storeLease) tellLosses(scope string, tell func(Key)) {
	if l == nil {
		return
	}
	l.listen = func(s Store) func() {
		if reporter, ok := s.(dedup.LossReporter); ok {
			return reporter.OnLoss(scope, tell)
		}
		return nil
	}
}

// ready waits, for startTime at most, until the store is open. The first request then applies the settings to it, since an
// earlier configuration may have opened it; a configuration that is loaded may yet be rejected, and must then have changed
// nothing.
func (l *storeLease) ready(ctx context.Context, applied func(error)) {
	select {
	case <-l.settled:
	default:
		l.wait(ctx)
	}
	if s := l.current(); s != nil {
		l.adjust.Do(func() { applied(l.settings.Adjust(s.Store)) })
	}
}

func (l *storeLease) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	select {
	case <-l.settled:
	case <-ctx.Done():
	}
}

// current returns the open store; nil where there is none.
func (l *storeLease) current() *openStore {
	select {
	case <-l.settled:
		return l.store
	default:
		return nil
	}
}

// shown returns the store that metrics and the admin endpoint show. Before the start, and after a start that failed, that is
// the one of the configuration that runs: Caddy's admin endpoint may ask a configuration that was rejected.
func (l *storeLease) shown() *openStore {
	if s := l.current(); s != nil {
		return s
	}
	return stores.peek(l.id)
}

// release gives the share back, if it was ever taken, and waits until a time at most for a store that this closes. Only the
// first call does anything.
func (l *storeLease) release(until time.Time) (err error) {
	if l == nil {
		return nil
	}
	l.settle.Do(func() { close(l.settled) }) // those who wait for a start that has failed
	l.give.Do(func() {
		if l.deaf != nil {
			l.deaf()
		}
		if l.store != nil {
			err = stores.release(l.store, until)
		}
	})
	return err
}

// ask asks the open store a question that has an answer and an error.
func ask[T any](l *storeLease, question func(Store) (T, error)) (answer T, err error) {
	s := l.current()
	if s == nil {
		return answer, errNotOpen
	}
	return question(s.Store)
}

// tell asks the open store a question that has an error alone.
func (l *storeLease) tell(question func(Store) error) error {
	s := l.current()
	if s == nil {
		return errNotOpen
	}
	return question(s.Store)
}

// Claim implements [Store].
func (l *storeLease) Claim(ctx context.Context, key Key, owner Owner, lease time.Duration) (Claim, error) {
	return ask(l, func(s Store) (Claim, error) { return s.Claim(ctx, key, owner, lease) })
}

// Renew implements [Store].
func (l *storeLease) Renew(ctx context.Context, key Key, owner Owner, lease time.Duration) error {
	return l.tell(func(s Store) error { return s.Renew(ctx, key, owner, lease) })
}

// Commit implements [Store].
func (l *storeLease) Commit(ctx context.Context, key Key, owner Owner, outcome Outcome, ttl time.Duration) error {
	return l.tell(func(s Store) error { return s.Commit(ctx, key, owner, outcome, ttl) })
}

// Release implements [Store].
func (l *storeLease) Release(ctx context.Context, key Key, owner Owner) error {
	return l.tell(func(s Store) error { return s.Release(ctx, key, owner) })
}

// Wait implements [Store].
func (l *storeLease) Wait(ctx context.Context, key Key) error {
	return l.tell(func(s Store) error { return s.Wait(ctx, key) })
}

// Lookup implements [Store].
func (l *storeLease) Lookup(ctx context.Context, key Key) (Record, error) {
	return ask(l, func(s Store) (Record, error) { return s.Lookup(ctx, key) })
}

// Recent implements [Store].
func (l *storeLease) Recent(ctx context.Context, scope string, limit int) ([]Record, error) {
	return ask(l, func(s Store) ([]Record, error) { return s.Recent(ctx, scope, limit) })
}

// Forget implements [Store].
func (l *storeLease) Forget(ctx context.Context, key Key) (bool, error) {
	return ask(l, func(s Store) (bool, error) { return s.Forget(ctx, key) })
}

// Stats implements [Store]. Nothing is known of a store that is not open.
func (l *storeLease) Stats() Stats {
	if s := l.current(); s != nil {
		return s.Store.Stats()
	}
	return Stats{InFlight: -1, Done: -1, Evicted: -1, DiskBytes: -1}
}

// Close implements [Store]. It does nothing: a gate gives its share back by release.
func (*storeLease) Close() error { return nil }

// sharded is the open store, where it has several nodes.
func (l *storeLease) sharded() dedup.Sharded {
	if s := l.current(); s != nil {
		sharded, _ := s.Store.(dedup.Sharded)
		return sharded
	}
	return nil
}

// Node implements [dedup.Sharded].
func (l *storeLease) Node(key Key) string {
	if s := l.sharded(); s != nil {
		return s.Node(key)
	}
	return ""
}

// Nodes implements [dedup.Sharded].
func (l *storeLease) Nodes() []string {
	if s := l.sharded(); s != nil {
		return s.Nodes()
	}
	return nil
}

// Interface guards.
var (
	_ Store         = (*storeLease)(nil)
	_ dedup.Sharded = (*storeLease)(nil)
)
