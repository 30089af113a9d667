package memory_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/memory"
)

func commit(t *testing.T, s *memory.Store, id string, ttl time.Duration) {
	t.Helper()
	key, owner := dedup.Key{Scope: "scope", ID: id}, dedup.NewOwner()
	claim, err := s.Claim(t.Context(), key, owner, time.Minute)
	if err != nil || !claim.Acquired {
		t.Fatalf("claim of %s = %+v, %v", id, claim, err)
	}
	if err := s.Commit(t.Context(), key, owner, dedup.Outcome{Status: 200, At: time.Now()}, ttl); err != nil {
		t.Fatal(err)
	}
}

// wantKnown wants exactly the ids that are named to be done, out of ten.
func wantKnown(t *testing.T, s *memory.Store, ids ...int) {
	t.Helper()
	known := map[int]bool{}
	for _, id := range ids {
		known[id] = true
	}
	for id := range 10 {
		record, err := s.Lookup(t.Context(), dedup.Key{Scope: "scope", ID: fmt.Sprint(id)})
		if err != nil || (record.State == dedup.Done) != known[id] {
			t.Errorf("id %d = %v, %v, want it known: %v", id, record.State, err, known[id])
		}
	}
}

func wantStats(t *testing.T, s *memory.Store, done, evicted int64) {
	t.Helper()
	if got := s.Stats(); got.Done != done || got.Evicted != evicted {
		t.Errorf("stats = %+v, want %d done, %d evicted", got, done, evicted)
	}
}

func TestEviction(t *testing.T) {
	t.Parallel()
	s := open(t, memory.Options{MaxIDs: 3})
	commit(t, s, "0", 3*time.Hour)
	commit(t, s, "1", 1*time.Hour)
	commit(t, s, "2", 2*time.Hour)
	wantKnown(t, s, 0, 1, 2)
	wantStats(t, s, 3, 0)
	commit(t, s, "3", 4*time.Hour)
	wantKnown(t, s, 0, 2, 3)
	commit(t, s, "4", time.Minute)
	wantKnown(t, s, 0, 3, 4)
	wantStats(t, s, 3, 2)
}

func TestEvictionSparesTheLiveWhenSomeHaveExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.Options{MaxIDs: 2})
		commit(t, s, "0", time.Millisecond)
		commit(t, s, "1", time.Hour)
		time.Sleep(2 * time.Millisecond)
		commit(t, s, "2", time.Hour)
		wantKnown(t, s, 1, 2)
		wantStats(t, s, 2, 0)
	})
}

func TestSetMaxIDs(t *testing.T) {
	t.Parallel()
	s := open(t, memory.Options{MaxIDs: 10})
	for id := range 10 {
		commit(t, s, fmt.Sprint(id), time.Duration(id+1)*time.Hour)
	}
	if err := s.SetMaxIDs(2); err != nil {
		t.Fatal(err)
	}
	wantKnown(t, s, 8, 9)
	wantStats(t, s, 2, 8)
	if err := s.SetMaxIDs(3); err != nil {
		t.Fatal(err)
	}
	commit(t, s, "0", time.Hour)
	wantKnown(t, s, 0, 8, 9)
	if err := s.SetMaxIDs(-1); err == nil {
		t.Error("negative bound taken")
	}
	if _, err := memory.New(memory.Options{MaxIDs: -1}); err == nil {
		t.Error("negative bound taken")
	}
}

// TestExpiredRecordsLeave lets records expire with nobody asking: the store empties by itself, and the slots serve again.
func TestExpiredRecordsLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, memory.Options{})
		for round := range 3 {
			for id := range 3000 {
				commit(t, s, fmt.Sprint(id), time.Duration(1+id%50)*time.Second)
			}
			wantStats(t, s, 3000, 0)
			time.Sleep(2*time.Minute + time.Duration(round)*time.Second)
			synctest.Wait()
			wantStats(t, s, 0, 0)
		}
	})
}
