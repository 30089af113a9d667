package gate_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

func TestSecondCopyIsADuplicate(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(o *gate.Options) { o.Store = newStore(t) })
	a := admitted(t, g, delivery(t, "evt_1"))
	if err := a.Commit(http.StatusAccepted); err != nil {
		t.Fatal(err)
	}
	if err := a.Release(); err != nil { // ended already: nothing happens
		t.Fatal(err)
	}
	if _, v := g.Admit(t.Context(), delivery(t, "evt_1")); v.Decision != gate.Duplicate || v.Status != http.StatusAccepted || !v.Verified {
		t.Errorf("%+v, want a duplicate with 202", v)
	}
}

func TestFailureLetsTheNextCopyIn(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(o *gate.Options) { o.Store = newStore(t) })
	a := admitted(t, g, delivery(t, "evt_1"))
	if err := a.Release(); err != nil {
		t.Fatal(err)
	}
	if err := a.Commit(http.StatusOK); err != nil { // ended already: nothing happens
		t.Fatal(err)
	}
	_ = admitted(t, g, delivery(t, "evt_1")).Release()
}

func TestRefusedRequestsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	g := newGate(t, func(o *gate.Options) { o.Store = store })
	for range 100 {
		forged := delivery(t, "evt_1")
		forged.Header = signed(t, "{}").Header
		refused(t, g, forged, contract.CodeSignatureMismatch)
	}
	refused(t, g, signed(t, `{"id":""}`), contract.CodeIDMissing)
	if s := store.Stats(); s.InFlight != 0 || s.Done != 0 {
		t.Errorf("left over: %+v", s)
	}
	_ = admitted(t, g, delivery(t, "evt_1")).Release()
}

func TestScopesKeepIDsApart(t *testing.T) {
	t.Parallel()
	store := newStore(t)
	for _, scope := range []string{"", "one", "two"} {
		g := newGate(t, func(o *gate.Options) { o.Store, o.Scope = store, scope })
		if err := admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK); err != nil {
			t.Fatal(err)
		}
	}
	g := newGate(t, func(o *gate.Options) { o.Store, o.Scope = store, contract.Dari().Name })
	if _, v := g.Admit(t.Context(), delivery(t, "evt_1")); v.Decision != gate.Duplicate {
		t.Errorf("%+v: the default scope is not the provider's name", v)
	}
}

// answer is what Admit gave one of several copies.
type answer struct {
	a *gate.Admission
	v gate.Verdict
}

// admitLater admits a copy in a goroutine of its own.
func admitLater(ctx context.Context, g *gate.Gate, r gate.Request) <-chan answer {
	ch := make(chan answer, 1)
	go func() {
		a, v := g.Admit(ctx, r)
		ch <- answer{a, v}
	}()
	return ch
}

func TestCopyWaitsForTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, func(o *gate.Options) { o.Store = newStore(t) })
		first := admitted(t, g, delivery(t, "evt_1"))
		second := admitLater(t.Context(), g, delivery(t, "evt_1"))
		time.Sleep(time.Second)
		if err := first.Commit(http.StatusCreated); err != nil {
			t.Fatal(err)
		}
		if got := <-second; got.v.Decision != gate.Duplicate || got.v.Status != http.StatusCreated {
			t.Errorf("%+v, want a duplicate with 201", got.v)
		}
	})
}

func TestCopyTakesOverAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, func(o *gate.Options) { o.Store = newStore(t) })
		first := admitted(t, g, delivery(t, "evt_1"))
		second := admitLater(t.Context(), g, delivery(t, "evt_1"))
		time.Sleep(time.Second)
		if err := first.Release(); err != nil {
			t.Fatal(err)
		}
		got := <-second
		if got.v.Decision != gate.Forward {
			t.Fatalf("%+v, want it forwarded", got.v)
		}
		_ = got.a.Release()
	})
}

func TestCopyIsSentAwayAfterTheWait(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"ok/wait": 10 * time.Second, "ok/reject": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, func(o *gate.Options) { o.Store, o.Wait = newStore(t), wait })
				first := admitted(t, g, delivery(t, "evt_1"))
				start := time.Now()
				v := refused(t, g, delivery(t, "evt_1"), contract.CodeInFlight)
				if took := time.Since(start); took != max(wait, 0) {
					t.Errorf("answered after %s, want %s", took, wait)
				}
				if v.RetryAfter > gate.DefaultLease {
					t.Errorf("retry after %s, longer than a lease", v.RetryAfter)
				}
				_ = first.Release()
			})
		})
	}
}

func TestHangingUpEndsTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, func(o *gate.Options) { o.Store = newStore(t) })
		first := admitted(t, g, delivery(t, "evt_1"))
		ctx, hangUp := context.WithCancel(t.Context())
		second := admitLater(ctx, g, delivery(t, "evt_1"))
		time.Sleep(time.Second)
		hangUp()
		if got := <-second; got.v.Code != contract.CodeInFlight || !errors.Is(got.v.Cause, context.Canceled) {
			t.Errorf("%+v, want in_flight because of the sender", got.v)
		}
		_ = first.Release()
	})
}

func TestClaimIsRenewedWhileTheReceiverWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, func(o *gate.Options) { o.Store, o.Lease, o.Wait = newStore(t), 3*time.Second, -1 })
		first := admitted(t, g, delivery(t, "evt_1"))
		for range 10 { // each of them far longer than the lease
			time.Sleep(10 * time.Second)
			refused(t, g, delivery(t, "evt_1"), contract.CodeInFlight)
		}
		if err := first.Commit(http.StatusOK); err != nil {
			t.Error(err)
		}
	})
}

// faulty is a store some of whose operations do not answer as they should.
type faulty struct {
	dedup.Store
	mu     sync.Mutex
	faults map[gate.Operation]func(context.Context) error // nil: as usual
	calls  map[gate.Operation]int
}

func newFaulty(t testing.TB) *faulty {
	return &faulty{Store: newStore(t), faults: map[gate.Operation]func(context.Context) error{}, calls: map[gate.Operation]int{}}
}

var errBroken = errors.New("broken")

func broken(context.Context) error { return errBroken }

func hanging(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (f *faulty) set(op gate.Operation, fault func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[op] = fault
}

func (f *faulty) count(op gate.Operation) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *faulty) pass(ctx context.Context, op gate.Operation) error {
	f.mu.Lock()
	f.calls[op]++
	fault := f.faults[op]
	f.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(ctx)
}

func (f *faulty) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	if err := f.pass(ctx, gate.OpClaim); err != nil {
		return dedup.Claim{}, err
	}
	return f.Store.Claim(ctx, key, owner, lease)
}

func (f *faulty) Renew(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) error {
	if err := f.pass(ctx, gate.OpRenew); err != nil {
		return err
	}
	return f.Store.Renew(ctx, key, owner, lease)
}

func (f *faulty) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	if err := f.pass(ctx, gate.OpCommit); err != nil {
		return err
	}
	return f.Store.Commit(ctx, key, owner, outcome, ttl)
}

func (f *faulty) Release(ctx context.Context, key dedup.Key, owner dedup.Owner) error {
	if err := f.pass(ctx, gate.OpRelease); err != nil {
		return err
	}
	return f.Store.Release(ctx, key, owner)
}

func (f *faulty) Wait(ctx context.Context, key dedup.Key) error {
	if err := f.pass(ctx, gate.OpWait); err != nil {
		return err
	}
	return f.Store.Wait(ctx, key)
}

// witness is an Observer that counts.
type witness struct {
	faults, pending, recorded, lost, opened, closed, mismatches atomic.Int64

	findings []signature.Finding
}

func (w *witness) StoreAsked(_ gate.Operation, _ time.Duration, fault error) {
	if fault != nil {
		w.faults.Add(1)
	}
}

func (w *witness) BreakerMoved(open bool) {
	if open {
		w.opened.Add(1)
	} else {
		w.closed.Add(1)
	}
}

func (w *witness) OutcomePending(gate.Delivery, error)  { w.pending.Add(1) }
func (w *witness) OutcomeRecorded(gate.Delivery, error) { w.recorded.Add(1) }
func (w *witness) ClaimLost(gate.Delivery, error)       { w.lost.Add(1) }

func (w *witness) Mismatched(explain func() []signature.Finding) {
	w.mismatches.Add(1)
	w.findings = explain()
}

func TestUnavailableStore(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(context.Context) error{
		"fail/broken":  broken,
		"fail/hanging": hanging,
		"fail/full":    func(context.Context) error { return dedup.ErrFull },
		"fail/closed":  func(context.Context) error { return dedup.ErrClosed },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, seen := newFaulty(t), new(witness)
				store.set(gate.OpClaim, fault)
				reject := newGate(t, func(o *gate.Options) { o.Store, o.Observer = store, seen })
				refused(t, reject, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
				if seen.faults.Load() != 1 {
					t.Errorf("%d faults reported, want 1", seen.faults.Load())
				}
				allow := newGate(t, func(o *gate.Options) { o.Store, o.AllowUnavailable = store, true })
				a, v := allow.Admit(t.Context(), delivery(t, "evt_1"))
				if v.Decision != gate.Forward || !v.Unrecorded {
					t.Fatalf("%+v, want it forwarded unrecorded", v)
				}
				if err := a.Commit(http.StatusOK); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if store.count(gate.OpCommit) != 0 {
					t.Error("an outcome was recorded without a claim")
				}
			})
		})
	}
}

func TestBreakerSparesADeadStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, seen := newFaulty(t), new(witness)
		store.set(gate.OpClaim, hanging)
		g := newGate(t, func(o *gate.Options) { o.Store, o.Observer = store, seen })
		for g.Stats().Breaker != gate.BreakerOpen {
			refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
		}
		asked, start := store.count(gate.OpClaim), time.Now()
		v := refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
		if !errors.Is(v.Cause, context.DeadlineExceeded) {
			t.Errorf("cause %v while the store is left alone, want why", v.Cause)
		}
		if store.count(gate.OpClaim) != asked || time.Since(start) != 0 {
			t.Error("a store that is left alone was asked, or waited for")
		}
		time.Sleep(2 * time.Second)
		refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
		if b := g.Stats().Breaker; store.count(gate.OpClaim) != asked+1 || b != gate.BreakerOpen {
			t.Errorf("breaker: %s after it was tried in vain", b)
		}
		store.set(gate.OpClaim, nil)
		time.Sleep(2 * time.Second)
		if b := g.Stats().Breaker; b != gate.BreakerHalfOpen {
			t.Errorf("breaker: %s before a delivery has found the store well", b)
		}
		_ = admitted(t, g, delivery(t, "evt_1")).Release()
		if b := g.Stats().Breaker; seen.opened.Load() != 1 || seen.closed.Load() != 1 || b != gate.BreakerClosed {
			t.Errorf("breaker: %s, opened %d times, closed %d times", b, seen.opened.Load(), seen.closed.Load())
		}
	})
}

func TestFaultWhileWaiting(t *testing.T) {
	t.Parallel()
	store := newFaulty(t)
	g := newGate(t, func(o *gate.Options) { o.Store = store })
	first := admitted(t, g, delivery(t, "evt_1"))
	store.set(gate.OpWait, broken)
	if v := refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable); !errors.Is(v.Cause, errBroken) {
		t.Errorf("cause %v", v.Cause)
	}
	_ = first.Release()
}

func TestCommitIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty(t)
		failures := 2
		store.set(gate.OpCommit, func(context.Context) error {
			if failures--; failures >= 0 {
				return errBroken
			}
			return nil
		})
		g := newGate(t, func(o *gate.Options) { o.Store = store })
		if err := admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK); err != nil {
			t.Fatal(err)
		}
		if _, v := g.Admit(t.Context(), delivery(t, "evt_1")); v.Decision != gate.Duplicate {
			t.Errorf("%+v, want a duplicate", v)
		}
	})
}

func TestCommitKeepsTheClaimWhileItTries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, seen := newFaulty(t), new(witness)
		store.set(gate.OpCommit, hanging)
		g := newGate(t, func(o *gate.Options) { o.Store, o.Observer, o.Lease, o.Wait = store, seen, time.Second, -1 })
		other := newGate(t, func(o *gate.Options) { o.Store, o.Wait = store, -1 })
		a := admitted(t, g, delivery(t, "evt_1"))
		start := time.Now()
		done := make(chan error)
		go func() { done <- a.Commit(http.StatusOK) }()
		time.Sleep(2 * time.Second) // longer than the lease
		refused(t, g, delivery(t, "evt_1"), contract.CodeInFlight)
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took > 5*time.Second || store.count(gate.OpCommit) != 3 {
			t.Errorf("answered after %s and %d attempts", took, store.count(gate.OpCommit))
		}
		refused(t, other, delivery(t, "evt_1"), contract.CodeInFlight) // left to run out, not released
		time.Sleep(2 * time.Second)
		_ = admitted(t, other, delivery(t, "evt_1")).Release()
		store.set(gate.OpCommit, nil)
		time.Sleep(2 * time.Second)
		seen.want(t, 1, 1, 0)
	})
}

func TestLostClaimIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, seen := newFaulty(t), new(witness)
		g := newGate(t, func(o *gate.Options) { o.Store, o.Observer, o.Lease, o.Wait = store, seen, time.Second, -1 })
		first := admitted(t, g, delivery(t, "evt_1"))
		store.set(gate.OpRenew, hanging)
		time.Sleep(2 * time.Second)
		second := admitted(t, g, delivery(t, "evt_1")) // the lease has run out
		if err := first.Commit(http.StatusOK); !errors.Is(err, dedup.ErrNotOwner) {
			t.Errorf("error %v, want ErrNotOwner", err)
		}
		if seen.lost.Load() != 1 || store.count(gate.OpCommit) != 1 {
			t.Errorf("%d lost claims, %d commits", seen.lost.Load(), store.count(gate.OpCommit))
		}
		_ = second.Release()
	})
}

func TestClaimWhoseAnswerWasLostIsReleased(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty(t)
		late := &lateStore{faulty: store}
		g := newGate(t, func(o *gate.Options) { o.Store, o.Wait = late, -1 })
		refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
		synctest.Wait()
		_ = admitted(t, g, delivery(t, "evt_1")).Release()
	})
}

// lateStore makes the first claim and does not tell.
type lateStore struct {
	*faulty
	told atomic.Bool
}

func (l *lateStore) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	claim, err := l.faulty.Claim(ctx, key, owner, lease)
	if l.told.Swap(true) {
		return claim, err
	}
	return dedup.Claim{}, hanging(ctx)
}

func TestMismatchIsExplained(t *testing.T) {
	t.Parallel()
	seen := new(witness)
	g := newGate(t, func(o *gate.Options) { o.Observer = seen })
	refused(t, g, signedBy(t, schemeOf(t, "dari-body"), "", eventBody("evt_1")), contract.CodeSignatureMismatch)
	if len(seen.findings) == 0 || seen.findings[0].Scheme != "dari-body" {
		t.Errorf("findings %v, want the scheme dari-body", seen.findings)
	}
}

func TestManyCopiesAtOnce(t *testing.T) {
	t.Parallel()
	g := newGate(t, func(o *gate.Options) { o.Store = newStore(t) })
	var forwarded, duplicates atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		r := delivery(t, "evt_1")
		all.Go(func() {
			switch a, v := g.Admit(t.Context(), r); v.Decision {
			case gate.Forward:
				forwarded.Add(1)
				_ = a.Commit(http.StatusOK)
			case gate.Duplicate:
				duplicates.Add(1)
			}
		})
	}
	all.Wait()
	if forwarded.Load() != 1 || duplicates.Load() != 49 {
		t.Errorf("%d forwarded, %d duplicates", forwarded.Load(), duplicates.Load())
	}
}
