package failover

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// field is servers, how a gate is led to them, and what can happen to their primary.
type field struct {
	dedup   string // the gate's option, but for its end
	primary *redistest.Server
	all     []*redistest.Server
	crash   func() // ends with another primary, or the same one restarted
	planned func() // nil: there is nobody to hand over to
}

// pauseLength is how long a primary is paused: longer than a claim may take, shorter than a lease.
const pauseLength = 5 * time.Second

// pause stops the primary for a while.
func (f *field) pause() {
	f.primary.Pause()
	time.Sleep(pauseLength) // what is tested is the pause
	f.primary.Resume()
}

// durable are the settings that docs/redis.md asks for.
func durable(settings []string) []string {
	return append([]string{"--appendonly", "yes", "--appendfsync", "everysec", "--repl-diskless-sync-delay", "0"}, settings...)
}

// single is one server without replicas.
func single(t *testing.T, settings ...string) *field {
	t.Helper()
	s := redistest.New(t, durable(settings)...)
	return &field{dedup: "redis " + s.Addr, primary: s, all: []*redistest.Server{s}, crash: func() {
		s.Kill()
		if err := s.Restart(); err != nil {
			t.Error(err)
		}
	}}
}

// repointed is a primary with two replicas behind one address. The old primary is demoted after its successor was promoted, as by
// whoever minds it, and keeps its connections.
func repointed(t *testing.T, settings ...string) *field {
	t.Helper()
	old := redistest.New(t, durable(settings)...)
	next, other := redistest.NewReplica(t, old, durable(settings)...), redistest.NewReplica(t, old, durable(settings)...)
	p := redistest.NewPointer(t, old)
	follow := func(s, primary *redistest.Server) {
		host, port, _ := net.SplitHostPort(primary.Addr)
		s.Must(t, "REPLICAOF", host, port)
	}
	promote := func() {
		next.Must(t, "REPLICAOF", "NO", "ONE")
		follow(other, next)
		p.To(next)
	}
	return &field{
		dedup: "redis " + p.Addr, primary: old, all: []*redistest.Server{old, next, other},
		crash:   func() { old.Kill(); promote() },
		planned: func() { promote(); follow(old, next) },
	}
}

// sentinel is a primary with two replicas that three Sentinels watch.
func sentinel(t *testing.T, settings ...string) *field {
	t.Helper()
	primary := redistest.New(t, durable(settings)...)
	one, two := redistest.NewReplica(t, primary, durable(settings)...), redistest.NewReplica(t, primary, durable(settings)...)
	watch := redistest.NewSentinels(t, primary, 2, 3)
	var places []string
	for _, s := range watch {
		places = append(places, s.Addr)
	}
	return &field{
		dedup:   "redis " + strings.Join(places, " ") + " {\nsentinel_master " + redistest.MasterSet,
		primary: primary, all: []*redistest.Server{primary, one, two},
		crash:   primary.Kill,
		planned: func() { watch[1].Must(t, "SENTINEL", "FAILOVER", redistest.MasterSet) },
	}
}

// cluster is three primaries with a replica each. Something happens to the first.
func cluster(t *testing.T, _ ...string) *field {
	t.Helper()
	nodes := redistest.NewCluster(t, 3)
	replicas := redistest.AddReplicas(t, nodes)
	return &field{
		dedup: "redis " + nodes[0].Addr + " " + nodes[1].Addr + " " + nodes[2].Addr + " {\ncluster",
		all:   append(nodes, replicas...), primary: nodes[0],
		crash:   nodes[0].Kill,
		planned: func() { replicas[0].Must(t, "CLUSTER", "FAILOVER") },
	}
}
