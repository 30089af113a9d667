package conformance

import (
	"fmt"
	"time"

	"github.com/onsi/ginkgo/v2"
)

// Register adds the suite to the Ginkgo suite that is being built: a container for the role, in it one for each clause,
// and in that a spec for each of the clause's. Labels are the role, the clause's id, its level and its certainty, so
// that --label-filter='MUST && verified' selects what decides.
//
// Call it where Describe may be called. Config needs no more than Role and Provider then: configure, which may be nil, is
// called before the first spec and fills in what is known only at that time, such as the URL of a receiver that a
// BeforeSuite started.
//
// A spec fails where a deciding clause does not hold or cannot be judged. What does not decide is skipped, with what was
// found. The container fails where an expected failure did not happen. Every spec carries its [Result], and the last one
// the whole [Report], as a report entry. The specs share one target and run in order, in one process. The result is always
// true, so that the call can stand in a declaration.
func Register(cfg Config, configure func(*Config)) bool {
	return ginkgo.Describe("a "+string(cfg.Role), ginkgo.Ordered, ginkgo.ContinueOnFailure, ginkgo.Serial,
		ginkgo.Label(string(cfg.Role)), func() { registerRole(&registered{cfg: cfg, configure: configure}) })
}

// registered is a role in somebody's Ginkgo suite.
type registered struct {
	cfg       Config
	configure func(*Config)
	session   *session
	results   []Result
	// strangers is how many specs do not belong to the session's scheme.
	strangers int
	began     time.Time
}

// registerRole makes the containers and specs.
func registerRole(r *registered) {
	ginkgo.BeforeAll(r.begin)
	ginkgo.AfterAll(r.end)
	p := r.cfg.provider()
	for _, group := range r.cfg.specsByClause() {
		c, _ := p.ClauseFor(group[0].Clause)
		labels := ginkgo.Label(string(c.ID), string(c.Level), string(c.Certainty))
		ginkgo.Context(fmt.Sprintf("%s %s", c.ID, c.Text), labels, func() {
			for _, sp := range group {
				ginkgo.It(sp.Name, func(ctx ginkgo.SpecContext) { r.spec(ctx, sp) }, ginkgo.NodeTimeout(specLimit+time.Minute))
			}
		})
	}
}

// begin opens the session.
func (r *registered) begin(ctx ginkgo.SpecContext) {
	role, provider := r.cfg.Role, r.cfg.provider().Name
	if r.configure != nil {
		r.configure(&r.cfg)
	}
	if r.cfg.Role != role || r.cfg.provider().Name != provider {
		ginkgo.Fail("the specs were laid out for the role " + string(role) + " of " + provider + ": give Register the role and the provider")
	}
	r.began = time.Now()
	var err error
	if r.session, err = open(ctx, r.cfg); err != nil {
		ginkgo.Fail(cleanerFor(r.cfg).clean(err.Error()))
	}
	r.cfg = r.session.cfg
}

// spec runs one spec and tells Ginkgo.
func (r *registered) spec(ctx ginkgo.SpecContext, sp Spec) {
	if !r.session.has(sp) {
		r.strangers++
		ginkgo.Skip("the spec is for another scheme")
	}
	result := r.session.judge(ctx, sp)
	r.results = append(r.results, result)
	ginkgo.AddReportEntry("result", ginkgo.ReportEntryVisibilityNever, result)
	switch effect, message := r.cfg.translate(result); effect {
	case fails:
		ginkgo.Fail(message)
	case skips:
		ginkgo.Skip(message)
	case passes:
	}
}

// end closes the session and hands the report over.
func (r *registered) end() {
	if r.session == nil {
		return
	}
	r.session.close()
	report := r.session.report(r.began, r.results)
	ginkgo.AddReportEntry("report", ginkgo.ReportEntryVisibilityNever, *report)
	if all := len(Specs(r.cfg.provider(), r.cfg.Role)); len(r.results)+r.strangers == all && len(report.Unexpected) > 0 {
		ginkgo.Fail("expected to fail but did not: " + join(report.Unexpected))
	}
}
