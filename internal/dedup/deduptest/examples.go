package deduptest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// examples are the checks that read as sentences about the protocol.
var examples = map[string]func(*subject){
	"a fresh key is claimed and seen in flight":         exampleClaim,
	"a claim answers a live one with its standing":      exampleClaimHeld,
	"the owner claims again":                            exampleClaimAgain,
	"a commit is seen by all":                           exampleCommit,
	"a commit is repeated by its owner":                 exampleCommitAgain,
	"a commit is refused to others":                     exampleCommitOthers,
	"a commit keeps its outcome exactly":                exampleOutcome,
	"a release makes the key absent":                    exampleRelease,
	"a release is refused to others":                    exampleReleaseOthers,
	"a renewal keeps a claim past its lease":            exampleRenew,
	"a renewal is refused to others":                    exampleRenewOthers,
	"a lapsed claim is taken over, its owner refused":   exampleTakeover,
	"a lapsed claim is nobody's":                        exampleLapse,
	"a late commit is made where nobody has taken over": exampleLateCommit,
	"one of many late commits at once is made":          exampleLateRace,
	"a record ends with its time-to-live":               exampleTTL,
	"a time-to-live counts from the commit":             exampleTTLFromCommit,
	"forget drops what is done and nothing else":        exampleForget,
	"scopes are apart":                                  exampleScopes,
	"ids are compared byte by byte":                     exampleIDs,
	"bad keys are refused everywhere":                   exampleBadKeys,
	"bad outcomes are refused and leave the claim":      exampleBadOutcome,
	"wait returns at once for what is not in flight":    exampleWaitIdle,
	"wait wakes on commit":                              exampleWaitCommit,
	"wait wakes on release":                             exampleWaitRelease,
	"wait wakes when the lease runs out":                exampleWaitLapse,
	"wait lasts through a renewal":                      exampleWaitRenewed,
	"wait ends with its context":                        exampleWaitContext,
	"wait ends with the store":                          exampleWaitClose,
	"recent lists what is in flight, then what is new":  exampleRecent,
	"a context that is done is respected":               exampleContext,
	"a closed store answers so":                         exampleClosed,
	"one of many claims at once is acquired":            exampleRace,
	"stats count":                                       exampleStats,
}

func exampleClaim(s *subject) {
	key := s.key("a")
	s.wantState(key, dedup.Absent)
	s.mustClaim(key, dedup.NewOwner(), long)
	record := s.wantState(key, dedup.InFlight)
	if left := time.Until(record.Expires); left <= long/2 || left > long+time.Minute {
		s.Errorf("lease runs out in %v, want about %v", left, long)
	}
}

func exampleClaimHeld(s *subject) {
	key := s.key("a")
	s.mustClaim(key, dedup.NewOwner(), long)
	claim := s.claim(key, dedup.NewOwner(), long)
	if claim.Acquired || claim.Record.State != dedup.InFlight || claim.Record.Key != key {
		s.Errorf("second claim = %+v, want it in flight", claim)
	}
}

func exampleClaimAgain(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, s.units(1))
	s.mustClaim(key, owner, s.units(5))
	s.pass(3)
	s.wantState(key, dedup.InFlight)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	if claim := s.claim(key, owner, long); claim.Acquired || claim.Record.State != dedup.Done {
		s.Errorf("claim after own commit = %+v, want it done", claim)
	}
}

func exampleCommit(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, long)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(202), long))
	claim := s.claim(key, dedup.NewOwner(), long)
	if claim.Acquired || claim.Record.State != dedup.Done || claim.Record.Outcome.Status != 202 {
		s.Errorf("claim after commit = %+v, want done with 202", claim)
	}
	s.want("renew after commit", dedup.ErrNotOwner, s.Renew(ctx(s), key, owner, long))
	s.want("release after commit", dedup.ErrNotOwner, s.Release(ctx(s), key, owner))
	s.wantState(key, dedup.Done)
}

func exampleCommitAgain(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, long)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	s.want("commit again", nil, s.Commit(ctx(s), key, owner, outcome(299), long))
	s.want("commit by another", dedup.ErrNotOwner, s.Commit(ctx(s), key, dedup.NewOwner(), outcome(500), long))
	if record := s.wantState(key, dedup.Done); record.Outcome.Status != 200 {
		s.Errorf("status = %d, want the first commit's 200", record.Outcome.Status)
	}
}

func exampleCommitOthers(s *subject) {
	key := s.key("a")
	s.mustClaim(key, dedup.NewOwner(), long)
	s.want("commit by another", dedup.ErrNotOwner, s.Commit(ctx(s), key, dedup.NewOwner(), outcome(200), long))
	s.wantState(key, dedup.InFlight)
}

func exampleOutcome(s *subject) {
	for _, status := range []int{200, 404, 599, 999} {
		key, owner := s.key("status"), dedup.NewOwner()
		want := dedup.Outcome{Status: status, At: time.UnixMilli(1_790_000_000_123 + int64(status))}
		s.mustClaim(key, owner, long)
		s.want("commit", nil, s.Commit(ctx(s), key, owner, want, long))
		record := s.wantState(key, dedup.Done)
		if got := record.Outcome; got.Status != want.Status || !got.At.Equal(want.At) {
			s.Errorf("outcome = %+v, want %+v", got, want)
		}
		if left := time.Until(record.Expires); left <= long/2 || left > long+time.Minute {
			s.Errorf("record expires in %v, want about %v", left, long)
		}
		s.forget(key, true)
	}
}

func exampleRelease(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, long)
	s.want("release", nil, s.Release(ctx(s), key, owner))
	s.wantState(key, dedup.Absent)
	s.want("release again", dedup.ErrNotOwner, s.Release(ctx(s), key, owner))
	s.mustClaim(key, dedup.NewOwner(), long)
	s.want("commit after release", dedup.ErrNotOwner, s.Commit(ctx(s), key, owner, outcome(200), long))
}

func exampleReleaseOthers(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.want("release of nothing", dedup.ErrNotOwner, s.Release(ctx(s), key, owner))
	s.mustClaim(key, owner, long)
	s.want("release by another", dedup.ErrNotOwner, s.Release(ctx(s), key, dedup.NewOwner()))
	s.wantState(key, dedup.InFlight)
}

func exampleRenew(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, s.units(2))
	for range 3 {
		s.pass(2)
		s.want("renew", nil, s.Renew(ctx(s), key, owner, s.units(2)))
	}
	s.wantState(key, dedup.InFlight)
	s.want("renew to less", nil, s.Renew(ctx(s), key, owner, s.units(0)))
	s.pass(1)
	s.wantState(key, dedup.Absent)
}

func exampleRenewOthers(s *subject) {
	key := s.key("a")
	s.want("renewal of nothing", dedup.ErrNotOwner, s.Renew(ctx(s), key, dedup.NewOwner(), long))
	s.wantState(key, dedup.Absent)
	s.mustClaim(key, dedup.NewOwner(), s.units(1))
	s.want("renewal by another", dedup.ErrNotOwner, s.Renew(ctx(s), key, dedup.NewOwner(), long))
	s.pass(2)
	s.wantState(key, dedup.Absent)
}

func exampleTakeover(s *subject) {
	key, late, owner := s.key("a"), dedup.NewOwner(), dedup.NewOwner()
	s.mustClaim(key, late, s.units(1))
	s.pass(2)
	s.mustClaim(key, owner, long)
	s.want("late renew", dedup.ErrNotOwner, s.Renew(ctx(s), key, late, long))
	s.want("late commit", dedup.ErrNotOwner, s.Commit(ctx(s), key, late, outcome(200), long))
	s.want("late release", dedup.ErrNotOwner, s.Release(ctx(s), key, late))
	s.wantState(key, dedup.InFlight)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
}

func exampleLapse(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, s.units(1))
	s.pass(2)
	s.wantState(key, dedup.Absent)
	s.want("late renew", dedup.ErrNotOwner, s.Renew(ctx(s), key, owner, long))
	s.want("late release", dedup.ErrNotOwner, s.Release(ctx(s), key, owner))
	s.wantState(key, dedup.Absent)
	s.mustClaim(key, owner, long)
}

func exampleLateCommit(s *subject) {
	key, late, other := s.key("a"), dedup.NewOwner(), dedup.NewOwner()
	s.mustClaim(key, late, s.units(1))
	s.pass(2)
	s.want("late commit", nil, s.Commit(ctx(s), key, late, outcome(202), s.units(3)))
	claim := s.claim(key, other, long)
	if claim.Acquired || claim.Record.State != dedup.Done || claim.Record.Outcome.Status != 202 {
		s.Errorf("claim after a late commit = %+v, want done with 202", claim)
	}
	s.want("later commit by another", dedup.ErrNotOwner, s.Commit(ctx(s), key, other, outcome(500), long))
	s.want("late commit again", nil, s.Commit(ctx(s), key, late, outcome(299), long))
	s.wantState(key, dedup.Done)
	s.pass(4)
	s.wantState(key, dedup.Absent)
	s.mustClaim(key, other, long)
	s.want("commit that is too late", dedup.ErrNotOwner, s.Commit(ctx(s), key, late, outcome(200), long))
	s.wantState(key, dedup.InFlight)
	s.want("release", nil, s.Release(ctx(s), key, other))
	s.want("late commit after the other's failure", nil, s.Commit(ctx(s), key, late, outcome(200), long))
	s.wantState(key, dedup.Done)
}

// exampleLateRace has the late owner of a lapsed claim commit at the moment when others claim it.
func exampleLateRace(s *subject) {
	for i := range 8 {
		key, late := s.key(strconv.Itoa(i)), dedup.NewOwner()
		s.mustClaim(key, late, s.units(0))
	}
	s.pass(1)
	for i := range 8 {
		key := s.key(strconv.Itoa(i))
		var made, acquired atomic.Int64
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				switch err := s.Commit(ctx(s), key, dedup.NewOwner(), outcome(200), long); {
				case err == nil:
					made.Add(1)
				case !errors.Is(err, dedup.ErrNotOwner):
					s.Errorf("late commit: %v", err)
				}
			})
			callers.Go(func() {
				claim, err := s.Claim(ctx(s), key, dedup.NewOwner(), long)
				if err != nil {
					s.Errorf("claim: %v", err)
				}
				if claim.Acquired {
					acquired.Add(1)
				}
			})
		}
		callers.Wait()
		if made.Load()+acquired.Load() != 1 {
			s.Errorf("%d commits made and %d claims acquired, want one of all", made.Load(), acquired.Load())
		}
	}
}

func exampleTTL(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, long)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), s.units(2)))
	s.pass(2)
	s.wantState(key, dedup.Done)
	s.pass(1)
	s.wantState(key, dedup.Absent)
	s.mustClaim(key, dedup.NewOwner(), long)
	s.want("commit again", dedup.ErrNotOwner, s.Commit(ctx(s), key, owner, outcome(200), long))
}

func exampleTTLFromCommit(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, s.units(4))
	s.pass(2)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), s.units(3)))
	s.pass(3)
	s.wantState(key, dedup.Done)
	s.pass(1)
	s.wantState(key, dedup.Absent)
}

func exampleForget(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.forget(key, false)
	s.mustClaim(key, owner, long)
	s.forget(key, false)
	s.wantState(key, dedup.InFlight)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	s.forget(key, true)
	s.wantState(key, dedup.Absent)
	s.forget(key, false)
	s.mustClaim(key, dedup.NewOwner(), long)
	s.want("commit again", dedup.ErrNotOwner, s.Commit(ctx(s), key, owner, outcome(200), long))
}

func exampleScopes(s *subject) {
	key, other := s.key("a"), dedup.Key{Scope: newScope(), ID: "a"}
	owner := dedup.NewOwner()
	s.mustClaim(key, owner, long)
	s.mustClaim(other, owner, long)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	s.wantState(other, dedup.InFlight)
	s.want("commit", nil, s.Commit(ctx(s), other, owner, outcome(404), long))
	s.forget(key, true)
	if record := s.wantState(other, dedup.Done); record.Outcome.Status != 404 {
		s.Errorf("status = %d, want 404", record.Outcome.Status)
	}
}

func exampleIDs(s *subject) {
	ids := []string{"a", "A", "a\x00", "\x00", "a\x00b", "é", "e\u0301", "\xff", " a", "a ", "{a}", strings.Repeat("x", dedup.MaxIDLength)}
	for i, id := range ids {
		owner := dedup.NewOwner()
		s.mustClaim(s.key(id), owner, long)
		s.want("commit", nil, s.Commit(ctx(s), s.key(id), owner, outcome(200+i), long))
	}
	for i, id := range ids {
		record := s.wantState(s.key(id), dedup.Done)
		if record.Outcome.Status != 200+i || record.Key != s.key(id) {
			s.Errorf("record of %q = %+v, want status %d", id, record, 200+i)
		}
	}
}

func exampleBadKeys(s *subject) {
	bad := map[string]dedup.Key{
		"empty scope":  {ID: "a"},
		"long scope":   {Scope: strings.Repeat("s", dedup.MaxScopeLength+1), ID: "a"},
		"NUL in scope": {Scope: "a\x00b", ID: "a"},
		"empty id":     {Scope: s.scope},
		"long id":      {Scope: s.scope, ID: strings.Repeat("x", dedup.MaxIDLength+1)},
	}
	for name, key := range bad {
		for call, err := range s.everyCall(ctx(s), key) {
			if !errors.Is(err, dedup.ErrKey) {
				s.Errorf("%s of key with %s: %v, want ErrKey", call, name, err)
			}
		}
	}
	s.mustClaim(dedup.Key{Scope: strings.Repeat("s", dedup.MaxScopeLength), ID: s.scope}, dedup.NewOwner(), s.units(1))
}

func exampleBadOutcome(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, long)
	for _, status := range []int{-1, 0, 99, 101, 199, 1000, 65_736} {
		s.want("commit", dedup.ErrOutcome, s.Commit(ctx(s), key, owner, outcome(status), long))
	}
	s.wantState(key, dedup.InFlight)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
}

func exampleWaitIdle(s *subject) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.want("wait for an absent key", nil, s.Wait(ctx(s), key))
	s.mustClaim(key, owner, long)
	s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	s.want("wait for a done key", nil, s.Wait(ctx(s), key))
}

func exampleWaitCommit(s *subject) {
	s.waitFor(func(key dedup.Key, owner dedup.Owner) {
		s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	}, long, dedup.Done)
}

func exampleWaitRelease(s *subject) {
	s.waitFor(func(key dedup.Key, owner dedup.Owner) {
		s.want("release", nil, s.Release(ctx(s), key, owner))
	}, long, dedup.Absent)
}

func exampleWaitLapse(s *subject) {
	s.waitFor(func(dedup.Key, dedup.Owner) { s.pass(3) }, s.units(1), dedup.Absent)
}

func exampleWaitRenewed(s *subject) {
	s.waitFor(func(key dedup.Key, owner dedup.Owner) {
		for range 3 {
			s.want("renew", nil, s.Renew(ctx(s), key, owner, s.units(2)))
			s.pass(2)
		}
		s.want("commit", nil, s.Commit(ctx(s), key, owner, outcome(200), long))
	}, s.units(2), dedup.Done)
}

// waitFor lets many wait for a key until end has ended its claim, and wants all of them to see the same state then. A
// waiter that wakes early waits again, as callers do.
func (s *subject) waitFor(end func(dedup.Key, dedup.Owner), lease time.Duration, want dedup.State) {
	key, owner := s.key("a"), dedup.NewOwner()
	s.mustClaim(key, owner, lease)
	var waiters sync.WaitGroup
	for range 16 {
		waiters.Go(func() {
			for state := dedup.InFlight; state == dedup.InFlight; {
				if err := s.Wait(ctx(s), key); err != nil {
					s.Errorf("wait: %v", err)
					return
				}
				record, err := s.Lookup(ctx(s), key)
				if err != nil {
					s.Errorf("lookup: %v", err)
					return
				}
				if state = record.State; state != dedup.InFlight && state != want {
					s.Errorf("state after wait = %v, want %v", state, want)
				}
			}
		})
	}
	end(key, owner)
	waiters.Wait()
}

func exampleWaitContext(s *subject) {
	key := s.key("a")
	s.mustClaim(key, dedup.NewOwner(), long)
	short, cancel := context.WithTimeout(ctx(s), s.backend.Unit)
	defer cancel()
	s.want("wait", context.DeadlineExceeded, s.Wait(short, key))
}

func exampleWaitClose(s *subject) {
	key := s.key("a")
	s.mustClaim(key, dedup.NewOwner(), long)
	var waiters sync.WaitGroup
	for range 4 {
		waiters.Go(func() { s.want("wait", dedup.ErrClosed, s.Wait(ctx(s), key)) })
	}
	s.want("close", nil, s.Close())
	waiters.Wait()
}

func exampleRecent(s *subject) {
	for i, id := range []string{"done-1", "done-2", "done-3"} {
		owner := dedup.NewOwner()
		at := dedup.Outcome{Status: 200, At: time.UnixMilli(1_790_000_000_000 + int64(i))}
		s.mustClaim(s.key(id), owner, long)
		s.want("commit", nil, s.Commit(ctx(s), s.key(id), owner, at, long))
		s.pass(1) // some backends order by time
	}
	s.mustClaim(s.key("flying"), dedup.NewOwner(), long)
	s.wantRecent(10, "flying", "done-3", "done-2", "done-1")
	s.wantRecent(2, "flying", "done-3")
	s.wantRecent(1, "flying")
	s.wantRecent(0)
	s.forget(s.key("done-2"), true)
	s.wantRecent(10, "flying", "done-3", "done-1")
	if all, err := s.Recent(ctx(s), "", 10_000); err != nil || len(all) < 3 {
		s.Errorf("recent of every scope: %d records, %v, want at least 3", len(all), err)
	}
}

func exampleContext(s *subject) {
	done, cancel := context.WithCancel(ctx(s))
	cancel()
	for call, err := range s.everyCall(done, s.key("a")) {
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s: %v, want context.Canceled", call, err)
		}
	}
	s.wantState(s.key("a"), dedup.Absent)
}

func exampleClosed(s *subject) {
	s.want("close", nil, s.Close())
	for call, err := range s.everyCall(ctx(s), s.key("a")) {
		if !errors.Is(err, dedup.ErrClosed) {
			s.Errorf("%s: %v, want ErrClosed", call, err)
		}
	}
	s.want("close again", nil, s.Close())
}

func exampleRace(s *subject) {
	var acquired atomic.Int64
	var claimers sync.WaitGroup
	for range 32 {
		claimers.Go(func() {
			claim, err := s.Claim(ctx(s), s.key("a"), dedup.NewOwner(), long)
			if err != nil {
				s.Errorf("claim: %v", err)
			}
			if claim.Acquired {
				acquired.Add(1)
			}
		})
	}
	claimers.Wait()
	if n := acquired.Load(); n != 1 {
		s.Errorf("%d claims acquired, want 1", n)
	}
}

func exampleStats(s *subject) {
	before := s.Stats()
	a, b := dedup.NewOwner(), dedup.NewOwner()
	s.mustClaim(s.key("a"), a, long)
	s.mustClaim(s.key("b"), b, long)
	s.wantGrowth("in flight", before.InFlight, s.Stats().InFlight, 2)
	s.want("commit", nil, s.Commit(ctx(s), s.key("a"), a, outcome(200), long))
	s.want("release", nil, s.Release(ctx(s), s.key("b"), b))
	s.wantGrowth("in flight", before.InFlight, s.Stats().InFlight, 0)
	s.wantGrowth("done", before.Done, s.Stats().Done, 1)
	s.forget(s.key("a"), true)
	s.wantGrowth("done", before.Done, s.Stats().Done, 0)
	s.wantGrowth("evicted", before.Evicted, s.Stats().Evicted, 0)
}
