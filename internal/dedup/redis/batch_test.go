package redis

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// TestBatch carries out many claims at once: every one gets its own answer, also from a server that has forgotten the
// scripts, or is gone.
func TestBatch(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		before func(*testing.T, *redistest.Server)
		fails  bool
	}{
		{"ok/scripts known", func(*testing.T, *redistest.Server) {}, false},
		{"ok/scripts forgotten", func(t *testing.T, server *redistest.Server) { server.Must(t, "SCRIPT", "FLUSH") }, false},
		{"fail/server gone", func(_ *testing.T, server *redistest.Server) { server.Kill() }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.New(t)
			s, taken := openBatched(t, server), dedup.NewOwner()
			for i := 0; i < batchSize; i += 2 {
				if _, err := s.Claim(t.Context(), batchKey(i), taken, time.Minute); err != nil {
					t.Fatal(err)
				}
			}
			row.before(t, server)
			for i, r := range runBatch(s, dedup.NewOwner()) {
				if (r.err != nil) != row.fails {
					t.Fatalf("call %d: %v, want an error: %t", i, r.err, row.fails)
				}
				if r.err != nil {
					continue
				}
				record, err := decode(batchKey(i), r.value.RedisMessage)
				want := map[bool]dedup.State{true: dedup.InFlight, false: dedup.Absent}[i%2 == 0]
				if err != nil || record.State != want {
					t.Errorf("call %d: %v, %v, want %v", i, record.State, err, want)
				}
			}
			if n := s.CallsUnderWay(); n != 0 {
				t.Errorf("%d slots are taken afterwards, want none", n)
			}
		})
	}
}

// TestBatchIsReadAtOnce counts how often the server reads for a batch.
func TestBatchIsReadAtOnce(t *testing.T) {
	t.Parallel()
	server := redistest.New(t)
	s := openBatched(t, server)
	if _, err := s.Claim(t.Context(), dedup.Key{Scope: "first", ID: "a"}, dedup.NewOwner(), time.Minute); err != nil {
		t.Fatal(err)
	}
	before := reads(t, server)
	runBatch(s, dedup.NewOwner())
	if n := reads(t, server) - before; n > batchSize/10 {
		t.Errorf("%d reads for %d calls, want a few", n, batchSize)
	}
}

// TestFullBatch joins more calls than a batch takes.
func TestFullBatch(t *testing.T) {
	t.Parallel()
	s := openBatched(t, redistest.New(t))
	results := make(chan result[reply], 2*batchSize+1)
	for i := range cap(results) {
		s.slots <- struct{}{}
		s.batches.join(batchCall(i, dedup.NewOwner(), results))
		if n := len(s.batches.openCalls()); n > batchSize {
			t.Fatalf("%d calls in a batch, want at most %d", n, batchSize)
		}
	}
	for range cap(results) {
		if r := <-results; r.err != nil {
			t.Error(r.err)
		}
	}
}

func (b *batches) openCalls() []*scriptCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return nil
	}
	return b.open.calls
}

func openBatched(t *testing.T, server *redistest.Server) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Addresses: []string{server.Addr}, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func batchKey(i int) dedup.Key { return dedup.Key{Scope: "batch", ID: strconv.Itoa(i)} }

func batchCall(i int, owner dedup.Owner, results chan<- result[reply]) *scriptCall {
	return &scriptCall{claimScript, keyName(batchKey(i)), []string{claimValue(owner), "60000"}, results}
}

// runBatch claims batchSize keys in one batch, and returns the answers in their order.
func runBatch(s *Store, owner dedup.Owner) []result[reply] {
	var x batch
	answers := make([]chan result[reply], batchSize)
	for i := range answers {
		answers[i] = make(chan result[reply], 1)
		s.slots <- struct{}{}
		x.calls = append(x.calls, batchCall(i, owner, answers[i]))
	}
	s.batches.run(&x)
	results := make([]result[reply], batchSize)
	for i, answer := range answers {
		results[i] = <-answer
	}
	return results
}

// reads is how often the server has read from its clients.
func reads(t *testing.T, server *redistest.Server) int {
	t.Helper()
	var n int
	found := regexp.MustCompile(`total_reads_processed:(\d+)`).FindStringSubmatch(server.Must(t, "INFO", "stats"))
	if found == nil {
		t.Fatal("the server does not count its reads")
	}
	if _, err := fmt.Sscan(found[1], &n); err != nil {
		t.Fatal(err)
	}
	return n
}
