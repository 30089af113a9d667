package conformance_test

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
)

// timeout is how long a mutant may take to answer.
const timeout = 2 * time.Second

// configFor is the run that judges a mutant.
func configFor(m mutants.Mutant, t mutants.Target) conformance.Config {
	return conformance.Config{
		Role: m.Role, Scheme: t.Scheme,
		Target: t.TargetURL, Alias: t.AliasURL, Secret: t.Secret, SecondSecret: t.SecondSecret,
		UpstreamListen: upstreamOf(t), BodyBudget: t.BodyBudget, StoreFault: t.StoreFaultURL,
		API: t.APIURL, APIKey: t.APIKey, Agent: t.AgentID, OtherAgent: t.OtherAgentID,
		Trigger: t.TriggerURL, Advance: t.AdvanceURL,
		AttemptTimeout: t.AttemptTimeout, UpstreamTimeout: t.UpstreamTimeout, RotationOverlap: t.RotationOverlap,
		Timeout: timeout, Settle: 80 * time.Millisecond, Patience: 3 * time.Second,
	}
}

// judged is a mutant and what the suite says about it.
type judged struct {
	mutants.Mutant
	report *conformance.Report
	err    error
}

// judgeAll starts and judges mutants, a few at a time: most of a run is waiting, so that more of them fit than the
// machine has processors.
func judgeAll(t *testing.T, all []mutants.Mutant) []judged {
	t.Helper()
	results := make([]judged, len(all))
	var group errgroup.Group
	group.SetLimit(12)
	for i, m := range all {
		env := mutants.Env{}
		if m.Role == contract.Gate {
			env.UpstreamURL = "http://" + freeAddress(t)
		}
		group.Go(func() error {
			report, err := conformance.Judge(t.Context(), configFor(m, m.Start(t, env)))
			results[i] = judged{m, report, err}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	return results
}

// broken lists the clauses that a report calls non-conformant.
func broken(r *conformance.Report) []contract.ClauseID {
	var ids []contract.ClauseID
	for _, c := range r.Clauses {
		if c.Verdict == conformance.NonConformant {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// explain logs what the specs of some clauses saw.
func explain(t *testing.T, r *conformance.Report, ids []contract.ClauseID) {
	t.Helper()
	for _, c := range r.Clauses {
		for _, s := range c.Specs {
			if slices.Contains(ids, c.ID) && s.Verdict == conformance.NonConformant {
				t.Logf("%s %s: expected %s, actual %s %s", c.ID, s.Name, s.Failure.Expected, s.Failure.Actual, s.Failure.Diff)
			}
			if slices.Contains(ids, c.ID) && s.Verdict == conformance.Undetermined {
				t.Logf("%s %s: undetermined: %s", c.ID, s.Name, s.Reason)
			}
		}
	}
}

func TestEveryMutantIsKilledByItsClause(t *testing.T) {
	t.Parallel()
	all := mutants.All()
	if len(all) < 60 {
		t.Fatalf("%d mutants, want at least 60", len(all))
	}
	for _, m := range judgeAll(t, all) {
		t.Run(m.Name, func(t *testing.T) {
			if m.err != nil {
				t.Fatalf("judging: %v", m.err)
			}
			report := m.report
			killed := broken(report)
			if !slices.Contains(killed, m.Clause) {
				t.Errorf("%s: not killed by %s but by %v (result %s, %s)", m.Fault, m.Clause, killed, report.Result, report.Problem)
				explain(t, report, append(killed, m.Clause))
			}
			related := append([]contract.ClauseID{m.Clause}, m.Also...)
			if stray := slices.DeleteFunc(killed, func(id contract.ClauseID) bool { return slices.Contains(related, id) }); len(stray) > 0 {
				t.Errorf("%s: %s should kill it, and so did the unrelated %v", m.Fault, m.Clause, stray)
				explain(t, report, stray)
			}
		})
	}
}

func TestReferencesPassEverything(t *testing.T) {
	t.Parallel()
	references := mutants.References()
	if len(references) == 0 {
		t.Fatal("no references")
	}
	for _, m := range judgeAll(t, references) {
		t.Run(m.Name, func(t *testing.T) {
			if m.err != nil {
				t.Fatalf("judging: %v", m.err)
			}
			report := m.report
			if report.Result != conformance.ResultConformant || report.Exit != 0 {
				t.Errorf("result %s: %s", report.Result, report.Problem)
			}
			for _, c := range report.Clauses {
				if c.Verdict != conformance.Conformant && c.Cause != conformance.CauseScheme {
					t.Errorf("%s is %s (%s %s)", c.ID, c.Verdict, c.Cause, c.Reason)
					explain(t, report, []contract.ClauseID{c.ID})
				}
			}
		})
	}
}
