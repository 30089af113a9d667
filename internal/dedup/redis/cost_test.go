package redis_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// commands is how many commands of a name the server has run for clients and scripts.
func commands(t *testing.T, server *redistest.Server, name string) int {
	t.Helper()
	found := regexp.MustCompile(`cmdstat_` + name + `:calls=(\d+)`).FindStringSubmatch(server.Must(t, "INFO", "commandstats"))
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeliveryCostsTwoRoundTrips(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	mustDeliver(t, s) // loads the scripts
	before, read := commands(t, server, "evalsha"), commands(t, server, "eval")
	const deliveries = 50
	for range deliveries {
		mustDeliver(t, s)
	}
	if n := commands(t, server, "evalsha") - before; n != 2*deliveries {
		t.Errorf("%d script calls for %d deliveries, want two each", n, deliveries)
	}
	if n := commands(t, server, "eval") - read; n != 0 {
		t.Errorf("%d scripts sent again, want none", n)
	}
}

func TestWaitersShareOnePoll(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s, other := open(t, redis.Options{Addresses: addresses(server)}), open(t, redis.Options{Addresses: addresses(server)})
	owner := dedup.NewOwner()
	if _, err := other.Claim(t.Context(), key("a"), owner, long); err != nil {
		t.Fatal(err)
	}
	before := commands(t, server, "evalsha")
	var waiters sync.WaitGroup
	for range 200 {
		waiters.Go(func() {
			if err := s.Wait(t.Context(), key("a")); err != nil {
				t.Error(err)
			}
		})
	}
	<-time.After(time.Second)
	polls := commands(t, server, "evalsha") - before
	if polls < 2 || polls > 15 {
		t.Errorf("%d polls in about a second, want 4 to 10, however many wait", polls)
	}
	start := time.Now()
	if err := other.Commit(t.Context(), key("a"), owner, outcome, long); err != nil {
		t.Fatal(err)
	}
	waiters.Wait()
	if took := time.Since(start); took > 250*time.Millisecond+slack {
		t.Errorf("woken after %v, want a quarter of a second at most", took)
	}
}

// TestWaitInOneProcessNeedsNoPoll ends the claim in the process of the waiters: they wake without asking again.
func TestWaitInOneProcessNeedsNoPoll(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	owner := dedup.NewOwner()
	if _, err := s.Claim(t.Context(), key("a"), owner, long); err != nil {
		t.Fatal(err)
	}
	woken := make(chan error, 1)
	go func() { woken <- s.Wait(context.Background(), key("a")) }()
	redistest.Eventually(t, patient, func(context.Context) error {
		if s.Polls() == 0 {
			return fmt.Errorf("nobody waits")
		}
		return nil
	})
	if err := s.Release(t.Context(), key("a"), owner); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; err != nil {
		t.Error(err)
	}
	redistest.Eventually(t, patient, func(context.Context) error {
		if n := s.Polls(); n != 0 {
			return fmt.Errorf("%d polls left behind", n)
		}
		return nil
	})
}

func TestRecentKeepsTheNewest(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s, other := open(t, redis.Options{Addresses: addresses(server)}), open(t, redis.Options{Addresses: addresses(server)})
	const deliveries = 2500
	for range deliveries {
		mustDeliver(t, s)
	}
	if _, err := s.Recent(t.Context(), "test", 1); err != nil { // writes what was collected
		t.Fatal(err)
	}
	records, err := other.Recent(t.Context(), "test", deliveries)
	if err != nil || len(records) != 1000 {
		t.Errorf("%d records, %v, want the index's bound of 1000", len(records), err)
	}
}

// TestMemoryPerID holds docs/redis.md to what it says about the size of an id.
func TestMemoryPerID(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	used := func() int {
		found := regexp.MustCompile(`used_memory:(\d+)`).FindStringSubmatch(server.Must(t, "INFO", "memory"))
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mustDeliver(t, s)
	const ids = 64_000
	before, owner := used(), dedup.NewOwner()
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := range ids / 8 {
				k := dedup.Key{Scope: "dari", ID: fmt.Sprintf("evt_%032x", w<<32+i)}
				if _, err := s.Claim(t.Context(), k, owner, long); err != nil {
					t.Error(err)
				}
				if err := s.Commit(t.Context(), k, owner, outcome, 72*time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	per := (used() - before) / ids
	t.Logf("%d bytes for an id of 36 bytes", per)
	if per < 100 || per > 300 {
		t.Errorf("%d bytes per id, want about 200", per)
	}
}
