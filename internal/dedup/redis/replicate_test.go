package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestRepeatedCommitIsCopied repeats a commit while the replica is paused, on connections that have written nothing yet: the
// record on the primary is no copy, however often it is found there.
func TestRepeatedCommitIsCopied(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	replica := redistest.NewReplica(t, primary)
	opts := redis.Options{Addresses: addresses(primary), Replicas: 1}
	s, owner := open(t, opts), dedup.NewOwner()
	mustClaim(t, s, key("a"), owner)
	replica.Pause()
	wantReason(t, s.Commit(t.Context(), key("a"), owner, outcome, long), redis.Replicas)
	before := mustLookup(t, s, key("a"))
	for range 3 {
		again, written := open(t, opts), commands(t, primary, "set")
		wantReason(t, again.Commit(t.Context(), key("a"), owner, outcome, long), redis.Replicas)
		if n := commands(t, primary, "set") - written; n != 1 {
			t.Errorf("a repeated commit wrote %d times, want once: a server may not wait for what did not write", n)
		}
	}
	wantReason(t, s.Commit(t.Context(), key("a"), owner, dedup.Outcome{Status: 299, At: outcome.At}, 2*long), redis.Replicas)
	after := mustLookup(t, s, key("a"))
	if after.Outcome != before.Outcome || after.Expires.Sub(before.Expires).Abs() > time.Minute {
		t.Errorf("record = %+v after commits that were repeated, want %+v", after, before)
	}
	replica.Resume()
	redistest.Eventually(t, patient, func(ctx context.Context) error { return s.Commit(ctx, key("a"), owner, outcome, long) })
	if replica.Must(t, "EXISTS", "darihook:1:{test/a}") != "1" {
		t.Error("the commit is confirmed and the replica does not have it")
	}
}

// TestTooFewReplicas has the primary record a commit and nobody else.
func TestTooFewReplicas(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	replica := redistest.NewReplica(t, primary)
	s, owner := open(t, redis.Options{Addresses: addresses(primary), Replicas: 1}), dedup.NewOwner()
	mustClaim(t, s, key("a"), owner)
	replica.Pause()
	wantReason(t, s.Commit(t.Context(), key("a"), owner, outcome, long), redis.Replicas)
	wantState(t, s, key("a"), dedup.Done)
	if n := s.Stats().InFlight; n != 0 {
		t.Errorf("%d claims in flight, want none", n)
	}
	replica.Resume()
	wantRecovery(t, s)
}

// TestServerWantsReplicas has the server refuse writes for want of replicas: nothing is recorded, and what was refused can
// be done later.
func TestServerWantsReplicas(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{0, 1} {
		t.Run(strconv.Itoa(replicas), func(t *testing.T) {
			t.Parallel()
			primary := redistest.New(t)
			redistest.NewReplica(t, primary)
			s, owner := open(t, redis.Options{Addresses: addresses(primary), Replicas: replicas, ReplicaTimeout: patient}), dedup.NewOwner()
			mustClaim(t, s, key("a"), owner)
			primary.Must(t, "CONFIG", "SET", "min-replicas-to-write", "2")
			_, err := s.Claim(t.Context(), key("b"), owner, long)
			wantReason(t, err, redis.NoReplicas)
			wantReason(t, s.Commit(t.Context(), key("a"), owner, outcome, long), redis.NoReplicas)
			wantState(t, s, key("a"), dedup.InFlight)
			wantState(t, s, key("b"), dedup.Absent)
			if _, err := s.Recent(t.Context(), "test", 10); err != nil {
				t.Errorf("reading a server that takes no writes: %v", err)
			}
			primary.Must(t, "CONFIG", "SET", "min-replicas-to-write", "0")
			if err := s.Commit(t.Context(), key("a"), owner, outcome, long); err != nil {
				t.Error(err)
			}
			wantState(t, s, key("a"), dedup.Done)
		})
	}
}

// TestCommitThatIsNotOwnedNeedsNoReplica has no replica at all: there is nothing that it would have to have.
func TestCommitThatIsNotOwnedNeedsNoReplica(t *testing.T) {
	t.Parallel()
	s := open(t, redis.Options{Addresses: addresses(redistest.New(t)), Replicas: 1})
	if _, err := s.Claim(t.Context(), key("a"), dedup.NewOwner(), long); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), key("a"), dedup.NewOwner(), outcome, long); !errors.Is(err, dedup.ErrNotOwner) {
		t.Errorf("error = %v, want ErrNotOwner", err)
	}
}

// TestManyCommitsWithoutReplica has far more commits wait for a replica than there are connections to wait on: each must be
// recorded on the primary in its time.
func TestManyCommitsWithoutReplica(t *testing.T) {
	t.Parallel()
	s := open(t, redis.Options{Addresses: addresses(redistest.New(t)), Timeout: 2 * time.Second, Replicas: 1, ReplicaTimeout: time.Second})
	owner := dedup.NewOwner()
	const commits = 1000
	for i := range commits {
		mustClaim(t, s, key(strconv.Itoa(i)), owner)
	}
	var commit sync.WaitGroup
	for i := range commits {
		commit.Go(func() {
			wantReason(t, s.Commit(t.Context(), key(strconv.Itoa(i)), owner, outcome, long), redis.Replicas)
		})
	}
	commit.Wait()
	for i := range commits {
		wantState(t, s, key(strconv.Itoa(i)), dedup.Done)
	}
	redistest.Eventually(t, patient, func(context.Context) error {
		if n := s.CallsUnderWay(); n > 0 {
			return fmt.Errorf("%d calls under way", n)
		}
		return nil
	})
}

func mustClaim(t *testing.T, s *redis.Store, k dedup.Key, owner dedup.Owner) {
	t.Helper()
	if claim, err := s.Claim(t.Context(), k, owner, long); err != nil || !claim.Acquired {
		t.Fatalf("claim = %+v, %v, want it acquired", claim, err)
	}
}

func mustLookup(t *testing.T, s *redis.Store, k dedup.Key) dedup.Record {
	t.Helper()
	record, err := s.Lookup(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func wantState(t *testing.T, s *redis.Store, k dedup.Key, want dedup.State) {
	t.Helper()
	if got := mustLookup(t, s, k).State; got != want {
		t.Errorf("state of %s = %v, want %v", k.ID, got, want)
	}
}
