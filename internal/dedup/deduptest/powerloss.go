package deduptest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/darihook/darihook/internal/dedup"
)

// Machine is what an embedded store runs on, and what can lose its power.
type Machine interface {
	// Start opens the store with what is on the disk.
	Start() dedup.Store
	// LosePower takes away what is not durable at this moment. The store that runs may go on, and what it does from now on
	// has never been.
	LosePower(rng *rand.Rand)
}

const (
	lives         = 6   // of a machine in one history
	callsOfALife  = 150 // after which it loses its power
	afterPowerOff = 20  // calls that are let go on after that
)

// PowerLosses records what callers at once are answered while a machine loses its power time and again, and asks whether
// some order of the calls explains every answer: claims end with the power, and what was answered as done stays. A call
// that was under way at that moment may have taken effect or not. The error tells the seed of what no order explains.
func PowerLosses(t *testing.T, m Machine) error {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d; repeat with -dedup.seed=%[1]d", seed)
	h := &powerHistory{scope: newScope(), rng: rand.New(rand.NewPCG(seed, math.MaxUint64))}
	for range historyOwners {
		h.owners = append(h.owners, dedup.NewOwner())
	}
	for life := range uint64(lives) {
		h.live(t, m, seed, life)
	}
	if h.hit == 0 {
		t.Error("no call was under way at any loss: nothing was tested")
	}
	if result := porcupine.CheckOperationsTimeout(powerModel, h.all, time.Minute); result != porcupine.Ok {
		return fmt.Errorf("seed %d: %s", seed, result)
	}
	return nil
}

// powerHistory is what happened over the lives of a machine.
type powerHistory struct {
	scope  string
	owners []dedup.Owner
	rng    *rand.Rand
	clock  atomic.Int64
	all    []porcupine.Operation
	hit    int // calls that were under way at a loss
}

// opLoss is no call: the key's claim, if there is one, ends.
const opLoss = ops + 1

// unknown is the output of a call whose answer does not count.
type unknown struct{}

// live has callers use a machine until it has lost its power.
func (h *powerHistory) live(t *testing.T, m Machine, seed, life uint64) {
	s := &subject{TB: t, Store: m.Start()}
	calls := make([][]porcupine.Operation, historyCallers)
	var made, over atomic.Int64
	enough := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range historyCallers {
		rng := rand.New(rand.NewPCG(seed, life*historyCallers+uint64(caller)))
		callers.Go(func() {
			for over.Load() == 0 || made.Load() < over.Load() {
				c := randomCall(rng)
				start := h.clock.Add(1)
				got := s.do(h.scope, h.owners, c)
				calls[caller] = append(calls[caller], porcupine.Operation{
					ClientId: caller, Input: c, Call: start, Output: got, Return: h.clock.Add(1),
				})
				if made.Add(1) == callsOfALife {
					close(enough)
				}
			}
		})
	}
	<-enough
	before := h.clock.Add(1)
	m.LosePower(h.rng)
	after := h.clock.Add(1)
	over.Store(made.Load() + afterPowerOff)
	callers.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("closing the store of a machine without power: %v", err)
	}
	h.add(calls, before, after)
}

// add takes over the calls of a life: those that began after its end have never been, and what those that were under way
// were answered does not count.
func (h *powerHistory) add(calls [][]porcupine.Operation, before, after int64) {
	ids := map[string]bool{}
	for _, of := range calls {
		for _, o := range of {
			ids[o.Input.(call).id] = true
			switch {
			case o.Return < before:
				h.all = append(h.all, o)
			case o.Call < after:
				h.hit++
				o.Output, o.Return = unknown{}, after
				h.all = append(h.all, o)
			}
		}
	}
	for id := range ids {
		h.all = append(h.all, porcupine.Operation{
			ClientId: historyCallers, Input: call{op: opLoss, id: id}, Call: before, Output: unknown{}, Return: after,
		})
	}
}

// powerModel judges every key's history apart, like linearModel, with losses and calls of which nobody knows.
var powerModel = (&porcupine.NondeterministicModel{
	Partition: linearModel.Partition,
	Init:      func() []any { return []any{model{}} },
	Step: func(state, input, output any) []any {
		m, c := state.(model), input.(call)
		if c.op == opLoss {
			if m.state == dedup.InFlight {
				m = model{}
			}
			return []any{m}
		}
		next, want := m.step(c, 0)
		switch output {
		case unknown{}:
			return []any{next, m}
		case want:
			return []any{next}
		default:
			return nil
		}
	},
}).ToModel()
