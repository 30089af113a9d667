package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/deduptest"
)

// TestPowerLoss cuts the power, in memory, while commits are under way: what was not synced is lost in part. Every commit
// that was acknowledged before must be there afterwards, and none that was not tried.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 20 {
		files := vfs.NewCrashableMem()
		c := commitMany(t, startIn(t, files), 8)
		acknowledged := c.await(1 + rng.IntN(300))
		after := files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		tried := c.end()
		checkAfterPowerLoss(t, startIn(t, after), round, acknowledged, tried)
	}
}

// TestLinearizableAcrossPowerLosses has callers at once use a machine that loses its power time and again.
func TestLinearizableAcrossPowerLosses(t *testing.T) {
	t.Parallel()
	for range 5 {
		if err := deduptest.PowerLosses(t, &machine{t: t, files: vfs.NewCrashableMem()}); err != nil {
			t.Errorf("%v, want it linearizable", err)
		}
	}
}

// TestForgetfulMachineIsNoticed shows that the test above can fail: a machine that comes back empty is not linearizable. One
// history in ten has nothing in it that such a machine could forget.
func TestForgetfulMachineIsNoticed(t *testing.T) {
	t.Parallel()
	for range 20 {
		if deduptest.PowerLosses(t, &machine{t: t, files: vfs.NewCrashableMem(), forgetful: true}) != nil {
			return
		}
	}
	t.Error("20 histories are linearizable")
}

// machine has its disk in memory.
type machine struct {
	t         *testing.T
	files     *vfs.MemFS
	forgetful bool // everything goes with the power
}

// Start implements [deduptest.Machine].
func (m *machine) Start() dedup.Store { return startIn(m.t, m.files) }

// LosePower implements [deduptest.Machine].
func (m *machine) LosePower(rng *rand.Rand) {
	if m.forgetful {
		m.files = vfs.NewCrashableMem()
		return
	}
	m.files = m.files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
}

func checkAfterPowerLoss(t *testing.T, s *Store, round int, acknowledged, tried map[string]bool) {
	t.Helper()
	records, err := s.Recent(t.Context(), "many", len(tried)+1)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, record := range records {
		shown[record.Key.ID] = true
		if !tried[record.Key.ID] {
			t.Errorf("round %d: %s shown, never tried", round, record.Key.ID)
		}
	}
	for id := range acknowledged {
		if !shown[id] {
			t.Errorf("round %d: %s acknowledged, not shown", round, id)
		}
	}
	if got := s.Stats().Done; got != int64(len(records)) {
		t.Errorf("round %d: store counts %d records, shows %d", round, got, len(records))
	}
}

// startIn opens a store whose engine has the file system to itself.
func startIn(t *testing.T, files vfs.FS) *Store {
	t.Helper()
	opts := Options{files: files, MinFree: -1, MaxIDs: DefaultMaxIDs, retry: retryInterval}
	s := newStore(".", opts)
	s.keeper.open = func() (*session, error) {
		e, err := openEngine("records", engineOptions{files: files, log: s.keeper.log})
		if err != nil {
			return nil, err
		}
		return s.keeper.begin(e, newSpace(".", opts), nil)
	}
	if err := s.keeper.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// sessionOf returns what an available store works with.
func sessionOf(t *testing.T, s *Store) *session {
	t.Helper()
	now, err := s.keeper.running()
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// commits are what many writers have committed so far.
type commits struct {
	writers             sync.WaitGroup
	stop                atomic.Bool
	mu                  sync.Mutex
	grown               *sync.Cond
	tried, acknowledged map[string]bool
}

// commitMany has so many writers commit one key after the other until the end.
func commitMany(t *testing.T, s *Store, writers int) *commits {
	c := &commits{tried: map[string]bool{}, acknowledged: map[string]bool{}}
	c.grown = sync.NewCond(&c.mu)
	for w := range writers {
		c.writers.Go(func() {
			for i := 0; !c.stop.Load(); i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				c.add(c.tried, id)
				if err := commitOne(t, s, dedup.Key{Scope: "many", ID: id}, time.Hour); err != nil {
					t.Errorf("committing: %v", err)
				}
				c.add(c.acknowledged, id)
			}
		})
	}
	return c
}

func (c *commits) add(to map[string]bool, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	to[id] = true
	c.grown.Broadcast()
}

// await returns what was acknowledged once that is at least n.
func (c *commits) await(n int) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.acknowledged) < n {
		c.grown.Wait()
	}
	return maps.Clone(c.acknowledged)
}

// end stops the writers and returns what was tried.
func (c *commits) end() map[string]bool {
	c.stop.Store(true)
	c.writers.Wait()
	return c.tried
}

func commitOne(t *testing.T, s *Store, key dedup.Key, ttl time.Duration) error {
	owner := dedup.NewOwner()
	if _, err := s.Claim(t.Context(), key, owner, time.Hour); err != nil {
		return err
	}
	return s.Commit(t.Context(), key, owner, dedup.Outcome{Status: 200, At: time.Now()}, ttl)
}
