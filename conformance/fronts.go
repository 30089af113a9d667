package conformance

import (
	"fmt"
	"strings"

	"github.com/darihook/darihook/contract"
)

// effectOn is what a result means to a test framework, which knows passing, failing and skipping alone.
type effectOn int

const (
	passes effectOn = iota
	fails
	skips
)

// translate turns a result into what a test framework is told, with a message. A clause that does not decide, and one
// that is expected to fail, can only be skipped.
func (c Config) translate(r Result) (effectOn, string) {
	clause, _ := c.provider().ClauseFor(r.Clause)
	reason, expected := c.ExpectedFailures[r.Clause]
	switch {
	case r.Verdict == Conformant:
		return passes, ""
	case r.Verdict == Skipped:
		return skips, r.Reason
	case expected:
		return skips, "expected to fail: " + reason
	case !clause.Decides():
		return skips, "provisional: " + describe(clause, r)
	}
	return fails, describe(clause, r)
}

// describe says what was wrong, with the clause's text and source and the request to repeat it with.
func describe(clause contract.Clause, r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s, %s): %s\nsource: %s\n", clause.ID, clause.Level, clause.Certainty, clause.Text, clause.Source)
	if r.Failure == nil {
		fmt.Fprintf(&b, "%s: %s", r.Verdict, r.Reason)
		return b.String()
	}
	fmt.Fprintf(&b, "expected: %s\nactual:   %s", r.Failure.Expected, r.Failure.Actual)
	if r.Failure.Diff != "" {
		fmt.Fprintf(&b, "\n%s", r.Failure.Diff)
	}
	if n := len(r.Exchanges); n > 0 && r.Exchanges[n-1].Curl != "" {
		fmt.Fprintf(&b, "\n%s", r.Exchanges[n-1].Curl)
	}
	return b.String()
}

// specsByClause are the specs of a configuration's provider and role, grouped by clause in the order of the contract.
func (c Config) specsByClause() [][]Spec {
	var groups [][]Spec
	for _, s := range Specs(c.provider(), c.Role) {
		if n := len(groups); n > 0 && groups[n-1][0].Clause == s.Clause {
			groups[n-1] = append(groups[n-1], s)
		} else {
			groups = append(groups, []Spec{s})
		}
	}
	return groups
}
