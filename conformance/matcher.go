package conformance

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"
)

// BeConformant returns a Gomega matcher that a *[Report] passes when its result is conformant, for those who judge in
// a suite of their own:
//
//	Expect(conformance.Judge(ctx, cfg)).To(conformance.BeConformant())
//
// Its message names every clause that was not found to hold, with the rule's text and what was seen.
func BeConformant() types.GomegaMatcher { return conformantMatcher{} }

type conformantMatcher struct{}

// Match implements [types.GomegaMatcher]. Anything but a *Report is an error.
func (conformantMatcher) Match(actual any) (bool, error) {
	report, ok := actual.(*Report)
	if !ok || report == nil {
		return false, fmt.Errorf("BeConformant wants a *conformance.Report, not %T", actual)
	}
	return report.Result == ResultConformant, nil
}

// FailureMessage implements [types.GomegaMatcher].
func (conformantMatcher) FailureMessage(actual any) string {
	report := actual.(*Report) // Match has made sure of it
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s is %s: %s", report.Provider, report.Role, report.Result, report.Problem)
	for _, c := range report.Clauses {
		if c.Verdict == NonConformant || c.Verdict == Undetermined {
			fmt.Fprintf(&text, "\n  %s (%s) %s: %s\n    %s", c.ID, c.Level, c.Verdict, c.Reason, c.Text)
		}
	}
	return text.String()
}

// NegatedFailureMessage implements [types.GomegaMatcher].
func (conformantMatcher) NegatedFailureMessage(actual any) string {
	report := actual.(*Report) // Match has made sure of it
	return fmt.Sprintf("%s %s is conformant, and was not to be", report.Provider, report.Role)
}
