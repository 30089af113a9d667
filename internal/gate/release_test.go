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

// pausedStore is a store that stops and goes on, as a server does: claims that were sent meanwhile are made then, with the
// whole of their lease before them. Other calls are lost.
type pausedStore struct {
	*faulty
	resumed chan struct{}
	late    time.Duration // until it makes those claims
}

func pause(store *faulty, late time.Duration) pausedStore {
	for _, op := range gate.Operations() {
		store.set(op, hanging)
	}
	return pausedStore{store, make(chan struct{}), late}
}

func (p pausedStore) resume() {
	for _, op := range gate.Operations() {
		p.set(op, nil)
	}
	close(p.resumed)
}

func (p pausedStore) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	claim, err := p.faulty.Claim(ctx, key, owner, lease)
	if err != nil {
		go func() {
			<-p.resumed
			time.Sleep(p.late)
			_, _ = p.Store.Claim(context.Background(), key, owner, lease)
		}()
	}
	return claim, err
}

// TestPauseOutlastsNothing pauses a store under many deliveries, with and without others coming in. When it goes on, the claims
// that were sent to it must not keep their own deliveries out.
func TestPauseOutlastsNothing(t *testing.T) {
	t.Parallel()
	const deliveries = 32
	for name, row := range map[string]struct {
		pause  time.Duration
		others bool
		late   time.Duration
	}{
		"ok/5s":                        {5 * time.Second, true, 0},
		"ok/longer than the lease":     {40 * time.Second, true, 0},
		"ok/5s and nothing comes in":   {5 * time.Second, false, 0},
		"ok/after what was sent later": {5 * time.Second, true, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, start := pause(newFaulty(t), row.late), time.Now()
				g := newGate(t, func(o *gate.Options) { o.Store, o.Wait = store, -1 })
				for i := range deliveries {
					go g.Admit(t.Context(), delivery(t, fmt.Sprintf("evt_%d", i)))
				}
				for n := 0; time.Since(start) < row.pause; n++ {
					time.Sleep(100 * time.Millisecond)
					if row.others {
						refused(t, g, delivery(t, fmt.Sprintf("other_%d", n)), contract.CodeStoreUnavailable)
					}
				}
				if n, most := store.count(gate.OpRelease), deliveries+4*int(row.pause/time.Second); n > most {
					t.Errorf("%d releases asked of a store that was away for %s, want %d at most", n, row.pause, most)
				}
				store.resume()
				time.Sleep(2500*time.Millisecond + row.late)
				if !row.others { // nobody has closed the breaker
					_ = admitted(t, g, delivery(t, "evt_other")).Release()
					time.Sleep(2500 * time.Millisecond)
				}
				for i := range deliveries {
					_ = admitted(t, g, delivery(t, fmt.Sprintf("evt_%d", i))).Release()
				}
			})
		})
	}
}

// TestNothingIsReleasedThatWasNotClaimed has claims fail in every way that leaves no claim behind.
func TestNothingIsReleasedThatWasNotClaimed(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"fail/not sent": dedup.Unchanged(errBroken),
		"fail/full":     dedup.ErrFull,
		"fail/closed":   dedup.ErrClosed,
		"fail/failed":   dedup.ErrFailed,
		"fail/key":      dedup.ErrKey,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := newFaulty(t)
				store.set(gate.OpClaim, func(context.Context) error { return fmt.Errorf("claiming: %w", fault) })
				g := newGate(t, func(o *gate.Options) { o.Store = store })
				for i := range 1000 { // past the breaker's opening, and several probes
					refused(t, g, delivery(t, fmt.Sprintf("evt_%d", i)), contract.CodeStoreUnavailable)
					time.Sleep(10 * time.Millisecond)
				}
				time.Sleep(time.Hour)
				if n := store.count(gate.OpRelease); n != 0 {
					t.Errorf("%d releases for claims that were never made", n)
				}
			})
		})
	}
	t.Run("fail/waiting for another's", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			store := newFaulty(t)
			store.set(gate.OpWait, broken)
			g := newGate(t, func(o *gate.Options) { o.Store = store })
			first := admitted(t, g, delivery(t, "evt_1"))
			refused(t, g, delivery(t, "evt_1"), contract.CodeStoreUnavailable)
			synctest.Wait()
			if n := store.count(gate.OpRelease); n != 0 {
				t.Errorf("%d releases of a claim that is another's", n)
			}
			_ = first.Release()
		})
	})
}

// TestReleaseIsRepeated has a receiver fail while the store is away: the sender's retry is let in as soon as the store is back, and not
// when the lease is out.
func TestReleaseIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty(t)
		g := newGate(t, func(o *gate.Options) { o.Store, o.Wait = store, -1 })
		a := admitted(t, g, delivery(t, "evt_1"))
		store.set(gate.OpRelease, broken)
		if err := a.Release(); !errors.Is(err, errBroken) {
			t.Errorf("error %v", err)
		}
		time.Sleep(5 * time.Second)
		refused(t, g, delivery(t, "evt_1"), contract.CodeInFlight)
		store.set(gate.OpRelease, nil)
		time.Sleep(2 * time.Second)
		_ = admitted(t, g, delivery(t, "evt_1")).Commit(http.StatusOK)
	})
}

// TestReleasesAreBounded fills the room for releases: one more is left to the lease. None of them is repeated for ever.
func TestReleasesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newFaulty(t)
		g := newGate(t, func(o *gate.Options) { o.Store, o.Wait = store, -1 })
		store.set(gate.OpRelease, broken)
		for i := range gate.MaxPending {
			_ = admitted(t, g, delivery(t, fmt.Sprintf("evt_%d", i))).Release()
		}
		_ = admitted(t, g, delivery(t, "evt_beyond")).Release()
		store.set(gate.OpRelease, nil)
		time.Sleep(2 * time.Second)
		refused(t, g, delivery(t, "evt_beyond"), contract.CodeInFlight)
		last := admitted(t, g, delivery(t, "evt_0"))

		store.set(gate.OpRelease, broken)
		_ = last.Release()
		time.Sleep(time.Hour)
		asked := store.count(gate.OpRelease)
		time.Sleep(time.Hour)
		if n := store.count(gate.OpRelease) - asked; n != 0 {
			t.Errorf("%d releases asked for more than an hour after the last claim", n)
		}
	})
}
