package conformance_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
)

// TestSenderWithoutAClock asks for retries where nothing lets time pass: those clauses are undetermined and say what would
// help, and the others are judged.
func TestSenderWithoutAClock(t *testing.T) {
	t.Parallel()
	m := reference(t, contract.Sender)
	cfg := quietly(configFor(m, m.Start(t, mutants.Env{})))
	cfg.Advance, cfg.Patience = "", 300*time.Millisecond
	report, err := conformance.Judge(t.Context(), cfg)
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	if report.Result != conformance.ResultUndetermined || report.Exit != conformance.ExitUndetermined {
		t.Errorf("result %s, exit %d, want undetermined", report.Result, report.Exit)
	}
	if lost := broken(report); len(lost) > 0 {
		t.Errorf("broken: %v", lost)
		explain(t, report, lost)
	}
	i := slices.IndexFunc(report.Clauses, func(c conformance.ClauseReport) bool { return c.ID == "DLV-002" })
	if c := report.Clauses[i]; c.Verdict != conformance.Undetermined || !strings.Contains(c.Reason, "--advance or --time-scale") {
		t.Errorf("DLV-002 is %s: %q", c.Verdict, c.Reason)
	}
}

// TestNothingDecidesAboutASenderOfTess judges a sender of which nothing is verified: one that breaks what is inferred is
// undetermined, and never found non-conformant.
func TestNothingDecidesAboutASenderOfTess(t *testing.T) {
	t.Parallel()
	m := mutantCalled(t, "tess-sender/signature-made-up")
	report, err := conformance.Judge(t.Context(), quietly(configFor(m, m.Start(t, mutants.Env{}))))
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	if report.Result != conformance.ResultUndetermined || report.Exit != conformance.ExitUndetermined || !isBroken(report, m.Clause) {
		t.Errorf("result %s, exit %d, broken %v, want undetermined for %s", report.Result, report.Exit, broken(report), m.Clause)
	}
	if !strings.HasPrefix(report.Problem, "nothing that is verified binds this role") || !strings.HasSuffix(report.Problem, string(m.Clause)) {
		t.Errorf("problem: %q", report.Problem)
	}
}
