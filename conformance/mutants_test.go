package conformance_test

import (
	"fmt"
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

// configFor is the run that judges a mutant. A reference, which is only ever late on a busy machine, has more time.
func configFor(m mutants.Mutant, t mutants.Target) conformance.Config {
	timeout, patience := timeout, 3*time.Second
	if m.Clause == "" {
		timeout, patience = 5*timeout, 5*patience
	}
	return conformance.Config{
		Role: m.Role, Provider: m.Provider, Scheme: t.Scheme,
		Target: t.TargetURL, Alias: t.AliasURL, Secret: t.Secret, SecondSecret: t.SecondSecret,
		UpstreamListen: upstreamOf(t), BodyBudget: t.BodyBudget, StoreFault: t.StoreFaultURL,
		API: t.APIURL, APIKey: t.APIKey, Agent: t.AgentID, OtherAgent: t.OtherAgentID,
		Trigger: t.TriggerURL, Advance: t.AdvanceURL,
		AttemptTimeout: t.AttemptTimeout, UpstreamTimeout: t.UpstreamTimeout, RotationOverlap: t.RotationOverlap, RateLimit: t.RateLimit, Workspace: t.Workspace,
		Timeout: timeout, Settle: 80 * time.Millisecond, Patience: patience,
	}
}

// judged is a mutant and what the suite says about it.
type judged struct {
	mutants.Mutant
	report *conformance.Report
	err    error
}

// judgeAll starts and judges mutants, a few at a time: most of a run is waiting, so that more of them fit than the
// machine has processors. One that surprises is judged once more, alone, since a machine that is busy with something else
// can make anything late.
func judgeAll(t *testing.T, all []mutants.Mutant) []judged {
	t.Helper()
	results := make([]judged, len(all))
	var group errgroup.Group
	group.SetLimit(12)
	for i, m := range all {
		address := freeAddress(t)
		group.Go(func() error {
			results[i] = judgeOne(t, m, address)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.err != nil || r.surprise() != "" {
			results[i] = judgeOne(t, r.Mutant, freeAddress(t))
		}
	}
	return results
}

// judgeOne starts and judges one mutant. A gate finds its receiver at the address.
func judgeOne(t *testing.T, m mutants.Mutant, upstream string) judged {
	env := mutants.Env{}
	if m.Role == contract.Gate {
		env.UpstreamURL = "http://" + upstream
	}
	report, err := conformance.Judge(t.Context(), configFor(m, m.Start(t, env)))
	return judged{m, report, err}
}

// surprise says how the verdict on a mutant differs from what is due to it: killed by its clause and by no unrelated one;
// a reference passes everything that applies to it.
func (m judged) surprise() string {
	killed := broken(m.report)
	if m.Clause != "" && !slices.Contains(killed, m.Clause) {
		return fmt.Sprintf("not killed by %s but by %v (result %s: %s)", m.Clause, killed, m.report.Result, m.report.Problem)
	}
	related := append([]contract.ClauseID{m.Clause}, m.Also...)
	stray := slices.DeleteFunc(killed, func(id contract.ClauseID) bool { return slices.Contains(related, id) })
	if len(stray) > 0 {
		return fmt.Sprintf("killed by the unrelated %v", stray)
	}
	if m.Clause != "" {
		return ""
	}
	if m.report.Result != conformance.ResultConformant {
		return fmt.Sprintf("a reference is %s: %s", m.report.Result, m.report.Problem)
	}
	for _, c := range m.report.Clauses {
		if c.Verdict != conformance.Conformant && c.Cause != conformance.CauseScheme {
			return fmt.Sprintf("%s is %s (%s %s)", c.ID, c.Verdict, c.Cause, c.Reason)
		}
	}
	return ""
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
	if testing.Short() {
		t.Skip("judging all mutants takes minutes")
	}
	all := mutants.All()
	if len(all) < 60 {
		t.Fatalf("%d mutants, want at least 60", len(all))
	}
	results := judgeAll(t, all)
	for _, m := range results {
		t.Run(m.Name, func(t *testing.T) { m.check(t) })
	}
	golden(t, "../docs/conformance-mutants.md", matrix(results))
}

// check fails the test when the verdict on a mutant is not what is due to it.
func (m judged) check(t *testing.T) {
	t.Helper()
	if m.err != nil {
		t.Fatalf("judging: %v", m.err)
	}
	if s := m.surprise(); s != "" {
		t.Errorf("%s %s", m.Fault, s)
		explain(t, m.report, append(broken(m.report), m.Clause))
	}
}

func TestReferencesPassEverything(t *testing.T) {
	t.Parallel()
	references := mutants.References()
	if len(references) == 0 {
		t.Fatal("no references")
	}
	for _, m := range judgeAll(t, references) {
		t.Run(m.Name, func(t *testing.T) { m.check(t) })
	}
}
