package redis_test

import (
	"context"
	"errors"
	"fmt"
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

var outcome = dedup.Outcome{Status: 200, At: time.UnixMilli(1_790_000_000_123)}

const long = time.Hour

func key(id string) dedup.Key { return dedup.Key{Scope: "test", ID: id} }

func wantReason(t *testing.T, err error, want redis.Reason) {
	t.Helper()
	if e, ok := errors.AsType[*redis.Error](err); !ok || e.Reason != want {
		t.Errorf("error = %v, want one of reason %s", err, want)
	}
}

// deliver takes a fresh key from claim to commit.
func deliver(ctx context.Context, s *redis.Store) error {
	owner := dedup.NewOwner()
	k := key(fmt.Sprintf("%x", owner))
	claim, err := s.Claim(ctx, k, owner, long)
	switch {
	case err != nil:
		return err
	case !claim.Acquired:
		return fmt.Errorf("fresh key not acquired: %+v", claim.Record)
	}
	return s.Commit(ctx, k, owner, outcome, long)
}

func mustDeliver(t *testing.T, s *redis.Store) {
	t.Helper()
	if err := deliver(t.Context(), s); err != nil {
		t.Error(err)
	}
}

func wantRecovery(t *testing.T, s *redis.Store) {
	t.Helper()
	start := time.Now()
	redistest.Eventually(t, 20*time.Second, func(ctx context.Context) error { return deliver(ctx, s) })
	t.Logf("recovered after %v", time.Since(start).Round(time.Millisecond))
}

// slack is what a busy machine may add to a bounded answer.
const slack = 500 * time.Millisecond

// wantBounded makes every call and wants each to end with a fault in time.
func wantBounded(t *testing.T, s *redis.Store, timeout time.Duration, reasons ...redis.Reason) {
	t.Helper()
	owner := dedup.NewOwner()
	calls := map[string]func() error{
		"claim":   func() error { _, err := s.Claim(t.Context(), key("a"), owner, long); return err },
		"renew":   func() error { return s.Renew(t.Context(), key("a"), owner, long) },
		"commit":  func() error { return s.Commit(t.Context(), key("a"), owner, outcome, long) },
		"release": func() error { return s.Release(t.Context(), key("a"), owner) },
		"lookup":  func() error { _, err := s.Lookup(t.Context(), key("a")); return err },
		"forget":  func() error { _, err := s.Forget(t.Context(), key("a")); return err },
		"recent":  func() error { _, err := s.Recent(t.Context(), "test", 10); return err },
		"wait":    func() error { return s.Wait(t.Context(), key("a")) },
	}
	for name, call := range calls {
		start := time.Now()
		err := call()
		t.Logf("%s answered after %v", name, time.Since(start).Round(100*time.Microsecond))
		if took := time.Since(start); took > timeout+slack {
			t.Errorf("%s took %v, want about %v at most", name, took, timeout)
		}
		e, ok := errors.AsType[*redis.Error](err)
		if !ok || !slices.Contains(reasons, e.Reason) {
			t.Errorf("%s: %v, want one of %v", name, err, reasons)
		}
	}
}

func TestPausedServerAnswersInTime(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server), Timeout: redis.DefaultTimeout})
	wantRecovery(t, s) // the first answer may be late on a busy machine
	server.Pause()
	for range 3 { // from before and from after the connection is given up
		wantBounded(t, s, redis.DefaultTimeout, redis.Timeout, redis.Unreachable)
	}
	server.Resume()
	wantRecovery(t, s)
}

// TestCallersDeadline comes before the store's, and is reported alike.
func TestCallersDeadline(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server), Timeout: patient})
	mustDeliver(t, s)
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := s.Claim(ctx, key("a"), dedup.NewOwner(), long)
	wantReason(t, err, redis.Timeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the caller's own error too", err)
	}
	server.Resume()
}

func TestDeadServerAnswersInTimeAndIsFoundAgain(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server), Timeout: redis.DefaultTimeout})
	wantRecovery(t, s) // the first answer may be late on a busy machine
	server.Kill()
	wantBounded(t, s, redis.DefaultTimeout, redis.Unreachable)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	wantRecovery(t, s)
}

func TestServerMayBeAwayAtStart(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	server.Kill()
	s := open(t, redis.Options{Addresses: addresses(server), Timeout: redis.DefaultTimeout})
	wantBounded(t, s, redis.DefaultTimeout, redis.Unreachable)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	wantRecovery(t, s)
}

// TestWrongServerFoundLater has a server come up that must not be used.
func TestWrongServerFoundLater(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always")
	server.Must(t, "SET", "darihook:format", "2")
	server.Kill()
	s := open(t, redis.Options{Addresses: addresses(server)})
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, 10*time.Second, func(ctx context.Context) error {
		if err := deliver(ctx, s); err == nil || !strings.Contains(err.Error(), `"2"`) {
			return fmt.Errorf("delivered, want the format refused: %w", err)
		}
		return nil
	})
	server.Must(t, "DEL", "darihook:format")
	wantRecovery(t, s)
}

// blackHole accepts connections and never answers.
func blackHole(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return l.Addr().String()
}

func TestBlackHoleAnswersInTime(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]redis.Options{
		"single":   {},
		"cluster":  {Cluster: true},
		"sentinel": {SentinelMaster: redistest.MasterSet},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts.Addresses, opts.Timeout = []string{blackHole(t)}, redis.DefaultTimeout
			start := time.Now()
			s := open(t, opts)
			if took := time.Since(start); took > 4*opts.Timeout+slack {
				t.Errorf("open took %v", took)
			}
			wantBounded(t, s, opts.Timeout, redis.Timeout, redis.Unreachable)
		})
	}
}

// TestStormAtPausedServer has far more calls than the client's queues hold.
func TestStormAtPausedServer(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server), Timeout: redis.DefaultTimeout, MaxCalls: 1 << 16})
	wantRecovery(t, s)
	server.Pause()
	const callers = 10_000
	took := make(chan time.Duration, callers)
	for range callers {
		go func() {
			start := time.Now()
			_, err := s.Claim(context.Background(), key("a"), dedup.NewOwner(), long)
			if err == nil {
				t.Error("claimed on a paused server")
			}
			took <- time.Since(start)
		}()
	}
	var slowest time.Duration
	for range callers {
		slowest = max(slowest, <-took)
	}
	if slowest > redis.DefaultTimeout+4*slack {
		t.Errorf("slowest answer took %v", slowest)
	}
	server.Resume()
	wantRecovery(t, s)
}

func TestFlushedScriptsAreSentAgain(t *testing.T) {
	t.Parallel()
	primary := redistest.New(t)
	redistest.NewReplica(t, primary)
	for _, replicas := range []int{0, 1} {
		s := open(t, redis.Options{Addresses: addresses(primary), Replicas: replicas, ReplicaTimeout: patient})
		for range 3 {
			mustDeliver(t, s)
			primary.Must(t, "SCRIPT", "FLUSH")
		}
		owner := dedup.NewOwner()
		if _, err := s.Claim(t.Context(), key("a"), owner, long); err != nil {
			t.Fatal(err)
		}
		for _, step := range []func() error{
			func() error { return s.Renew(t.Context(), key("a"), owner, long) },
			func() error { _, err := s.Lookup(t.Context(), key("a")); return err },
			func() error { return s.Release(t.Context(), key("a"), owner) },
			func() error { _, err := s.Forget(t.Context(), key("a")); return err },
		} {
			primary.Must(t, "SCRIPT", "FLUSH")
			if err := step(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	owner := dedup.NewOwner()
	for _, id := range []string{"committed", "released", "renewed"} {
		if _, err := s.Claim(t.Context(), key(id), owner, long); err != nil {
			t.Fatal(err)
		}
	}
	server.Must(t, "CONFIG", "SET", "maxmemory", "1")
	_, err := s.Claim(t.Context(), key("new"), owner, long)
	wantReason(t, err, redis.OutOfMemory)
	if !errors.Is(err, dedup.ErrFull) {
		t.Errorf("claim: %v, want ErrFull", err)
	}
	// What ends a claim must still be recorded: the receiver's success is a fact.
	for name, err := range map[string]error{
		"commit":  s.Commit(t.Context(), key("committed"), owner, outcome, long),
		"release": s.Release(t.Context(), key("released"), owner),
		"renew":   s.Renew(t.Context(), key("renewed"), owner, long),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Must(t, "CONFIG", "SET", "maxmemory", "0")
	mustDeliver(t, s)
}

func TestDemotedServer(t *testing.T) {
	t.Parallel()
	primary, other := redistest.New(t), redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(primary)})
	mustDeliver(t, s)
	host, port, _ := net.SplitHostPort(other.Addr)
	primary.Must(t, "REPLICAOF", host, port)
	_, err := s.Claim(t.Context(), key("a"), dedup.NewOwner(), long)
	wantReason(t, err, redis.ReadOnly)
	_, err = s.Check(t.Context())
	wantReason(t, err, redis.ReadOnly)
	primary.Must(t, "REPLICAOF", "NO", "ONE")
	wantRecovery(t, s)
}

func TestLoadingServer(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, "--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes",
		"--loading-process-events-interval-bytes", "1024")
	server.Must(t, "DEBUG", "POPULATE", "20000")
	server.Must(t, "BGREWRITEAOF")
	redistest.Eventually(t, 10*time.Second, func(ctx context.Context) error {
		text, err := server.Do(ctx, "INFO", "persistence")
		if err == nil && (!strings.Contains(text, "aof_rewrite_in_progress:0") || !strings.Contains(text, "aof_rewrite_scheduled:0")) {
			err = errors.New("rewriting")
		}
		return err
	})
	s := open(t, redis.Options{Addresses: addresses(server)})
	mustDeliver(t, s)
	server.Kill()
	if err := server.Restart("--key-load-delay", "150"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Claim(t.Context(), key("a"), dedup.NewOwner(), long)
	wantReason(t, err, redis.Loading)
	wantRecovery(t, s)
}

func TestCloseEndsCallsUnderWay(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := open(t, redis.Options{Addresses: addresses(server)})
	mustDeliver(t, s)
	server.Pause()
	ended := make(chan error)
	for range 8 {
		go func() {
			_, err := s.Claim(context.Background(), key("a"), dedup.NewOwner(), long)
			ended <- err
		}()
	}
	redistest.Eventually(t, patient, func(context.Context) error {
		if n := s.CallsUnderWay(); n < 8 {
			return fmt.Errorf("%d calls under way", n)
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for range 8 {
		if err := <-ended; !errors.Is(err, dedup.ErrClosed) {
			t.Errorf("call under way: %v, want ErrClosed", err)
		}
	}
	server.Resume()
}

// TestCallerWhoGoesAwayHurtsNobody has callers go away while connections are being made: the others wait for the same
// ones.
func TestCallerWhoGoesAwayHurtsNobody(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	for range 60 {
		s := open(t, redis.Options{Addresses: addresses(server)})
		var callers sync.WaitGroup
		for i := range 16 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
				defer cancel()
				if err := deliver(ctx, s); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("hasty delivery: %v", err)
				}
			})
			callers.Go(func() { mustDeliver(t, s) })
		}
		callers.Wait()
	}
}
