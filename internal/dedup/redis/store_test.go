package redis_test

import (
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/deduptest"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// patient is the time-out of tests that are not about it: the machine may be busy with others.
const patient = 10 * time.Second

func open(tb testing.TB, opts redis.Options) *redis.Store {
	tb.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = patient
	}
	s, err := redis.Open(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func addresses(servers ...*redistest.Server) []string {
	var all []string
	for _, s := range servers {
		all = append(all, s.Addr)
	}
	return all
}

func behaviour(t *testing.T, opts redis.Options) {
	t.Helper()
	deduptest.Run(t, deduptest.Backend{
		Open: func(tb testing.TB) dedup.Store { tb.Helper(); return open(tb, opts) },
		Unit: time.Second, // the machine may be busy with others
	})
}

func TestBehaviourSingle(t *testing.T) {
	t.Parallel()
	behaviour(t, redis.Options{Addresses: addresses(redistest.New(t))})
}

func TestBehaviourCluster(t *testing.T) {
	t.Parallel()
	behaviour(t, redis.Options{Addresses: addresses(redistest.NewCluster(t, 3)...), Cluster: true})
}

func TestBehaviourSentinel(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	redistest.NewReplica(t, primary)
	sentinel := redistest.NewSentinel(t, primary, 1)
	behaviour(t, redis.Options{Addresses: addresses(sentinel), SentinelMaster: redistest.MasterSet})
}

func TestBehaviourReplicated(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	redistest.NewReplica(t, primary)
	behaviour(t, redis.Options{Addresses: addresses(primary), Replicas: 1, ReplicaTimeout: patient})
}
