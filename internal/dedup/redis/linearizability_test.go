package redis_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

var (
	seedFlag   = flag.Uint64("redis.seed", 0, "seed of the linearizability test; 0 draws one")
	faultsFlag = flag.Int("redis.faults", 12, "faults in one history of the linearizability test")
)

const (
	linearGates   = 8                     // each with a store of its own
	linearCallers = 2                     // of each
	linearKeys    = 3                     // in use at a time
	linearEpoch   = 600                   // calls after which others are used, since an abandoned claim ends the life of a key
	faultPause    = 60 * time.Millisecond // between faults
)

// TestLinearizableUnderFaults records what callers at once are told while connections are cut, the server is paused,
// and killed and started again, and asks whether some order of the calls explains every answer. A call that ended with
// a fault may have taken effect, at any later time, or not. The server writes every command to its append-only file
// before it answers, so nothing that was answered may be lost. Records are forgotten by hand only where it is not killed: a server
// that has been is offered the latest outcomes by everyone who made one.
func TestLinearizableUnderFaults(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		faults []string
		lives  [][]string
	}{
		"killed": {everyFault, lives},
		"forget": {slices.DeleteFunc(slices.Clone(everyFault), func(fault string) bool { return fault == "kill" }), append(slices.Clone(lives), []string{"forget"})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			linearizable(t, row.faults, row.lives)
		})
	}
}

func linearizable(t *testing.T, faults []string, lives [][]string) {
	t.Helper()
	h, struck := recordUnderFaults(t, faults, lives, "--appendonly", "yes", "--appendfsync", "always")
	bad := h.bad()
	for id, result := range bad {
		t.Errorf("key %s: %s, want it linearizable", id, result)
	}
	moved, unknown := h.moved.Load(), h.unknown.Load()
	t.Logf("%d keys, %d transitions, %d calls of unknown outcome, faults: %v", len(h.keys), moved, unknown, struck)
	if moved < 25 || unknown == 0 {
		t.Errorf("%d transitions, %d calls hit by faults: nothing was tested", moved, unknown)
	}
}

// TestForgetfulServerIsNoticed shows that the test above can fail: a server that forgets everything and goes on is not
// linearizable.
func TestForgetfulServerIsNoticed(t *testing.T) {
	t.Parallel()
	h, _ := recordUnderFaults(t, []string{"flush data"}, lives, "--appendonly", "no")
	if bad := h.bad(); len(bad) == 0 {
		t.Errorf("all %d keys are linearizable", len(h.keys))
	}
}

func recordUnderFaults(t *testing.T, faults []string, lives [][]string, settings ...string) (*history, map[string]int) {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d; repeat with -redis.seed=%[1]d", seed)
	server := redistest.New(t, settings...)
	h := &history{t: t, seed: seed, lives: lives, keys: make(map[string][]porcupine.Operation)}
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for gate := range linearGates {
		s := open(t, redis.Options{Addresses: addresses(server), Timeout: redis.DefaultTimeout})
		for i := range linearCallers {
			callers.Go(func() { h.run(s, gate*linearCallers+i, stop) })
		}
	}
	counts := h.inflict(server, rand.New(rand.NewPCG(seed, math.MaxUint64)), faults, *faultsFlag)
	close(stop)
	callers.Wait()
	h.lookAtAll(open(t, redis.Options{Addresses: addresses(server)}))
	return h, counts
}

var everyFault = []string{"kill connections", "pause", "kill", "flush scripts"}

// inflict does n things to the server that servers go through.
func (h *history) inflict(server *redistest.Server, rng *rand.Rand, faults []string, n int) map[string]int {
	h.t.Helper()
	counts := map[string]int{}
	for range n {
		<-time.After(faultPause)
		name := faults[rng.IntN(len(faults))]
		if err := inflictOne(server, rng, name); err != nil {
			h.t.Errorf("%s: %v", name, err)
		}
		counts[name]++
	}
	<-time.After(faultPause)
	return counts
}

func inflictOne(server *redistest.Server, rng *rand.Rand, name string) error {
	var err error
	switch name {
	case "kill connections":
		_, err = server.Do(context.Background(), "CLIENT", "KILL", "TYPE", "normal")
	case "flush data":
		_, err = server.Do(context.Background(), "FLUSHALL")
	case "flush scripts":
		_, err = server.Do(context.Background(), "SCRIPT", "FLUSH")
	case "pause":
		server.Pause()
		<-time.After(time.Duration(rng.IntN(400)) * time.Millisecond) // some end before the calls' time-out
		server.Resume()
	case "kill":
		server.Kill()
		err = server.Restart()
	}
	return err
}

// history is what was called and answered, by key.
type history struct {
	t       *testing.T
	seed    uint64
	lives   [][]string
	clock   atomic.Int64
	mu      sync.Mutex
	keys    map[string][]porcupine.Operation
	unknown atomic.Int64 // calls that ended with a fault
	moved   atomic.Int64 // transitions that took place
	epoch   atomic.Int64 // moves everyone on to other keys
}

type linearCall struct {
	op     string
	owner  int
	status int
}

// linearAnswer is what a call returned; unknown when it ended with a fault.
type linearAnswer struct {
	unknown bool
	ok      bool
	state   dedup.State
	status  int
}

// lives are what a caller may do with a key.
var lives = [][]string{
	{"claim", "commit"}, {"claim", "renew", "commit"}, {"claim", "release"}, {"claim", "commit", "commit"}, {"lookup"}, {"claim"},
}

// run calls until stop is closed. Every round has a key's whole life, or a part of it, under a token of its own.
func (h *history) run(s *redis.Store, caller int, stop <-chan struct{}) {
	rng := rand.New(rand.NewPCG(h.seed, uint64(caller)))
	for round := 0; ; round++ {
		token, owner := round*linearGates*linearCallers+caller, dedup.NewOwner()
		id := fmt.Sprintf("%d-%d", h.epoch.Load(), rng.IntN(linearKeys))
		for _, op := range h.lives[rng.IntN(len(h.lives))] {
			select {
			case <-stop:
				return
			default:
			}
			h.record(s, caller, id, owner, linearCall{op, token, 200 + rng.IntN(100)})
		}
	}
}

// record makes a call. Calls of unknown outcome make the search for an order expensive, so everyone goes on with other
// keys after one, and those that cannot matter are left out: what changes nothing, and what was never sent.
func (h *history) record(s *redis.Store, caller int, id string, owner dedup.Owner, c linearCall) {
	start := h.clock.Add(1)
	got, err := linearDo(h.t, s, dedup.Key{Scope: "linear", ID: id}, owner, c)
	end := h.clock.Add(1)
	switch {
	case got.unknown:
		h.epoch.Add(1)
		h.unknown.Add(1)
		if unsent(err) || c.op == "lookup" || c.op == "renew" {
			return
		}
		end = math.MaxInt64
	case got.ok && c.op != "lookup":
		h.moved.Add(1)
	}
	if end%linearEpoch == 0 {
		h.epoch.Add(1)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys[id] = append(h.keys[id], porcupine.Operation{ClientId: caller, Input: c, Call: start, Output: got, Return: end})
}

// lookAtAll ends every key's history with what is known of it after the last fault.
func (h *history) lookAtAll(s *redis.Store) {
	for _, id := range slices.Collect(maps.Keys(h.keys)) {
		h.record(s, linearGates*linearCallers, id, dedup.Owner{}, linearCall{op: "lookup"})
	}
}

func unsent(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op == "dial"
}

func linearDo(t *testing.T, s *redis.Store, key dedup.Key, owner dedup.Owner, c linearCall) (linearAnswer, error) {
	t.Helper()
	ctx := context.Background()
	var a linearAnswer
	var err error
	switch c.op {
	case "claim":
		var claim dedup.Claim
		claim, err = s.Claim(ctx, key, owner, long)
		a = linearAnswer{ok: claim.Acquired, state: claim.Record.State, status: claim.Record.Outcome.Status}
	case "renew":
		err = s.Renew(ctx, key, owner, long)
		a.ok = err == nil
	case "commit":
		err = s.Commit(ctx, key, owner, dedup.Outcome{Status: c.status, At: outcome.At}, long)
		a.ok = err == nil
	case "release":
		err = s.Release(ctx, key, owner)
		a.ok = err == nil
	case "forget":
		a.ok, err = s.Forget(ctx, key)
	default:
		var record dedup.Record
		record, err = s.Lookup(ctx, key)
		a = linearAnswer{ok: err == nil, state: record.State, status: record.Outcome.Status}
	}
	switch _, isFault := errors.AsType[*redis.Error](err); {
	case isFault:
		return linearAnswer{unknown: true}, err
	case err != nil && !errors.Is(err, dedup.ErrNotOwner):
		t.Errorf("%s: %v, which is no fault of the server", c.op, err)
	}
	return a, err
}

// linearState is the model of one key.
type linearState struct {
	state  dedup.State
	owner  int
	status int
}

func (m linearState) step(c linearCall) (linearState, linearAnswer) {
	mine := m.state != dedup.Absent && m.owner == c.owner
	held := mine && m.state == dedup.InFlight
	switch c.op {
	case "claim":
		if m.state == dedup.Absent || held {
			return linearState{dedup.InFlight, c.owner, 0}, linearAnswer{ok: true}
		}
		return m, linearAnswer{state: m.state, status: m.status}
	case "renew":
		return m, linearAnswer{ok: held}
	case "commit":
		if held || m.state == dedup.Absent {
			return linearState{dedup.Done, c.owner, c.status}, linearAnswer{ok: true}
		}
		return m, linearAnswer{ok: mine}
	case "release":
		if held {
			return linearState{}, linearAnswer{ok: true}
		}
		return m, linearAnswer{}
	case "forget":
		if m.state == dedup.Done {
			return linearState{}, linearAnswer{ok: true}
		}
		return m, linearAnswer{}
	default:
		return m, linearAnswer{ok: true, state: m.state, status: m.status}
	}
}

var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, input, output any) (bool, any) {
		next, want := state.(linearState).step(input.(linearCall))
		got := output.(linearAnswer)
		return got.unknown || got == want, next
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// bad returns the verdict on every key whose history no order explains.
func (h *history) bad() map[string]porcupine.CheckResult {
	bad := map[string]porcupine.CheckResult{}
	for id, operations := range h.keys {
		if result, _ := porcupine.CheckOperationsVerbose(linearModel, operations, 20*time.Second); result != porcupine.Ok {
			bad[id] = result
		}
	}
	return bad
}
