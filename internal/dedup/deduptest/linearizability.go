package deduptest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/darihook/darihook/internal/dedup"
)

const (
	histories      = 20 // recorded in one check, each in a scope of its own
	historyCallers = 6
	historyCalls   = 60 // of each caller
	historyKeys    = 6
	historyOwners  = 4 // fewer than callers: some share a token, as a retried call does
)

var seedFlag = flag.Uint64("dedup.seed", 0, "seed of the histories that are checked for linearizability; 0 draws one")

// checkLinearizability records what callers at once were answered and asks whether some order of the calls, each taking
// effect at one moment between its start and its end, explains every answer. Leases and times-to-live outlast the
// history by far, so nothing expires within it and the passing of time needs no model.
func checkLinearizability(s *subject) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	s.Logf("seed %d; repeat with -dedup.seed=%[1]d", seed)
	for i := range uint64(histories) {
		history := s.record(seed, i)
		result, _ := porcupine.CheckOperationsVerbose(linearModel, history, 20*time.Second)
		if result != porcupine.Ok {
			s.Fatalf("history %d of seed %d: %s, want it linearizable", i, seed, result)
		}
	}
}

// linearModel judges every key's history apart.
var linearModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byID := map[string][]porcupine.Operation{}
		for _, o := range history {
			id := o.Input.(call).id
			byID[id] = append(byID[id], o)
		}
		parts := make([][]porcupine.Operation, 0, len(byID))
		for _, part := range byID {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return model{} },
	Step: func(state, input, output any) (bool, any) {
		next, want := state.(model).step(input.(call), 0)
		return want == output.(answer), next
	},
	DescribeOperation: func(input, output any) string {
		c := input.(call)
		return fmt.Sprintf("%v(%s, %d): %v", c.op, c.id, c.owner, output)
	},
}

// record runs one history. The clock of its operations is a counter, so that no two moments are equal.
func (s *subject) record(seed, stream uint64) []porcupine.Operation {
	scope := newScope()
	owners := make([]dedup.Owner, historyOwners)
	for i := range owners {
		owners[i] = dedup.NewOwner()
	}
	var clock atomic.Int64
	histories := make([][]porcupine.Operation, historyCallers)
	var callers sync.WaitGroup
	for caller := range historyCallers {
		rng := rand.New(rand.NewPCG(seed, stream*historyCallers+uint64(caller)))
		callers.Go(func() {
			for range historyCalls {
				c := randomCall(rng)
				start := clock.Add(1)
				got := s.do(scope, owners, c)
				histories[caller] = append(histories[caller], porcupine.Operation{
					ClientId: caller, Input: c, Call: start, Output: got, Return: clock.Add(1),
				})
			}
		})
	}
	callers.Wait()
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	return all
}

// randomCall favours claims and commits, so that keys spend their time in every state.
func randomCall(rng *rand.Rand) call {
	weighted := [...]op{opClaim, opClaim, opClaim, opRenew, opCommit, opCommit, opRelease, opForget, opLookup, opLookup}
	return call{
		op:     weighted[rng.IntN(len(weighted))],
		id:     fmt.Sprintf("id-%d", rng.IntN(historyKeys)),
		owner:  rng.IntN(historyOwners),
		status: 200 + rng.IntN(5),
		units:  forever,
	}
}
