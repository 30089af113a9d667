package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// demote makes a primary follow another server. Its connections stay.
func demote(t *testing.T, primary, other *redistest.Server) {
	t.Helper()
	host, port, _ := net.SplitHostPort(other.Addr)
	primary.Must(t, "REPLICAOF", host, port)
}

// TestRepointedAddress has the old primary stay on its connections when the address leads to the new one.
func TestRepointedAddress(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]redis.Options{"single": {}, "replicas": {Replicas: 1, ReplicaTimeout: patient}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := redistest.New(t)
			next := redistest.NewReplica(t, old)
			redistest.NewReplica(t, next)
			p := redistest.NewPointer(t, old)
			opts.Addresses = []string{p.Addr}
			s, owner := open(t, opts), dedup.NewOwner()
			mustClaim(t, s, key("claimed"), owner)
			mustDeliver(t, s)
			next.Must(t, "REPLICAOF", "NO", "ONE")
			demote(t, old, next)
			p.To(next)
			wantRecovery(t, s)
			if err := s.Commit(t.Context(), key("claimed"), owner, outcome, long); err != nil {
				t.Error(err)
			}
			if next.Must(t, "EXISTS", "darihook:1:{test/claimed}") != "1" {
				t.Error("the new primary does not have the commit")
			}
		})
	}
}

// TestReconnectionIsChecked has the address lead to a server that must not be used, when the connection is made again.
func TestReconnectionIsChecked(t *testing.T) {
	t.Parallel()
	old, foreign := redistest.New(t), redistest.New(t)
	foreign.Must(t, "SET", "darihook:format", "2")
	p := redistest.NewPointer(t, old)
	s := open(t, redis.Options{Addresses: []string{p.Addr}})
	mustDeliver(t, s)
	p.To(foreign)
	old.Kill()
	redistest.Eventually(t, patient, func(ctx context.Context) error {
		if err := deliver(ctx, s); err == nil || !strings.Contains(err.Error(), `"2"`) {
			return fmt.Errorf("delivered, want the format refused: %w", err)
		}
		return nil
	})
	if keys := foreign.Must(t, "DBSIZE"); keys != "1" {
		t.Errorf("%s keys on a server that must not be used, want its own", keys)
	}
}

// TestNewPrimaryIsOfferedWhatItLacks moves on to a server that has nothing, or has given a key away.
func TestNewPrimaryIsOfferedWhatItLacks(t *testing.T) {
	t.Parallel()
	old, next := redistest.New(t), redistest.New(t)
	p := redistest.NewPointer(t, old)
	log := new(buffer)
	s := open(t, redis.Options{Addresses: []string{p.Addr}, Logger: slog.New(slog.NewTextHandler(log, nil))})
	lost := make(chan dedup.Key, 8)
	for range 2 { // gates of one scope count a loss once
		t.Cleanup(s.OnLoss("test", func(key dedup.Key) { lost <- key }))
	}
	owner := dedup.NewOwner()
	for _, id := range []string{"done", "taken", "forgotten", "in flight", "released"} {
		mustClaim(t, s, key(id), owner)
	}
	for _, id := range []string{"done", "taken", "forgotten"} {
		if err := s.Commit(t.Context(), key(id), owner, outcome, long); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Forget(t.Context(), key("forgotten")); err != nil {
		t.Fatal(err)
	}
	if err := s.Release(t.Context(), key("released"), owner); err != nil {
		t.Fatal(err)
	}
	before := mustLookup(t, s, key("done"))
	mustClaim(t, open(t, redis.Options{Addresses: addresses(next)}), key("taken"), dedup.NewOwner())
	p.To(next)
	demote(t, old, next)
	wantRecovery(t, s)
	for id, want := range map[string]dedup.State{
		"done": dedup.Done, "in flight": dedup.InFlight, "taken": dedup.InFlight, "forgotten": dedup.Absent, "released": dedup.Absent,
	} {
		wantState(t, s, key(id), want)
	}
	if after := mustLookup(t, s, key("done")); after.Outcome != before.Outcome || after.Expires.Sub(before.Expires).Abs() > time.Minute {
		t.Errorf("record = %+v on the new primary, want %+v", after, before)
	}
	if err := s.Commit(t.Context(), key("in flight"), owner, outcome, long); err != nil {
		t.Errorf("commit of a claim that the old primary had: %v", err)
	}
	if len(lost) != 1 || <-lost != key("taken") {
		t.Errorf("%d keys are reported lost, want the one that was given away, once", len(lost))
	}
	for _, says := range []string{"redis primary changed", "outcomes=2", "restored=1", "run_twice=1", "claims=1"} {
		if !strings.Contains(log.String(), says) {
			t.Errorf("the log does not say %s: %s", says, log)
		}
	}
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(text)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// TestPlannedFailoverLosesNothing has three Sentinels hand over to a replica while deliveries are recorded, with no fault of any
// server: every record that was confirmed is there afterwards.
func TestPlannedFailoverLosesNothing(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	redistest.NewReplica(t, primary)
	redistest.NewReplica(t, primary)
	watch := redistest.NewSentinels(t, primary, 2, 3)
	s := open(t, redis.Options{Addresses: addresses(watch...), SentinelMaster: redistest.MasterSet, Timeout: 2 * time.Second})
	wantRecovery(t, s)
	var mu sync.Mutex
	var confirmed []dedup.Key
	stop := make(chan struct{})
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
				owner := dedup.NewOwner()
				k := key(fmt.Sprintf("%x", owner))
				if claim, err := s.Claim(t.Context(), k, owner, long); err != nil || !claim.Acquired {
					continue
				}
				if s.Commit(t.Context(), k, owner, outcome, long) == nil {
					mu.Lock()
					confirmed = append(confirmed, k)
					mu.Unlock()
				}
			}
		})
	}
	watch[1].Must(t, "SENTINEL", "FAILOVER", redistest.MasterSet)
	redistest.Eventually(t, time.Minute, func(ctx context.Context) error { // the old primary has become a replica
		return errors.Join(replicaOf(ctx, primary), agreed(ctx, watch, primary.Addr))
	})
	close(stop)
	senders.Wait()
	lost := slices.DeleteFunc(slices.Clone(confirmed), func(k dedup.Key) bool { return mustLookup(t, s, k).State == dedup.Done })
	if t.Logf("%d records confirmed", len(confirmed)); len(lost) > 0 || len(confirmed) < 50 {
		t.Errorf("%d of %d records are lost, want none of 50 at least", len(lost), len(confirmed))
	}
}

// replicaOf reports whether a server has still to be demoted.
func replicaOf(ctx context.Context, s *redistest.Server) error {
	text, err := s.Do(ctx, "INFO", "replication")
	if err == nil && !strings.Contains(text, "role:slave") {
		err = errors.New("still a primary")
	}
	return err
}

// agreed reports whether a Sentinel names a primary that it should not.
func agreed(ctx context.Context, watch []*redistest.Server, old string) error {
	for _, sentinel := range watch {
		text, err := sentinel.Do(ctx, "INFO", "sentinel")
		if err == nil && strings.Contains(text, "address="+old+",") {
			err = errors.New("a Sentinel still names the old primary")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
