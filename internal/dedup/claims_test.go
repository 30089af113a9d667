package dedup_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

func never(dedup.Key) (dedup.Record, bool, error) { return dedup.Record{}, false, nil }

func claim(t *testing.T, c *dedup.Claims, id string, lease time.Duration) (dedup.Key, dedup.Owner) {
	t.Helper()
	key, owner := dedup.Key{Scope: "scope", ID: id}, dedup.NewOwner()
	if claim, err := c.Claim(t.Context(), key, owner, lease); err != nil || !claim.Acquired {
		t.Fatalf("claim of %s = %+v, %v", id, claim, err)
	}
	return key, owner
}

func TestClaimsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dedup.NewClaims(dedup.ClaimsOptions{Done: never, Max: 2})
		defer c.Close()
		claim(t, c, "a", time.Minute)
		key, owner := claim(t, c, "b", time.Hour)
		if _, err := c.Claim(t.Context(), dedup.Key{Scope: "scope", ID: "c"}, owner, time.Hour); !errors.Is(err, dedup.ErrFull) {
			t.Errorf("third claim: %v, want ErrFull", err)
		}
		if again, err := c.Claim(t.Context(), key, owner, time.Hour); err != nil || !again.Acquired {
			t.Errorf("own claim = %+v, %v, want it acquired", again, err)
		}
		time.Sleep(time.Minute + 2*time.Second) // nobody asks for a: it must go all the same
		if held := c.Held(); held != 1 {
			t.Errorf("%d claims held, want 1", held)
		}
		claim(t, c, "c", time.Hour)
	})
}

// TestPin keeps a claim past its lease while its commit is under way, and lets it lapse when that fails.
func TestPin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dedup.NewClaims(dedup.ClaimsOptions{Done: never})
		defer c.Close()
		key, owner := claim(t, c, "a", time.Minute)
		if _, err := c.Pin(t.Context(), key, owner); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if other, err := c.Claim(t.Context(), key, dedup.NewOwner(), time.Minute); err != nil || other.Acquired {
			t.Errorf("claim of a pinned key = %+v, %v, want it in flight", other, err)
		}
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if err := c.Release(t.Context(), key, owner); !errors.Is(err, dedup.ErrNotOwner) {
				t.Errorf("release that waited for the commit's failure: %v, want ErrNotOwner", err)
			}
		})
		waiting.Go(func() {
			if err := c.Wait(t.Context(), key); err != nil {
				t.Errorf("wait: %v", err)
			}
		})
		synctest.Wait()
		c.Unpin(key)
		waiting.Wait()
		claim(t, c, "a", time.Minute)
	})
}

// TestLateCommitIsOneStep commits without a claim: until that ends, the key is absent to whoever looks, and whoever would change
// it waits.
func TestLateCommitIsOneStep(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*dedup.Claims, dedup.Key){"ok/made": (*dedup.Claims).End, "fail/not made": (*dedup.Claims).Unpin} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var done atomic.Bool
				c := dedup.NewClaims(dedup.ClaimsOptions{
					Done: func(key dedup.Key) (dedup.Record, bool, error) {
						return dedup.Record{Key: key, State: dedup.Done}, done.Load(), nil
					},
					Made: func(dedup.Key, dedup.Owner) (made, found bool, err error) { return false, done.Load(), nil },
				})
				defer c.Close()
				key, late := dedup.Key{Scope: "scope", ID: "a"}, dedup.NewOwner()
				if made, err := c.Pin(t.Context(), key, late); made || err != nil {
					t.Fatalf("pin of an absent key: %v, %v", made, err)
				}
				if record, err := c.Lookup(t.Context(), key); err != nil || record.State != dedup.Absent {
					t.Errorf("lookup = %+v, %v, want it absent", record, err)
				}
				if err := c.Renew(t.Context(), key, late, time.Hour); !errors.Is(err, dedup.ErrNotOwner) {
					t.Errorf("renewal: %v, want ErrNotOwner", err)
				}
				if recent := c.Recent("scope", 1); len(recent) != 0 {
					t.Errorf("recent = %v, want none in flight", recent)
				}
				succeeds := name == "ok/made"
				var waiting sync.WaitGroup
				waiting.Go(func() {
					claim, err := c.Claim(t.Context(), key, dedup.NewOwner(), time.Hour)
					if err != nil || claim.Acquired == succeeds {
						t.Errorf("claim = %+v, %v", claim, err)
					}
				})
				synctest.Wait()
				done.Store(succeeds)
				end(c, key)
				waiting.Wait()
				if _, err := c.Pin(t.Context(), key, dedup.NewOwner()); !errors.Is(err, dedup.ErrNotOwner) {
					t.Errorf("pin by another: %v, want ErrNotOwner", err)
				}
			})
		})
	}
}

func TestFaultsOfDoneAndAdmit(t *testing.T) {
	t.Parallel()
	fault := errors.New("fault")
	key := dedup.Key{Scope: "scope", ID: "a"}
	rows := map[string]dedup.ClaimsOptions{
		"fail/done":  {Done: func(dedup.Key) (dedup.Record, bool, error) { return dedup.Record{}, false, fault }},
		"fail/admit": {Done: never, Admit: func() error { return fault }},
	}
	for name, opts := range rows {
		c := dedup.NewClaims(opts)
		if claim, err := c.Claim(t.Context(), key, dedup.NewOwner(), time.Hour); !errors.Is(err, fault) || claim.Acquired {
			t.Errorf("%s: claim = %+v, %v, want the fault", name, claim, err)
		}
		if held := c.Held(); held != 0 {
			t.Errorf("%s: %d claims held, want none", name, held)
		}
		c.Close()
	}
}

// TestManyWaiters has a thousand wait for one key. They end with it, and none of them stays behind: the bubble would
// not end.
func TestManyWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dedup.NewClaims(dedup.ClaimsOptions{Done: never})
		defer c.Close()
		key, owner := claim(t, c, "a", time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for i := range 1000 {
			waitCtx := t.Context()
			want := error(nil)
			if i%2 == 0 {
				waitCtx, want = ctx, context.DeadlineExceeded
			}
			go func() {
				if err := c.Wait(waitCtx, key); !errors.Is(err, want) {
					t.Errorf("wait: %v, want %v", err, want)
				}
			}()
		}
		time.Sleep(2 * time.Minute)
		if err := c.Release(t.Context(), key, owner); err != nil {
			t.Error(err)
		}
	})
}

func TestRecentClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := dedup.NewClaims(dedup.ClaimsOptions{Done: never})
		defer c.Close()
		for i := range 5 {
			claim(t, c, fmt.Sprint(i), time.Hour)
			time.Sleep(time.Millisecond)
		}
		var got []string
		for _, record := range c.Recent("scope", 3) {
			got = append(got, record.Key.ID)
		}
		if want := "[4 3 2]"; fmt.Sprint(got) != want {
			t.Errorf("recent = %v, want %s", got, want)
		}
		if other := c.Recent("other", 3); len(other) != 0 {
			t.Errorf("recent of another scope = %v, want none", other)
		}
		if none := c.Recent("scope", -1); len(none) != 0 {
			t.Errorf("recent with a negative limit = %v, want none", none)
		}
	})
}
