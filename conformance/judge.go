package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
)

// specLimit bounds one spec. Those that walk through a sender's whole retry schedule take longest.
const specLimit = 2 * time.Minute

// Judge runs every selected spec and returns the report. The observers are told each result as it comes, one at a time.
//
// The error is a *UsageError when the configuration cannot be run. A target that cannot be reached is no error: the
// report's result is then undetermined and its Problem says why.
func Judge(ctx context.Context, cfg Config, observers ...func(Result)) (*Report, error) {
	began := time.Now()
	s, err := open(ctx, cfg)
	if u, ok := errors.AsType[*UsageError](err); ok {
		return nil, u
	}
	cfg = cfg.withDefaults()
	if err != nil {
		r := newReport(cfg, began, nil)
		r.undetermined(cleanerFor(cfg).clean(err.Error()))
		return r, nil
	}
	defer s.close()
	results := s.all(ctx, observers)
	r := s.report(began, results)
	if ctx.Err() != nil {
		r.undetermined("the run was interrupted")
	}
	return r, nil
}

// report is the account of a session's results.
func (s *session) report(began time.Time, results []Result) *Report {
	r := newReport(s.cfg, began, results)
	r.conclude(s.cfg)
	r.Hint = s.redact.clean(oneLine(cmp.Or(s.finding, s.tally.hint())))
	return r
}

// cleanerFor hides a configuration's secrets where there is no session.
func cleanerFor(cfg Config) *redactor {
	r := &redactor{}
	r.learn(cfg.Secret, cfg.SecondSecret, cfg.APIKey)
	return r
}

// all runs the specs: first those that may run side by side, then those that must be alone.
func (s *session) all(ctx context.Context, observers []func(Result)) []Result {
	specs := slices.DeleteFunc(Specs(s.provider, s.cfg.Role), func(sp Spec) bool { return !s.has(sp) })
	rand.New(rand.NewPCG(uint64(s.cfg.Seed), 0)).Shuffle(len(specs), func(i, j int) {
		specs[i], specs[j] = specs[j], specs[i]
	})
	together, alone := slices.Clone(specs), slices.Clone(specs)
	together = slices.DeleteFunc(together, func(sp Spec) bool { return sp.alone })
	alone = slices.DeleteFunc(alone, func(sp Spec) bool { return !sp.alone })
	c := &collector{observers: observers}
	s.spread(ctx, together, s.workers(), c)
	s.spread(ctx, alone, 1, c)
	return c.results
}

// has reports whether a spec belongs to the session.
func (s *session) has(sp Spec) bool { return sp.fits == nil || sp.fits(s) }

// workers is how many specs run side by side. An agent has one webhook, so that the roles around the configuration API
// run one spec at a time.
func (s *session) workers() int {
	if s.cfg.Role == contract.Sender || s.cfg.Role == contract.Config {
		return 1
	}
	return max(1, s.cfg.Parallel)
}

// spread runs specs on a number of workers.
func (s *session) spread(ctx context.Context, specs []Spec, workers int, c *collector) {
	queue := make(chan Spec)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for sp := range queue {
				c.add(s.judge(ctx, sp))
			}
		})
	}
	for _, sp := range specs {
		queue <- sp
	}
	close(queue)
	wg.Wait()
}

// collector gathers results and tells the observers.
type collector struct {
	mu        sync.Mutex
	results   []Result
	observers []func(Result)
}

func (c *collector) add(r Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, r)
	for _, o := range c.observers {
		o(r)
	}
}

// judge runs one spec, or says why it does not run.
func (s *session) judge(ctx context.Context, sp Spec) Result {
	began := time.Now()
	r := Result{Clause: sp.Clause, Name: sp.Name, Verdict: Conformant}
	if why := s.unselected(sp); why.cause != "" {
		r.Verdict, r.Cause, r.Reason = Skipped, why.cause, why.reason
		return r
	}
	p := &probe{session: s}
	if o := p.carryOut(ctx, sp); o != nil {
		r.Verdict, r.Cause, r.Reason, r.Failure = o.verdict, o.cause, o.reason, o.failure
		p.drain(ctx)
	}
	r.Duration = time.Since(began)
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Exchanges = p.log
	return r
}

// unselected says why a spec does not run in this session.
func (s *session) unselected(sp Spec) skip {
	clause, _ := s.provider.ClauseFor(sp.Clause)
	if reason, ok := s.cfg.Skip[sp.Clause]; ok {
		return skip{CauseRequest, "skipped on request: " + reason}
	}
	if !s.cfg.selects(sp.Clause, clause.Level) {
		return skip{CauseSelection, "not selected"}
	}
	if sp.needs != nil {
		return sp.needs(s)
	}
	return skip{}
}

// selects reports whether a clause is among those that the run is limited to.
func (c Config) selects(id contract.ClauseID, level contract.Level) bool {
	return (len(c.Clauses) == 0 || slices.Contains(c.Clauses, id)) && (len(c.Levels) == 0 || slices.Contains(c.Levels, level))
}

// carryOut runs a spec's body and returns how it ended, or nil when what it asks for holds. A panic that is no outcome
// is a mistake of the suite and not of the target.
func (p *probe) carryOut(ctx context.Context, sp Spec) (end *outcome) {
	ctx, cancel := context.WithTimeout(ctx, specLimit)
	defer cancel()
	defer func() {
		switch o := recover().(type) {
		case nil:
			if ctx.Err() != nil {
				end = &outcome{verdict: Undetermined, reason: "the spec ran out of time"}
			}
		case outcome:
			end = &o
		default:
			end = &outcome{verdict: Undetermined, reason: p.redact.clean(fmt.Sprintf("a mistake of the suite: %v", o))}
		}
	}()
	sp.run(ctx, p)
	p.aftermath(ctx)
	return nil
}
