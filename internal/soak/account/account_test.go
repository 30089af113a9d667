package account

import (
	"iter"
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

// story is a history that is told delivery by delivery.
type story struct {
	sent    int
	ledger  []Entry
	journal []Attempt
	lost    []LostClaim
	pending []PendingOutcome
	faults  []Fault
}

func each[T any](all []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, one := range all {
			if !yield(one, nil) {
				return
			}
		}
	}
}

func (s *story) audit(t *testing.T) Report {
	t.Helper()
	report, err := Audit(History{
		Sent: s.sent, Lease: 3 * time.Second, CommitBound: 4 * time.Second,
		Ledger: each(s.ledger), Journal: each(s.journal), Lost: s.lost, Pending: s.pending, Faults: s.faults,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// run has the receiver work on a delivery from a moment on for a millisecond, and answer.
func (s *story) run(source Source, begin time.Duration) {
	e := Entry{Kind: Ran, Source: source, Life: 1, Receiver: 1, Begin: begin, At: begin + ms}
	s.ledger = append(s.ledger, e)
	e.Kind = Answered
	s.ledger = append(s.ledger, e)
}

// cutShort has the receiver work on a delivery and not answer.
func (s *story) cutShort(source Source, begin time.Duration) {
	s.run(source, begin)
	s.ledger = s.ledger[:len(s.ledger)-1]
}

func (s *story) told(source Source, sent, ended time.Duration, status int) {
	s.sent = max(s.sent, source.Number+1)
	s.journal = append(s.journal, Attempt{Source: source, Sent: sent, Ended: ended, Outcome: Told, Status: status})
}

func (s *story) failed(source Source, sent, ended time.Duration, outcome string) {
	s.sent = max(s.sent, source.Number+1)
	s.journal = append(s.journal, Attempt{Source: source, Sent: sent, Ended: ended, Outcome: outcome})
}

// twice has a delivery run twice: at 1 s through gate 0, whose answer the sender gets, and at 9 s through gate 1.
func twice() *story {
	s := &story{}
	first, second := Source{0, 1, 0}, Source{0, 2, 1}
	s.run(first, 1000*ms)
	s.told(first, 999*ms, 1010*ms, 200)
	s.run(second, 9000*ms)
	s.told(second, 8999*ms, 9010*ms, 200)
	return s
}

// twiceAfter is twice, where the first sender was told something else.
func twiceAfter(outcome string, status int) *story {
	s := twice()
	s.journal[0].Outcome, s.journal[0].Status = outcome, status
	return s
}

// TestWhatIsFound plants every way to break the promise.
func TestWhatIsFound(t *testing.T) {
	t.Parallel()
	good := func() *story {
		s := &story{}
		s.run(Source{0, 1, 0}, 5*ms)
		s.told(Source{0, 1, 0}, 4*ms, 8*ms, 200)
		return s
	}
	for name, row := range map[string]struct {
		change func(*story)
		kept   bool
		broken func(Report) bool
	}{
		"ok/once":      {func(*story) {}, true, nil},
		"ok/duplicate": {func(s *story) { s.told(Source{0, 2, 1}, 9*ms, 10*ms, 200) }, true, nil},
		"ok/retried":   {func(s *story) { s.failed(Source{0, 0, 1}, 1*ms, 2*ms, Broken) }, true, nil},
		"ok/forgery refused": {func(s *story) {
			s.journal = append(s.journal, Attempt{Source: Source{0, 0, 0}, Outcome: Told, Status: 401, Forged: true})
		}, true, nil},
		"fail/lost, and the sender believes it ran": {func(s *story) { s.told(Source{1, 1, 0}, 5*ms, 6*ms, 200) }, false,
			func(r Report) bool { return slices.Equal(r.Lost, []int{1}) && slices.Equal(r.Early, []int{1}) }},
		"fail/lost, and the sender gave up": {func(s *story) { s.told(Source{1, 1, 0}, 5*ms, 6*ms, 503) }, false,
			func(r Report) bool { return slices.Equal(r.Lost, []int{1}) && slices.Equal(r.Unanswered, []int{1}) }},
		"fail/never sent at all": {func(s *story) { s.sent = 2 }, false, func(r Report) bool { return slices.Equal(r.Lost, []int{1}) }},
		"fail/never told": {func(s *story) { s.run(Source{1, 1, 0}, 5*ms); s.failed(Source{1, 1, 0}, 4*ms, 8*ms, Broken) }, false,
			func(r Report) bool { return slices.Equal(r.Unanswered, []int{1}) }},
		"fail/told before it ran": {func(s *story) { s.told(Source{0, 2, 1}, 3*ms, 5*ms, 200) }, false,
			func(r Report) bool { return slices.Equal(r.Early, []int{0}) }},
		"fail/forgery told success": {func(s *story) {
			s.journal = append(s.journal, Attempt{Source: Source{0, 0, 0}, Outcome: Told, Status: 200, Forged: true})
		}, false, func(r Report) bool { return r.Accepted == 1 }},
		"fail/forgery at the receiver": {func(s *story) { s.ledger = append(s.ledger, Entry{Kind: Forged}) }, false,
			func(r Report) bool { return r.Accepted == 1 }},
		"fail/run of what was never sent": {func(s *story) { s.run(Source{7, 1, 0}, 5*ms) }, false,
			func(r Report) bool { return r.Unknown == 1 }},
		"fail/twice": {func(s *story) { s.run(Source{0, 2, 0}, 20*ms); s.told(Source{0, 2, 0}, 19*ms, 22*ms, 200) }, false,
			func(r Report) bool { return len(r.Unexcused()) == 1 }},
		"fail/one attempt, twice": {func(s *story) { s.run(Source{0, 1, 0}, 6*ms) }, false,
			func(r Report) bool { return len(r.Unexcused()) == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := good()
			row.change(s)
			report := s.audit(t)
			if report.Kept() != row.kept {
				t.Errorf("kept: %t, want %t: %+v", report.Kept(), row.kept, report)
			}
			if row.broken != nil && !row.broken(report) {
				t.Errorf("not what was planted: %+v", report)
			}
		})
	}
}

// TestExcuses shows which faults explain a second run, and that none does from another place or time, or against the word
// of a witness.
func TestExcuses(t *testing.T) {
	t.Parallel()
	between := func(k Kind, gate int, from, until time.Duration) Fault {
		return Fault{Kind: k, Gate: gate, Life: 1, From: from, Until: until}
	}
	lost := func(s *story, at time.Duration, taken bool) *story {
		s.lost = append(s.lost, LostClaim{Number: 0, Gate: 0, Life: 1, At: at, Taken: taken})
		return s
	}
	pending := func(s *story, gate, life int, at time.Duration) *story {
		s.pending = append(s.pending, PendingOutcome{Number: 0, Gate: gate, Life: life, At: at})
		return s
	}
	away, dies := between(RedisKilled, 0, 1000*ms, 2000*ms), between(GateKilled, 0, 1500*ms, 1600*ms)
	unanswered := func(s *story) *story {
		s.ledger = slices.Delete(s.ledger, 1, 2)
		return s
	}
	slow := func(s *story, until time.Duration) *story { // the receiver works longer than a lease
		for i := range 2 {
			s.ledger[i].At = until
		}
		s.journal[0].Ended = until + 10*ms
		return s
	}
	for name, row := range map[string]struct {
		story   *story
		faults  []Fault
		excused bool
	}{
		"fail/no fault":                      {twice(), nil, false},
		"fail/no fault, answer lost":         {twiceAfter(Told, 502), nil, false},
		"fail/no fault, sender hung up":      {twiceAfter(HungUp, 0), nil, false},
		"ok/gate killed":                     {twiceAfter(Broken, 0), []Fault{between(GateKilled, 0, 1005*ms, 1008*ms)}, true},
		"ok/gate killed, hung up":            {twiceAfter(HungUp, 0), []Fault{between(GateKilled, 0, 1005*ms, 1008*ms)}, true},
		"fail/gate killed before":            {twiceAfter(Broken, 0), []Fault{between(GateKilled, 0, 900*ms, 990*ms)}, false},
		"fail/gate killed after the answer":  {twiceAfter(Broken, 0), []Fault{between(GateKilled, 0, 1011*ms, 1012*ms)}, false},
		"fail/gate killed long after":        {twiceAfter(HungUp, 0), []Fault{between(GateKilled, 0, 8000*ms, 8001*ms)}, false},
		"fail/gate killed, but told success": {twice(), []Fault{between(GateKilled, 0, 1005*ms, 1008*ms)}, false},
		"fail/gate killed, but told 502":     {twiceAfter(Told, 502), []Fault{between(GateKilled, 0, 1005*ms, 1008*ms)}, false},
		"fail/another gate killed":           {twiceAfter(Broken, 0), []Fault{between(GateKilled, 1, 1005*ms, 1008*ms)}, false},
		"fail/another life of the gate":      {twiceAfter(Broken, 0), []Fault{{Kind: GateKilled, Life: 2, From: 1005 * ms, Until: 1008 * ms}}, false},
		"ok/receiver killed":                 {unanswered(twiceAfter(Told, 502)), []Fault{between(ReceiverKilled, Everyone, 1001*ms, 1008*ms)}, true},
		"fail/receiver killed, had answered": {twiceAfter(Told, 502), []Fault{between(ReceiverKilled, Everyone, 1001*ms, 1008*ms)}, false},
		"fail/another life of the receiver": {unanswered(twiceAfter(Told, 502)),
			[]Fault{{Kind: ReceiverKilled, Gate: Everyone, Life: 2, From: 1001 * ms, Until: 1008 * ms}}, false},
		"fail/receiver killed, but told success": {unanswered(twice()), []Fault{between(ReceiverKilled, Everyone, 1001*ms, 1008*ms)}, false},
		"ok/answer cut":                          {twiceAfter(Told, 502), []Fault{between(UpstreamReset, 0, 1000*ms, 1300*ms)}, true},
		"fail/answer cut at another gate":        {twiceAfter(Told, 502), []Fault{between(UpstreamReset, 1, 1000*ms, 1300*ms)}, false},
		"fail/cut after the answer":              {twiceAfter(Told, 502), []Fault{between(UpstreamCut, 0, 1011*ms, 1300*ms)}, false},
		"fail/answer late":                       {twiceAfter(Told, 502), []Fault{between(UpstreamSlow, 0, 1000*ms, 1300*ms)}, false},
		"fail/redis killed, nobody says so":      {twice(), []Fault{between(RedisKilled, 0, 1000*ms, 2000*ms)}, false},
		"ok/redis killed":                        {lost(twice(), 4000*ms, false), []Fault{between(RedisKilled, 0, 1000*ms, 5000*ms)}, true},
		"ok/wire to redis, hung up":              {lost(twiceAfter(HungUp, 0), 4000*ms, false), []Fault{between(StoreHeld, 0, 1000*ms, 5000*ms)}, true},
		"ok/redis killed, gate paused": {lost(twice(), 4000*ms, false),
			[]Fault{between(RedisKilled, 0, 1000*ms, 1500*ms), between(GatePaused, 0, 1400*ms, 4000*ms)}, true},
		"ok/redis killed, slow receiver":        {lost(slow(twice(), 5000*ms), 5500*ms, false), []Fault{between(RedisKilled, 0, 4900*ms, 5600*ms)}, true},
		"fail/given up within a lease":          {lost(twice(), 1309*ms, false), []Fault{between(RedisKilled, 0, 1000*ms, 5000*ms)}, false},
		"fail/given up when it answered":        {lost(twice(), 4000*ms, false), []Fault{between(RedisKilled, 0, 1000*ms, 1900*ms)}, false},
		"fail/not recorded without a fault":     {lost(twice(), 4000*ms, false), nil, false},
		"fail/not recorded, fault over":         {lost(twice(), 4000*ms, false), []Fault{between(RedisKilled, 0, 100*ms, 900*ms)}, false},
		"fail/not recorded, gate paused":        {lost(twice(), 4000*ms, false), []Fault{between(GatePaused, 0, 1000*ms, 9000*ms)}, false},
		"fail/not recorded, another's wire":     {lost(twice(), 4000*ms, false), []Fault{between(StoreCut, 1, 1000*ms, 5000*ms)}, false},
		"fail/not recorded, gate was reloaded":  {lost(twice(), 4000*ms, false), []Fault{between(GateReloaded, 0, 1000*ms, 5000*ms)}, false},
		"fail/word given before the run":        {lost(twice(), 1000*ms, false), []Fault{between(RedisKilled, 0, -900*ms, 2000*ms)}, false},
		"ok/killed while pending":               {pending(twice(), 0, 1, 1009*ms), []Fault{away, dies}, true},
		"fail/pending and not killed":           {pending(twice(), 0, 1, 1009*ms), []Fault{away}, false},
		"fail/killed, nothing pending":          {twice(), []Fault{away, dies}, false},
		"fail/killed while pending, store well": {pending(twice(), 0, 1, 1009*ms), []Fault{dies}, false},
		"fail/killed long after it was pending": {pending(twice(), 0, 1, 1009*ms), []Fault{away, between(GateKilled, 0, 4500*ms, 4600*ms)}, false},
		"fail/another killed while pending":     {pending(twice(), 0, 1, 1009*ms), []Fault{away, between(GateKilled, 1, 1500*ms, 1600*ms)}, false},
		"fail/pending at another gate":          {pending(twice(), 1, 1, 1009*ms), []Fault{away, dies}, false},
		"fail/pending in another life":          {pending(twice(), 0, 2, 1009*ms), []Fault{away, dies}, false},
		"ok/claim taken while paused":           {lost(slow(twice(), 5000*ms), 5005*ms, true), []Fault{between(GatePaused, 0, 1001*ms, 4900*ms)}, true},
		"ok/claim taken, redis paused":          {lost(slow(twice(), 5000*ms), 5005*ms, true), []Fault{between(RedisPaused, Everyone, 1500*ms, 4900*ms)}, true},
		"ok/claim taken, two faults": {lost(slow(twice(), 5000*ms), 5005*ms, true),
			[]Fault{between(RedisPaused, Everyone, 1500*ms, 2100*ms), between(StoreCut, 0, 2100*ms, 2700*ms)}, true},
		// A release without an owner check, a lease shorter than the handler and a claim reclaimed as an orphan all look
		// like this: the claim is another's while its owner was well.
		"fail/claim taken without a fault":      {lost(slow(twice(), 5000*ms), 5005*ms, true), nil, false},
		"fail/claim taken, short pause":         {lost(slow(twice(), 5000*ms), 5005*ms, true), []Fault{between(GatePaused, 0, 1500*ms, 2300*ms)}, false},
		"fail/claim taken, other gate paused":   {lost(slow(twice(), 5000*ms), 5005*ms, true), []Fault{between(GatePaused, 1, 1001*ms, 4900*ms)}, false},
		"fail/claim taken, receiver was killed": {lost(slow(twice(), 5000*ms), 5005*ms, true), []Fault{between(ReceiverKilled, Everyone, 1001*ms, 4900*ms)}, false},
		"fail/claim taken at once":              {lost(twice(), 1005*ms, true), []Fault{between(RedisPaused, Everyone, 1001*ms, 9000*ms)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.story.faults = row.faults
			report := row.story.audit(t)
			if len(report.Doubles) != 1 || report.Doubles[0].Excused() != row.excused || report.Kept() != row.excused {
				t.Errorf("excused: %t, want %t: %+v", report.Kept(), row.excused, report.Doubles)
			}
		})
	}
}

// TestThreeRunsNeedTwoExcuses has one fault explain one run, not all that came after it.
func TestThreeRunsNeedTwoExcuses(t *testing.T) {
	t.Parallel()
	s := twiceAfter(Broken, 0)
	s.faults = []Fault{{Kind: GateKilled, Life: 1, From: 1005 * ms, Until: 1008 * ms}}
	s.run(Source{0, 3, 0}, 20_000*ms)
	s.told(Source{0, 3, 0}, 19_999*ms, 20_010*ms, 200)
	if report := s.audit(t); report.Kept() || len(report.Unexcused()) != 1 {
		t.Errorf("%+v", report.Doubles)
	}
	s.cutShort(Source{0, 4, 0}, 30_000*ms)
	s.failed(Source{0, 4, 0}, 29_999*ms, 30_010*ms, Broken)
	if report := s.audit(t); report.Doubles[0].Runs != 4 || report.Kept() {
		t.Errorf("%+v", report.Doubles)
	}
}
