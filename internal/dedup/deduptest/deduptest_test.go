package deduptest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/memory"
)

func openMemory(tb testing.TB) dedup.Store {
	s, err := memory.New(memory.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// TestRejects runs the set against stores with a mistake each and wants the named checks to see it.
func TestRejects(t *testing.T) {
	t.Parallel()
	mistakes := map[string]struct {
		store  func(*mistaken) dedup.Store
		seenBy []string
	}{
		"release without owner check": {
			func(m *mistaken) dedup.Store { return releaseAny{m} },
			[]string{"a release is refused to others", "state machine", "linearizability"},
		},
		"commit without owner check": {
			func(m *mistaken) dedup.Store { return commitAny{m} },
			[]string{"a commit is refused to others", "state machine", "linearizability"},
		},
		"late commit refused": {
			func(m *mistaken) dedup.Store { return commitLateNot{m} },
			[]string{"a late commit is made where nobody has taken over", "state machine", "linearizability"},
		},
		"claim taken over while live": {
			func(m *mistaken) dedup.Store { return claimLive{m} },
			[]string{"a claim answers a live one with its standing", "state machine", "linearizability"},
		},
		"commit acknowledged and not made": {
			func(m *mistaken) dedup.Store { return commitLost{m} },
			[]string{"a commit is seen by all", "state machine", "linearizability"},
		},
		"forget of a key in flight": {
			func(m *mistaken) dedup.Store { return forgetAny{m} },
			[]string{"forget drops what is done and nothing else", "state machine", "linearizability"},
		},
		"renewal ignored": {
			func(m *mistaken) dedup.Store { return renewNot{m} },
			[]string{"a renewal keeps a claim past its lease", "state machine"},
		},
		"lease cut short": {
			func(m *mistaken) dedup.Store { return leaseShort{m} },
			[]string{"a renewal keeps a claim past its lease", "state machine"},
		},
		"claim checked and then made": {
			func(m *mistaken) dedup.Store { return claimTwoSteps{m} },
			[]string{"linearizability"},
		},
	}
	for name, m := range mistakes {
		for _, by := range m.seenBy {
			t.Run(name+"/"+by, func(t *testing.T) {
				t.Parallel()
				backend := Backend{Virtual: true, Open: func(tb testing.TB) dedup.Store {
					return m.store(&mistaken{Store: openMemory(tb), owners: map[dedup.Key]dedup.Owner{}})
				}}
				if !rejects(t, checks()[by], backend) {
					t.Errorf("the check %q passes", by)
				}
			})
		}
	}
}

// rejects runs a check and reports whether it failed. The check gets a goroutine of its own, since a failure may end it.
func rejects(t *testing.T, c check, b Backend) bool {
	body := c.body
	c.body = func(s *subject) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			body(s)
		}()
		<-done
	}
	var seen *witness
	c.run(t, b.withDefaults(), func(t *testing.T) testing.TB {
		seen = &witness{TB: t}
		return seen
	})
	return seen.Failed()
}

// witness is a testing.TB that takes note of a failure instead of passing it on.
type witness struct {
	testing.TB
	mu     sync.Mutex
	failed bool
}

func (w *witness) Name() string          { return "witness" }
func (w *witness) Error(...any)          { w.Fail() }
func (w *witness) Errorf(string, ...any) { w.Fail() }
func (w *witness) Fatal(...any)          { w.FailNow() }
func (w *witness) Fatalf(string, ...any) { w.FailNow() }
func (w *witness) Log(...any)            {}
func (w *witness) Logf(string, ...any)   {}
func (w *witness) Helper()               {}

func (w *witness) Fail() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = true
}

func (w *witness) FailNow() {
	w.Fail()
	runtime.Goexit()
}

func (w *witness) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// mistaken knows who owns what, so that a mistake can act in the owner's name.
type mistaken struct {
	dedup.Store
	mu     sync.Mutex
	owners map[dedup.Key]dedup.Owner
}

func (m *mistaken) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	claim, err := m.Store.Claim(ctx, key, owner, lease)
	if claim.Acquired {
		m.owners[key] = owner
	}
	return claim, err
}

func (m *mistaken) owner(key dedup.Key) dedup.Owner {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owners[key]
}

type releaseAny struct{ *mistaken }

func (m releaseAny) Release(ctx context.Context, key dedup.Key, _ dedup.Owner) error {
	return m.mistaken.Release(ctx, key, m.owner(key))
}

type commitAny struct{ *mistaken }

func (m commitAny) Commit(ctx context.Context, key dedup.Key, _ dedup.Owner, o dedup.Outcome, ttl time.Duration) error {
	return m.mistaken.Commit(ctx, key, m.owner(key), o, ttl)
}

type commitLateNot struct{ *mistaken }

func (m commitLateNot) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, o dedup.Outcome, ttl time.Duration) error {
	switch record, err := m.Lookup(ctx, key); {
	case err != nil:
		return err
	case record.State == dedup.Absent:
		return dedup.ErrNotOwner
	}
	return m.mistaken.Commit(ctx, key, owner, o, ttl)
}

type claimLive struct{ *mistaken }

func (m claimLive) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	claim, err := m.mistaken.Claim(ctx, key, owner, lease)
	if err == nil && !claim.Acquired && claim.Record.State == dedup.InFlight {
		m.mistaken.Release(ctx, key, m.owner(key))
		return m.mistaken.Claim(ctx, key, owner, lease)
	}
	return claim, err
}

type commitLost struct{ *mistaken }

func (m commitLost) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, _ dedup.Outcome, _ time.Duration) error {
	return m.mistaken.Release(ctx, key, owner)
}

type forgetAny struct{ *mistaken }

func (m forgetAny) Forget(ctx context.Context, key dedup.Key) (bool, error) {
	if m.mistaken.Release(ctx, key, m.owner(key)) == nil {
		return true, nil
	}
	return m.mistaken.Forget(ctx, key)
}

type renewNot struct{ *mistaken }

func (m renewNot) Renew(ctx context.Context, key dedup.Key, owner dedup.Owner, _ time.Duration) error {
	record, err := m.Lookup(ctx, key)
	if err != nil {
		return err
	}
	return m.mistaken.Renew(ctx, key, owner, time.Until(record.Expires))
}

type leaseShort struct{ *mistaken }

func (m leaseShort) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	return m.mistaken.Claim(ctx, key, owner, lease/2)
}

func (m leaseShort) Renew(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) error {
	return m.mistaken.Renew(ctx, key, owner, lease/2)
}

// claimTwoSteps looks first and takes afterwards: the race that no sequence of calls shows.
type claimTwoSteps struct{ *mistaken }

func (m claimTwoSteps) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	record, err := m.Lookup(ctx, key)
	if err != nil {
		return dedup.Claim{}, err
	}
	runtime.Gosched()
	if record.State != dedup.Absent && m.owner(key) != owner {
		return dedup.Claim{Record: record}, nil
	}
	m.mistaken.Claim(ctx, key, owner, lease)
	return dedup.Claim{Acquired: true}, nil
}

func TestModelStates(t *testing.T) {
	t.Parallel()
	claim := call{op: opClaim, owner: 1, units: 2}
	commit := call{op: opCommit, owner: 1, status: 200, units: 3}
	rows := []struct {
		name  string
		calls []call
		at    int
		want  dedup.State
	}{
		{"ok/absent at first", nil, 0, dedup.Absent},
		{"ok/claimed", []call{claim}, 1, dedup.InFlight},
		{"ok/lapsed", []call{claim}, 2, dedup.Absent},
		{"ok/committed", []call{claim, commit}, 2, dedup.Done},
		{"ok/expired", []call{claim, commit}, 3, dedup.Absent},
		{"ok/committed late", []call{commit}, 2, dedup.Done},
		{"ok/forgotten", []call{claim, commit, {op: opForget}}, 0, dedup.Absent},
		{"fail/released by another", []call{claim, {op: opRelease, owner: 2}}, 0, dedup.InFlight},
	}
	for _, row := range rows {
		var m model
		for _, c := range row.calls {
			m, _ = m.step(c, 0)
		}
		if _, got := m.step(call{op: opLookup}, row.at); got.state != row.want {
			t.Errorf("%s: %v, want %v", row.name, got.state, row.want)
		}
	}
}

func TestOpNames(t *testing.T) {
	t.Parallel()
	var names []string
	for o := range ops {
		names = append(names, fmt.Sprint(o))
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != int(ops) {
		t.Errorf("names of calls = %v, want %d different ones", names, ops)
	}
}
