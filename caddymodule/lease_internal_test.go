package caddymodule

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/internal/dedup/disk"
)

// testStore is a store in memory whose opening and closing a test decides.
type testStore struct {
	MemoryStore
	err     error
	opening int
	closing chan struct{} // nil: it closes at once
}

// slowStore is a store that closes when it is told to.
type slowStore struct {
	Store
	closing chan struct{}
}

func (s slowStore) Close() error {
	if s.closing != nil {
		<-s.closing
	}
	return s.Store.Close()
}

func (m *testStore) Open(log *slog.Logger) (Store, error) {
	m.opening++
	if m.err != nil {
		return nil, m.err
	}
	s, err := m.MemoryStore.Open(log)
	return slowStore{s, m.closing}, err
}

func (m *testStore) Adjust(Store) error { return nil }

// newTestStore has an address of the test's own.
func newTestStore(t *testing.T) *testStore {
	m := new(testStore)
	m.SetScope(t.Name())
	return m
}

func lease(t *testing.T, m StoreModule) *storeLease {
	t.Helper()
	l, err := new(App).lease(m)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// request asks a lease for what a request does, and tells whether it got a claim.
func request(ctx context.Context, l *storeLease) error {
	l.ready(ctx, func(error) {})
	claim, err := l.Claim(ctx, Key{Scope: "test", ID: "evt_1"}, Owner{1}, time.Minute)
	if err == nil && !claim.Acquired {
		return errors.New("no claim")
	}
	return err
}

// TestRequestsBeforeTheStart shows that they wait for the store, until it is open, or will not be, or they have waited enough.
func TestRequestsBeforeTheStart(t *testing.T) {
	t.Parallel()
	fault := errors.New("no such disk")
	for name, test := range map[string]struct {
		end  func(l *storeLease, m *testStore, hangUp func()) // nil: nothing happens
		want error
		took time.Duration
	}{
		"ok/opened":     {func(l *storeLease, _ *testStore, _ func()) { _ = l.open() }, nil, time.Second},
		"fail/refused":  {func(l *storeLease, m *testStore, _ func()) { m.err = fault; _ = l.open() }, errNotOpen, time.Second},
		"fail/released": {func(l *storeLease, _ *testStore, _ func()) { _ = l.release(time.Now()) }, errNotOpen, time.Second},
		"fail/hung up":  {func(_ *storeLease, _ *testStore, hangUp func()) { hangUp() }, errNotOpen, time.Second},
		"fail/too long": {nil, errNotOpen, startTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newTestStore(t)
				l := lease(t, m)
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				start, answer := time.Now(), make(chan error, 1)
				go func() { answer <- request(ctx, l) }()
				time.Sleep(time.Second)
				if test.end != nil {
					test.end(l, m, hangUp)
				}
				if err := <-answer; !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("it took %s, want %s", took, test.took)
				}
				if err := l.release(time.Now().Add(time.Minute)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestOneStoreForTwoConfigurations shows that a reload neither opens nor closes a store that both have, that the last one
// closes it, and that giving a share back twice, or one that was never taken, takes nobody's.
func TestOneStoreForTwoConfigurations(t *testing.T) {
	t.Parallel()
	m := newTestStore(t)
	before, rejected, after := lease(t, m), lease(t, m), lease(t, m)
	for _, l := range []*storeLease{before, after} {
		if err := l.open(); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*storeLease{rejected, before, before, rejected} {
		if err := l.release(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if m.opening != 1 {
		t.Errorf("opened %d times", m.opening)
	}
	if err := request(t.Context(), after); err != nil {
		t.Errorf("after the reload: %v", err)
	}
	if err := after.release(time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if err := request(t.Context(), after); !errors.Is(err, ErrClosed) {
		t.Errorf("after the last share was given back: %v, want %v", err, ErrClosed)
	}
	if s := stores.peek(after.id); s != nil {
		t.Error("the pool still has it")
	}
}

// TestStoreThatDoesNotClose shows that neither whoever closes it nor whoever wants it next waits for ever.
func TestStoreThatDoesNotClose(t *testing.T) {
	t.Parallel()
	m := newTestStore(t)
	m.closing = make(chan struct{})
	first, next := lease(t, m), lease(t, m)
	if err := first.open(); err != nil {
		t.Fatal(err)
	}
	if err := first.release(time.Now()); err == nil {
		t.Error("no word of a store that is still being closed")
	}
	opened := make(chan error, 1)
	go func() { opened <- next.open() }()
	close(m.closing)
	if err := <-opened; err != nil {
		t.Errorf("once it is closed: %v", err)
	}
	if m.opening != 2 {
		t.Errorf("opened %d times, want 2", m.opening)
	}
	if err := next.release(time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
}

// TestStartThatFails shows that a start that fails at its second store gives the first one back in Cleanup.
func TestStartThatFails(t *testing.T) {
	t.Parallel()
	good, bad := newTestStore(t), newTestStore(t)
	bad.SetScope(t.Name() + " bad")
	bad.err = errors.New("no such disk")
	app := new(App)
	var leases []*storeLease
	for _, m := range []*testStore{good, bad} {
		l, err := app.lease(m)
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, l)
	}
	if good.opening+bad.opening != 0 {
		t.Fatal("a store was opened before the start")
	}
	if err := app.Start(); !errors.Is(err, bad.err) {
		t.Fatalf("Start: %v, want %v", err, bad.err)
	}
	for _, l := range leases {
		if err := l.release(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
	}
	if stores.peek(leases[0].id) != nil || stores.peek(leases[1].id) != nil {
		t.Error("a store is still open")
	}
}

// hiddenStore is in a directory that this user may not see.
type hiddenStore struct{ testStore }

func (*hiddenStore) Place() (disk.Place, error) { return disk.Place{}, fs.ErrPermission }

// TestNoRights shows that they are missed at the start and not by a validation, which somebody else may run.
func TestNoRights(t *testing.T) {
	t.Parallel()
	app := new(App)
	l, err := app.lease(new(hiddenStore))
	if err != nil {
		t.Fatalf("before the start: %v", err)
	}
	if err := app.Start(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Start: %v, want %v", err, fs.ErrPermission)
	}
	if err := l.release(time.Now()); err != nil {
		t.Error(err)
	}
}

// Interface guards.
var (
	_ StoreModule = (*testStore)(nil)
	_ placed      = (*hiddenStore)(nil)
)
