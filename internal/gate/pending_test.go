package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/gate"
)

// quickly is longer than the attempts take that a sender waits for while the store refuses at once.
const quickly = 400 * time.Millisecond

// pendingGate is a gate whose store refuses to record, with an observer.
func pendingGate(t *testing.T, fault func(context.Context) error, change func(*gate.Options)) (*gate.Gate, *faulty, *witness) {
	t.Helper()
	store, seen := newFaulty(t), new(witness)
	store.set(gate.OpCommit, fault)
	return newGate(t, func(o *gate.Options) {
		o.Store, o.Observer, o.Wait = store, seen, -1
		if change != nil {
			change(o)
		}
	}), store, seen
}

// short answers as a store does whose replicas do not have an outcome.
func short(context.Context) error { return fmt.Errorf("committing: %w", dedup.ErrTooFewCopies) }

// want checks what the observer has been told of pending outcomes.
func (w *witness) want(t *testing.T, pending, recorded, lost int64) {
	t.Helper()
	if w.pending.Load() != pending || w.recorded.Load() != recorded || w.lost.Load() != lost {
		t.Errorf("%d pending, %d recorded, %d lost reported; want %d, %d, %d",
			w.pending.Load(), w.recorded.Load(), w.lost.Load(), pending, recorded, lost)
	}
}

// TestOutcomeOutlivesAnOutage has a store refuse outcomes for most of a lease, in every way in which one may.
func TestOutcomeOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(context.Context) error{
		"ok/refuses": broken,
		"ok/hangs":   hanging,
		"ok/full":    func(context.Context) error { return dedup.ErrFull },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, store, seen := pendingGate(t, fault, nil)
				start := time.Now()
				if err := admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusAccepted); err == nil {
					t.Error("a commit that was not made answers no error")
				}
				if took := time.Since(start); took > 4*time.Second {
					t.Errorf("the sender waited for %s", took)
				}
				if s := g.Stats(); s.Pending != 1 || s.InFlight != 1 || s.BodyBytes != 0 {
					t.Errorf("while it is pending: %+v", s)
				}
				time.Sleep(20 * time.Second)
				if _, v := g.Admit(t.Context(), delivery(t, "evt_1")); v.Decision != gate.Duplicate || v.Status != http.StatusAccepted {
					t.Errorf("%+v, want a duplicate with 202: this gate knows of the success", v)
				}
				refused(t, newGate(t, func(o *gate.Options) { o.Store, o.Wait = store, -1 }), delivery(t, "evt_1"), contract.CodeInFlight)
				store.set(gate.OpCommit, nil)
				time.Sleep(3 * time.Second)
				if _, v := g.Admit(t.Context(), delivery(t, "evt_1")); v.Decision != gate.Duplicate || v.Status != http.StatusAccepted {
					t.Errorf("%+v, want a duplicate with 202", v)
				}
				if s := g.Stats(); s.Pending != 0 || s.InFlight != 0 {
					t.Errorf("afterwards: %+v", s)
				}
				seen.want(t, 1, 1, 0)
			})
		})
	}
}

// rememberedFor is longer than the lease, and short enough to be lived through.
const rememberedFor = 10 * time.Minute

// TestPendingOutcomeEnds shows each end of an outcome that is not recorded: it is reported once, and the store is left alone
// from then on.
func TestPendingOutcomeEnds(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		first    func(context.Context) error // what the store answers
		later    func(context.Context) error // and after ten seconds; nil: as before
		after    time.Duration               // when the end is known, from the claim on
		recorded int64                       // of the one outcome; the others are lost
		quiet    bool                        // it is not reported as pending, since it is recorded
	}{
		"ok/too few copies":   {short, nil, gate.DefaultLease + 2*time.Second, 1, true},
		"fail/copies lost":    {short, broken, rememberedFor, 0, true},
		"fail/record out":     {broken, nil, rememberedFor, 0, false},
		"fail/not owned":      {broken, func(context.Context) error { return dedup.ErrNotOwner }, 12 * time.Second, 0, false},
		"fail/closed":         {broken, func(context.Context) error { return dedup.ErrClosed }, 12 * time.Second, 0, false},
		"fail/failed":         {broken, func(context.Context) error { return fmt.Errorf("writing: %w", dedup.ErrFailed) }, 12 * time.Second, 0, false},
		"fail/not an outcome": {broken, func(context.Context) error { return dedup.ErrOutcome }, 12 * time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, store, seen := pendingGate(t, row.first, func(o *gate.Options) { o.TTL = rememberedFor })
				start := time.Now()
				_ = admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK)
				time.Sleep(10*time.Second - time.Since(start))
				pending := int64(1)
				if row.quiet {
					pending = 0
				}
				seen.want(t, pending, 0, 0)
				if row.later != nil {
					store.set(gate.OpCommit, row.later)
				}
				time.Sleep(row.after - time.Since(start) - time.Nanosecond)
				if row.after == rememberedFor {
					seen.want(t, pending, 0, 0) // until the last moment
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				seen.want(t, pending, row.recorded, 1-row.recorded)
				asked := store.count(gate.OpCommit)
				time.Sleep(time.Hour)
				if s := g.Stats(); s.Pending != 0 || s.InFlight != 0 || store.count(gate.OpCommit) != asked {
					t.Errorf("after the end: %+v, %d offers", s, store.count(gate.OpCommit)-asked)
				}
				if asked > 2*int(row.after/time.Second) {
					t.Errorf("%d offers in %s", asked, row.after)
				}
			})
		})
	}
}

// TestFinalAnswersAreNotOffered shows which answers end an outcome at the first attempt.
func TestFinalAnswersAreNotOffered(t *testing.T) {
	t.Parallel()
	for _, final := range []error{dedup.ErrNotOwner, dedup.ErrKey, dedup.ErrOutcome, dedup.ErrClosed, dedup.ErrFailed} {
		t.Run("fail/"+final.Error(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, store, seen := pendingGate(t, func(context.Context) error { return fmt.Errorf("committing: %w", final) }, nil)
				if err := admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK); !errors.Is(err, final) {
					t.Errorf("error %v, want %v", err, final)
				}
				time.Sleep(time.Hour)
				if n := store.count(gate.OpCommit); n != 1 {
					t.Errorf("%d attempts, want 1", n)
				}
				seen.want(t, 0, 0, 1)
			})
		})
	}
}

// TestCopiesAreAskedForUntilTheLeaseIsOut has a receiver work for longer than a third of a lease, which counts from the last
// renewal, and replicas be away from its end on.
func TestCopiesAreAskedForUntilTheLeaseIsOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, store, seen := pendingGate(t, short, nil)
		start := time.Now()
		a := admitted(t, g, delivery(t, "evt_1"))
		time.Sleep(15 * time.Second)
		store.set(gate.OpRenew, broken)
		time.Sleep(10 * time.Second)
		renewals := store.count(gate.OpRenew)
		_ = a.Commit(http.StatusOK)
		time.Sleep(10*time.Second + gate.DefaultLease - time.Since(start) - time.Nanosecond)
		seen.want(t, 0, 0, 0)
		time.Sleep(2 * time.Second)
		seen.want(t, 0, 1, 0)
		if renewals != 2 || store.count(gate.OpRenew) != 2 {
			t.Errorf("%d renewals while the receiver worked, %d afterwards: want 2 and none", renewals, store.count(gate.OpRenew)-renewals)
		}
	})
}

// TestOutageBeyondTheLease has a store be away for longer than the lease while a receiver works, or after it has succeeded. The gate
// knows of the success: it is recorded when the store is back, unless another gate has taken over.
func TestOutageBeyondTheLease(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		works     time.Duration // the receiver, from the outage's beginning on
		takenOver bool
	}{
		"ok/after its success":      {0, false},
		"ok/while it works":         {2 * gate.DefaultLease, false},
		"fail/another took over":    {0, true},
		"fail/another, while works": {2 * gate.DefaultLease, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, store, seen := pendingGate(t, nil, nil)
				other := newGate(t, func(o *gate.Options) { o.Store, o.Wait = store.Store, -1 })
				a := admitted(t, g, delivery(t, "evt_1"))
				for _, op := range gate.Operations() {
					store.set(op, hanging)
				}
				time.Sleep(row.works)
				_ = a.Commit(http.StatusAccepted)
				time.Sleep(2 * gate.DefaultLease)
				if row.takenOver {
					_ = admitted(t, other, delivery(t, "evt_1")).Commit(http.StatusOK)
				}
				for _, op := range gate.Operations() {
					store.set(op, nil)
				}
				time.Sleep(3 * time.Second)
				_, v := other.Admit(t.Context(), delivery(t, "evt_1"))
				if want := map[bool]int{false: http.StatusAccepted, true: http.StatusOK}[row.takenOver]; v.Decision != gate.Duplicate || v.Status != want {
					t.Errorf("%+v, want a duplicate with %d", v, want)
				}
				if row.takenOver {
					seen.want(t, 1, 0, 1)
				} else {
					seen.want(t, 1, 1, 0)
				}
			})
		})
	}
}

// TestLateRecordLastsNoLonger shows that a record which is made late ends when it would have: where equal bodies are copies, one that
// comes later is a delivery of its own.
func TestLateRecordLastsNoLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, store, seen := pendingGate(t, broken, func(o *gate.Options) { o.TTL = time.Minute })
		start := time.Now()
		_ = admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK)
		time.Sleep(50 * time.Second)
		store.set(gate.OpCommit, nil)
		time.Sleep(2 * time.Second)
		seen.want(t, 1, 1, 0)
		time.Sleep(time.Minute + time.Millisecond - time.Since(start))
		_ = admitted(t, g, delivery(t, "evt_1")).Release()
	})
}

// TestLateAnswerIsFound has a store record an outcome and lose its answers until the lease must have run out: the last offer
// finds that nothing is lost.
func TestLateAnswerIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, seen := newFaulty(t), new(witness)
		until := time.Now().Add(gate.DefaultLease)
		g := newGate(t, func(o *gate.Options) { o.Store, o.Observer, o.Wait = mute{store, until}, seen, -1 })
		_ = admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK)
		time.Sleep(time.Hour)
		seen.want(t, 1, 1, 0)
	})
}

// mute is a store that records what it is told and answers commits from a time on only.
type mute struct {
	dedup.Store
	until time.Time
}

func (m mute) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	if err := m.Store.Commit(ctx, key, owner, outcome, ttl); err != nil || !time.Now().Before(m.until) {
		return err
	}
	return errBroken
}

// TestPendingOutcomesAreBounded fills the room for them: one more is given up as soon as its sender has its answer, and the
// others are recorded.
func TestPendingOutcomesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, store, seen := pendingGate(t, broken, nil)
		for i := range gate.MaxPending {
			a := admitted(t, g, delivery(t, fmt.Sprintf("evt_%d", i)))
			go func() { _ = a.Commit(http.StatusOK) }()
		}
		time.Sleep(quickly)
		if s := g.Stats(); s.Pending != gate.MaxPending {
			t.Fatalf("%d outcomes pending, want %d", s.Pending, gate.MaxPending)
		}
		if err := admitted(t, g, delivery(t, "evt_beyond")).Commit(http.StatusOK); !errors.Is(err, errBroken) {
			t.Errorf("error %v", err)
		}
		seen.want(t, gate.MaxPending, 0, 1)
		store.set(gate.OpCommit, nil)
		time.Sleep(3 * time.Second)
		seen.want(t, gate.MaxPending, gate.MaxPending, 1)
		if s := g.Stats(); s.Pending != 0 || s.InFlight != 0 {
			t.Errorf("afterwards: %+v", s)
		}
	})
}

// TestPendingOutcomesComeApart shows that outcomes which failed together are not offered together.
func TestPendingOutcomesComeApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const outcomes = 100
		moments := make(map[time.Duration]int)
		start := time.Now()
		g, store, _ := pendingGate(t, broken, nil)
		for i := range outcomes {
			a := admitted(t, g, delivery(t, fmt.Sprintf("evt_%d", i)))
			go func() { _ = a.Commit(http.StatusOK) }()
		}
		time.Sleep(quickly)
		store.set(gate.OpCommit, func(context.Context) error {
			store.mu.Lock()
			defer store.mu.Unlock()
			moments[time.Since(start).Truncate(time.Millisecond)]++
			return errBroken
		})
		time.Sleep(10 * time.Second)
		store.mu.Lock()
		defer store.mu.Unlock()
		for moment, n := range moments {
			if n > outcomes/4 {
				t.Errorf("%d of %d offers in the millisecond after %s", n, outcomes, moment)
			}
		}
		if len(moments) < outcomes {
			t.Errorf("offers in %d different milliseconds only", len(moments))
		}
	})
}

// TestDrainWaitsForPendingOutcomes shows that a store is not closed under them.
func TestDrainWaitsForPendingOutcomes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, store, seen := pendingGate(t, broken, nil)
		_ = admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK)
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := g.Drain(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drained with an outcome pending: %v", err)
		}
		store.set(gate.OpCommit, nil)
		if err := g.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		seen.want(t, 1, 1, 0)
	})
}
