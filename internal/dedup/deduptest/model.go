package deduptest

import (
	"errors"
	"fmt"
	"math"

	"github.com/darihook/darihook/internal/dedup"
)

// model is what the protocol says about one key: the whole of it, in so few lines that reading them is proof enough.
type model struct {
	state   dedup.State
	owner   int // who claimed or committed
	status  int // of the commit
	expires int // the first unit of time at which the key is absent again
}

// op names a call of the protocol.
type op uint8

const (
	opClaim op = iota
	opRenew
	opCommit
	opRelease
	opForget
	opLookup
	ops // how many there are
)

func (o op) String() string {
	return [...]string{"claim", "renew", "commit", "release", "forget", "lookup"}[o]
}

// call is one call with its arguments; owners are numbered, durations are in units.
type call struct {
	op     op
	id     string
	owner  int
	status int
	units  int // forever stands for a duration that outlasts everything
}

const forever = -1

// until is the unit of time at which what the call sets has run out.
func (c call) until(now int) int {
	if c.units == forever {
		return math.MaxInt
	}
	return now + c.units
}

// answer is what a call returned, reduced to what the model decides.
type answer struct {
	ok     bool // acquired, forgotten, or no error
	state  dedup.State
	status int
	err    string // an error that no sequence of calls explains
}

func (a answer) String() string {
	return fmt.Sprintf("ok=%v state=%d status=%d %s", a.ok, a.state, a.status, a.err)
}

// step answers a call at the given time and moves the model on.
func (m model) step(c call, now int) (model, answer) {
	if now >= m.expires {
		m = model{}
	}
	mine := m.state == dedup.InFlight && m.owner == c.owner
	switch c.op {
	case opClaim:
		if m.state == dedup.Absent || mine {
			return model{dedup.InFlight, c.owner, 0, c.until(now)}, answer{ok: true}
		}
		return m, answer{state: m.state, status: m.status}
	case opRenew:
		if mine {
			m.expires = c.until(now)
		}
		return m, answer{ok: mine}
	case opCommit:
		again := m.state == dedup.Done && m.owner == c.owner
		free := mine || m.state == dedup.Absent // a late commit is true as long as nobody has taken over
		if free {
			m = model{dedup.Done, c.owner, c.status, c.until(now)}
		}
		return m, answer{ok: free || again}
	case opRelease:
		if mine {
			m = model{}
		}
		return m, answer{ok: mine}
	case opForget:
		if m.state == dedup.Done {
			return model{}, answer{ok: true}
		}
		return m, answer{}
	default:
		return m, answer{ok: true, state: m.state, status: m.status}
	}
}

// do makes the call for real. What it sets runs out half a unit before the model says so, and the model asks at whole
// units only.
func (s *subject) do(scope string, owners []dedup.Owner, c call) answer {
	key, owner, d := dedup.Key{Scope: scope, ID: c.id}, owners[c.owner], s.units(c.units-1)
	if c.units == forever {
		d = long
	}
	switch c.op {
	case opClaim:
		claim, err := s.Claim(ctx(s), key, owner, d)
		return answer{claim.Acquired, claim.Record.State, claim.Record.Outcome.Status, unexplained(err)}
	case opRenew:
		return refusable(s.Renew(ctx(s), key, owner, d))
	case opCommit:
		return refusable(s.Commit(ctx(s), key, owner, outcome(c.status), d))
	case opRelease:
		return refusable(s.Release(ctx(s), key, owner))
	case opForget:
		dropped, err := s.Forget(ctx(s), key)
		return answer{ok: dropped, err: unexplained(err)}
	default:
		record, err := s.Lookup(ctx(s), key)
		return answer{err == nil, record.State, record.Outcome.Status, unexplained(err)}
	}
}

func refusable(err error) answer {
	if errors.Is(err, dedup.ErrNotOwner) {
		return answer{}
	}
	return answer{ok: err == nil, err: unexplained(err)}
}

func unexplained(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
