package conformance

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// Schema names the form of the JSON report. It changes when a field changes its meaning or goes away.
const Schema = "darihook.conformance/v1"

// Outcome is the result of a whole run.
type Outcome string

// The results of a run.
const (
	// ResultConformant: every deciding clause that was selected holds.
	ResultConformant Outcome = "conformant"
	// ResultNonConformant: a deciding clause does not hold.
	ResultNonConformant Outcome = "non-conformant"
	// ResultPartial: no deciding clause was found broken, but one was skipped on request or for want of an input.
	ResultPartial Outcome = "partial"
	// ResultUndetermined: the question could not be decided.
	ResultUndetermined Outcome = "undetermined"
)

// The exit codes of a run.
const (
	// ExitPassed: conformant, or failed in exactly the expected ways.
	ExitPassed = 0
	// ExitFailed: non-conformant, or an expected failure did not happen.
	ExitFailed = 1
	// ExitUsage: the configuration cannot be run.
	ExitUsage = 2
	// ExitUndetermined: undetermined or partial.
	ExitUndetermined = 3
)

// Report is the account of one run. It holds no secret.
type Report struct {
	Schema string `json:"schema"`
	// Suite is the version of the suite.
	Suite    string        `json:"suite"`
	Role     contract.Role `json:"role"`
	Provider string        `json:"provider"`
	// Scheme is the name of the signing scheme. Empty: the provider signs nothing.
	Scheme         string         `json:"scheme"`
	Implementation Implementation `json:"implementation"`
	// Configuration is what was in effect, by the names of the command's flags. Secrets stand as "[redacted]".
	Configuration map[string]string `json:"configuration"`
	Started       time.Time         `json:"started"`
	Duration      time.Duration     `json:"duration_ns"`
	Result        Outcome           `json:"result"`
	// Exit is the exit code of the run.
	Exit int `json:"exit"`
	// Problem says in one line why the result is what it is. Empty when it is conformant.
	Problem string `json:"problem,omitempty"`
	// Hint says what to look at first where the target seems to be another than was meant, or set up in another way.
	Hint    string  `json:"hint,omitempty"`
	Summary Summary `json:"summary"`
	// Unexpected are the expected failures that did not happen.
	Unexpected []contract.ClauseID `json:"expected_failures_that_did_not_happen,omitempty"`
	Clauses    []ClauseReport      `json:"clauses"`
}

// Summary counts clauses by their verdict, and the specs that ran.
type Summary struct {
	Conformant    int `json:"conformant"`
	NonConformant int `json:"non_conformant"`
	Undetermined  int `json:"undetermined"`
	Skipped       int `json:"skipped"`
	// Executed is how many specs ran and came to a verdict.
	Executed int `json:"executed_specs"`
}

// ClauseReport is the account of one clause.
type ClauseReport struct {
	ID          contract.ClauseID  `json:"id"`
	Level       contract.Level     `json:"level"`
	Certainty   contract.Certainty `json:"certainty"`
	Provisional bool               `json:"provisional"`
	Text        string             `json:"text"`
	Source      string             `json:"source"`
	Verdict     Verdict            `json:"verdict"`
	Cause       Cause              `json:"cause,omitempty"`
	Reason      string             `json:"reason,omitempty"`
	// Expected is the reason for which a failure of the clause is expected.
	Expected string `json:"expected_failure,omitempty"`
	// Limit says which part of the clause cannot be seen from outside.
	Limit string   `json:"limit,omitempty"`
	Specs []Result `json:"specs"`
}

// decides reports whether the clause has a say in the result of the run.
func (c ClauseReport) decides() bool { return c.Level == contract.Must && !c.Provisional }

// newReport lays a report out: every clause that the role owes, with the results that belong to it.
func newReport(cfg Config, began time.Time, results []Result) *Report {
	r := &Report{
		Schema: Schema, Suite: suiteVersion(), Role: cfg.Role, Provider: cfg.Provider, Scheme: schemeName(cfg),
		Implementation: cfg.Implementation, Configuration: cfg.effective(),
		Started: began.UTC(), Duration: time.Since(began), Clauses: []ClauseReport{},
	}
	for _, c := range cfg.provider().Owed(cfg.Role) {
		r.Clauses = append(r.Clauses, newClauseReport(c, cfg, results))
	}
	for _, c := range r.Clauses {
		r.Summary.add(c)
	}
	return r
}

// schemeName is the name of the scheme in effect.
func schemeName(cfg Config) string {
	s, err := cfg.scheme(cfg.provider())
	if err != nil {
		return cfg.Scheme
	}
	return s.Name
}

// suiteVersion is the version that the binary was built from.
func suiteVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func newClauseReport(c contract.Clause, cfg Config, results []Result) ClauseReport {
	cr := ClauseReport{
		ID: c.ID, Level: c.Level, Certainty: c.Certainty, Provisional: c.Certainty == contract.Inferred,
		Text: c.Text, Source: c.Source, Expected: cfg.ExpectedFailures[c.ID], Limit: Unobservable()[c.ID],
		Specs: []Result{},
	}
	for _, r := range results {
		if r.Clause == c.ID {
			cr.Specs = append(cr.Specs, r)
		}
	}
	slices.SortStableFunc(cr.Specs, func(a, b Result) int { return cmp.Compare(a.Name, b.Name) })
	cr.sumUp()
	return cr
}

// sumUp gives the clause the gravest verdict of its specs. Specs that were skipped count only when all were.
func (c *ClauseReport) sumUp() {
	c.Verdict, c.Cause, c.Reason = Skipped, CauseUnobservable, "no spec of the suite ran for it"
	for _, grave := range []Verdict{Skipped, Conformant, Undetermined, NonConformant} {
		for _, s := range c.Specs {
			if s.Verdict == grave {
				c.Verdict, c.Cause, c.Reason = grave, s.Cause, s.Reason
			}
		}
	}
}

func (s *Summary) add(c ClauseReport) {
	switch c.Verdict {
	case Conformant:
		s.Conformant++
	case NonConformant:
		s.NonConformant++
	case Undetermined:
		s.Undetermined++
	case Skipped:
		s.Skipped++
	}
	for _, r := range c.Specs {
		if r.Verdict == Conformant || r.Verdict == NonConformant {
			s.Executed++
		}
	}
}

// undetermined makes the run undetermined, for a reason.
func (r *Report) undetermined(reason string) {
	r.Result, r.Exit, r.Problem = ResultUndetermined, ExitUndetermined, oneLine(reason)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// conclude works the result out from the clauses. The gravest reason wins.
func (r *Report) conclude(cfg Config) {
	broken := r.deciding(NonConformant, "")
	unclear := r.deciding(Undetermined, "")
	missing := append(r.deciding(Skipped, CauseInput), r.deciding(Skipped, CauseRequest)...)
	missing = append(missing, r.deciding(Skipped, CauseUnobservable)...)
	r.Result, r.Exit = ResultConformant, ExitPassed
	switch {
	case len(broken) > 0:
		r.Result, r.Exit = ResultNonConformant, ExitFailed
		r.Problem = "broken: " + join(broken)
	case r.Summary.Executed == 0:
		r.undetermined("no spec came to a verdict")
	case len(unclear) > 0:
		r.undetermined("could not tell: " + join(unclear))
	case !r.decided() && len(r.provisional()) > 0:
		r.undetermined("nothing that is verified binds this role, and of what is inferred this does not hold: " + join(r.provisional()))
	case len(missing) > 0:
		r.Result, r.Exit, r.Problem = ResultPartial, ExitUndetermined, "not tested: "+join(missing)
		if cfg.AllowPartial {
			r.Exit = ExitPassed
		}
	}
	r.expect(cfg)
}

// expect applies the expected failures: a run passes when it fails in exactly those, and fails when one did not happen.
func (r *Report) expect(cfg Config) {
	surprise := false
	for _, c := range r.Clauses {
		if c.Expected != "" && c.Verdict != NonConformant && c.Cause != CauseSelection {
			r.Unexpected = append(r.Unexpected, c.ID)
		}
		surprise = surprise || c.Expected == "" && c.decides() && c.Verdict == NonConformant
	}
	switch {
	case len(r.Unexpected) > 0:
		r.Exit = ExitFailed
		r.Problem = strings.TrimPrefix(r.Problem+"; expected to fail but did not: "+join(r.Unexpected), "; ")
	case r.Result == ResultNonConformant && !surprise:
		r.Exit = ExitPassed
		r.Problem += " (all of them expected)"
	}
}

// deciding lists the clauses that decide and have a verdict, and where one is given a cause.
func (r *Report) deciding(v Verdict, cause Cause) []contract.ClauseID {
	var ids []contract.ClauseID
	for _, c := range r.Clauses {
		if c.decides() && c.Verdict == v && (cause == "" || c.Cause == cause) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// verdicts lists the clauses of a verdict in the form of the option that selects them.
func (r *Report) verdicts(v Verdict) string {
	var ids []string
	for _, c := range r.Clauses {
		if c.Verdict == v {
			ids = append(ids, string(c.ID))
		}
	}
	return strings.Join(ids, ",")
}

// decided reports whether any clause that decides applies to what was judged.
func (r *Report) decided() bool {
	return slices.ContainsFunc(r.Clauses, func(c ClauseReport) bool { return c.decides() && c.Cause != CauseScheme })
}

// provisional lists the clauses that do not decide though they are a MUST, and that do not hold or could not be judged.
func (r *Report) provisional() []contract.ClauseID {
	var ids []contract.ClauseID
	for _, c := range r.Clauses {
		if c.Level == contract.Must && c.Provisional && (c.Verdict == NonConformant || c.Verdict == Undetermined) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func join(ids []contract.ClauseID) string {
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = string(id)
	}
	return strings.Join(words, ", ")
}

// effective is the configuration as reports show it.
func (c Config) effective() map[string]string {
	all := map[string]string{
		"target": withoutUser(c.Target), "secret": hide(c.Secret), "second-secret": hide(c.SecondSecret),
		"counter": withoutUser(c.Counter), "alias": withoutUser(c.Alias), "listen": c.Listen, "public-url": c.PublicURL,
		"upstream-listen": c.UpstreamListen, "api": withoutUser(c.API), "api-key": hide(c.APIKey), "agent": c.Agent,
		"other-agent": c.OtherAgent, "workspace": c.Workspace, "webhook-url": withoutUser(c.WebhookURL),
		"trigger": hide(c.Trigger), "advance": hide(c.Advance), "store-fault": hide(c.StoreFault),
		"time-scale": fmt.Sprint(c.TimeScale), "timeout": c.Timeout.String(), "settle": c.Settle.String(),
		"patience": c.Patience.String(), "attempt-timeout": c.AttemptTimeout.String(),
		"rotation-overlap": c.RotationOverlap.String(), "upstream-timeout": c.UpstreamTimeout.String(), "past": c.Past.String(), "future": c.Future.String(),
		"rate-limit": fmt.Sprint(c.RateLimit), "max-body": fmt.Sprint(c.MaxBody), "body-budget": fmt.Sprint(c.BodyBudget),
		"parallel": fmt.Sprint(c.Parallel), "seed": fmt.Sprint(c.Seed),
		"clause": join(c.Clauses), "skip": fmt.Sprint(len(c.Skip)), "expected-failures": fmt.Sprint(len(c.ExpectedFailures)),
	}
	clean := cleanerFor(c)
	for name, value := range all {
		if value == "" || value == "0" || value == "0s" {
			delete(all, name)
		} else {
			all[name] = clean.clean(value)
		}
	}
	return all
}

// hide shows that a value was given and not what it is. Commands may hold secrets, too.
func hide(value string) string {
	if value == "" {
		return ""
	}
	return "[redacted]"
}
