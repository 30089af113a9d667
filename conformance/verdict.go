package conformance

import (
	"fmt"
	"time"

	"github.com/darihook/darihook/contract"
)

// Verdict is what is known about a clause or a spec after a run.
type Verdict string

// The verdicts, as they are spelt in reports.
const (
	// Conformant: the spec ran and what it asks for holds.
	Conformant Verdict = "conformant"
	// NonConformant: the spec ran and what it asks for does not hold.
	NonConformant Verdict = "non-conformant"
	// Undetermined: the spec ran and could not tell, since the set-up or the target was at fault.
	Undetermined Verdict = "undetermined"
	// Skipped: the spec did not run.
	Skipped Verdict = "skipped"
)

// Cause says why a spec was skipped.
type Cause string

// The causes.
const (
	// CauseRequest: the person who started the run named the clause in Config.Skip.
	CauseRequest Cause = "request"
	// CauseSelection: the run was limited to other clauses or levels.
	CauseSelection Cause = "selection"
	// CauseInput: the spec needs something that was not given, such as a second secret.
	CauseInput Cause = "input"
	// CauseScheme: the clause says nothing about the signing scheme, or the provider, of this run.
	CauseScheme Cause = "scheme"
	// CauseUnobservable: the clause cannot be seen from outside.
	CauseUnobservable Cause = "unobservable"
)

// Failure is what a spec found wrong.
type Failure struct {
	// Expected and Actual are what the clause asks for and what was seen, each in one or a few lines.
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
	// Diff is the difference between the two where they are long, in the form of go-cmp. Lines with - were expected.
	Diff string `json:"diff,omitempty"`
}

// Result is the outcome of one spec.
type Result struct {
	Clause  contract.ClauseID `json:"-"`
	Name    string            `json:"name"`
	Verdict Verdict           `json:"verdict"`
	// Cause and Reason say why a spec was skipped, and Reason also why it is undetermined.
	Cause  Cause  `json:"cause,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Failure is set when the verdict is non-conformant.
	Failure *Failure `json:"failure,omitempty"`
	// Duration is how long the spec ran.
	Duration time.Duration `json:"duration_ns"`
	// Exchanges are the requests that the spec made or received, redacted, in order.
	Exchanges []Exchange `json:"exchanges,omitempty"`
}

// outcome ends a spec early. A probe panics with it and the engine recovers it.
type outcome struct {
	verdict Verdict
	cause   Cause
	reason  string
	failure *Failure
}

// skip is the reason for which a spec does not apply or cannot run. The zero value means that it runs.
type skip struct {
	cause  Cause
	reason string
}

// given returns no skip when the condition holds, and otherwise one for want of an input.
func given(ok bool, format string, args ...any) skip {
	if ok {
		return skip{}
	}
	return skip{CauseInput, fmt.Sprintf(format, args...)}
}

// applies returns no skip when the condition holds, and otherwise one for a scheme that the clause does not touch.
func applies(ok bool, format string, args ...any) skip {
	if ok {
		return skip{}
	}
	return skip{CauseScheme, fmt.Sprintf(format, args...)}
}
