package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	slots = 16384
	// settle is how long a group of servers may take to agree.
	settle = 30 * time.Second
	// sentinelMode as the first argument makes the process a Sentinel.
	sentinelMode = "sentinel"
)

// NewCluster starts a Cluster of n primaries without replicas and returns when all of them serve.
func NewCluster(tb testing.TB, n int) []*Server {
	tb.Helper()
	nodes := make([]*Server, n)
	for i := range nodes {
		nodes[i] = New(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		first, last := i*slots/n, (i+1)*slots/n-1
		nodes[i].Must(tb, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		nodes[i].Must(tb, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, node := range nodes[1:] {
		host, port, _ := net.SplitHostPort(node.Addr)
		nodes[0].Must(tb, "CLUSTER", "MEET", host, port, node.setting("--cluster-port"))
	}
	for _, node := range nodes {
		Eventually(tb, settle, func(ctx context.Context) error {
			return contains(ctx, node, []string{"CLUSTER", "INFO"}, "cluster_state:ok", fmt.Sprintf("cluster_known_nodes:%d", n))
		})
	}
	return nodes
}

// AddReplicas gives every primary of a Cluster a replica, and returns those once they are in step.
func AddReplicas(tb testing.TB, primaries []*Server) []*Server {
	tb.Helper()
	host, port, _ := net.SplitHostPort(primaries[0].Addr)
	replicas := make([]*Server, len(primaries))
	for i, primary := range primaries {
		replicas[i] = New(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--repl-diskless-sync-delay", "0")
		replicas[i].Must(tb, "CLUSTER", "MEET", host, port, primaries[0].setting("--cluster-port"))
		id := primary.Must(tb, "CLUSTER", "MYID")
		Eventually(tb, settle, func(ctx context.Context) error { // until it has heard of the primary
			_, err := replicas[i].Do(ctx, "CLUSTER", "REPLICATE", id)
			return err
		})
	}
	for _, replica := range replicas {
		Eventually(tb, settle, func(ctx context.Context) error {
			return errors.Join(contains(ctx, replica, []string{"INFO", "replication"}, "master_link_status:up"),
				contains(ctx, replica, []string{"CLUSTER", "INFO"}, "cluster_state:ok", fmt.Sprintf("cluster_known_nodes:%d", 2*len(primaries))))
		})
	}
	return replicas
}

func (s *Server) setting(name string) string {
	for i, arg := range s.args {
		if arg == name {
			return s.args[i+1]
		}
	}
	return ""
}

// NewReplica starts a replica of the primary and returns when it is in step.
func NewReplica(tb testing.TB, primary *Server, args ...string) *Server {
	tb.Helper()
	host, port, _ := net.SplitHostPort(primary.Addr)
	replica := New(tb, append([]string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"}, args...)...)
	Eventually(tb, settle, func(ctx context.Context) error {
		return contains(ctx, replica, []string{"INFO", "replication"}, "master_link_status:up")
	})
	return replica
}

// MasterSet is the name of the master set that NewSentinel watches.
const MasterSet = "darihook"

// NewSentinel starts one Sentinel over the primary, with a quorum of one, and returns when it knows the replicas.
func NewSentinel(tb testing.TB, primary *Server, replicas int) *Server {
	tb.Helper()
	return NewSentinels(tb, primary, replicas, 1)[0]
}

// NewSentinels starts Sentinels over the primary, with a quorum of their majority, and returns when they know the replicas and each
// other.
func NewSentinels(tb testing.TB, primary *Server, replicas, n int) []*Server {
	tb.Helper()
	all := make([]*Server, n)
	for i := range all {
		s, err := startSentinel(tb.TempDir(), primary, n/2+1)
		all[i] = started(tb, s, err)
	}
	for _, s := range all {
		Eventually(tb, settle, func(ctx context.Context) error {
			return contains(ctx, s, []string{"INFO", "sentinel"}, fmt.Sprintf("slaves=%d,sentinels=%d", replicas, n))
		})
	}
	return all
}

func startSentinel(dir string, primary *Server, quorum int) (*Server, error) {
	ports, err := FreePorts(1)
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(primary.Addr)
	config := strings.Join([]string{
		"bind 127.0.0.1",
		"port " + strconv.Itoa(ports[0]),
		fmt.Sprintf("sentinel monitor %s %s %s %d", MasterSet, host, port, quorum),
		"sentinel down-after-milliseconds " + MasterSet + " 300",
		"sentinel failover-timeout " + MasterSet + " 2000",
	}, "\n")
	if err := os.WriteFile(filepath.Join(dir, "sentinel.conf"), []byte(config+"\n"), 0o600); err != nil {
		return nil, err
	}
	s := &Server{Addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), dir: dir, args: []string{sentinelMode}}
	return s, s.run()
}

// contains reports which of the texts the command's answer lacks.
func contains(ctx context.Context, s *Server, command []string, texts ...string) error {
	answer, err := s.Do(ctx, command...)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if !strings.Contains(answer, text) {
			return fmt.Errorf("%v lacks %q", command, text)
		}
	}
	return nil
}

// Eventually calls f until it returns nil, and ends the test with its last error when that takes longer than limit.
func Eventually(tb testing.TB, limit time.Duration, f func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-time.After(4 * pollInterval):
		case <-ctx.Done():
			tb.Fatalf("not within %v: %v", limit, err)
		}
	}
}
