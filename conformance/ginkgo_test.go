package conformance_test

import (
	"slices"
	"testing"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
)

// reference is the correct implementation of a role.
func reference(t *testing.T, role contract.Role) mutants.Mutant {
	t.Helper()
	for _, m := range mutants.References() {
		if m.Role == role && m.Provider == "dari" {
			return m
		}
	}
	t.Fatalf("there is no reference for a %s", role)
	return mutants.Mutant{}
}

// mutantCalled is the mutant of that name.
func mutantCalled(t *testing.T, name string) mutants.Mutant {
	t.Helper()
	all := mutants.All()
	i := slices.IndexFunc(all, func(m mutants.Mutant) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("there is no mutant %s", name)
	}
	return all[i]
}

// quietly keeps a run short.
func quietly(cfg conformance.Config) conformance.Config {
	cfg.Timeout, cfg.Settle, cfg.Patience = 2*time.Second, 50*time.Millisecond, 2*time.Second
	return cfg
}

// TestRegisteredInGinkgo runs a real Ginkgo suite that holds the role receiver twice: for the reference, and for a mutant
// whose one failing clause is expected. Ginkgo runs one suite in a process, so that this is the only test of it here.
func TestRegisteredInGinkgo(t *testing.T) {
	right := reference(t, contract.Receiver)
	wrong := mutantCalled(t, "receiver/prefix-compared")
	expected := map[contract.ClauseID]string{wrong.Clause: "it is wrong on purpose"}
	for _, id := range wrong.Also {
		expected[id] = "it is wrong on purpose"
	}
	conformance.Register(conformance.Config{Role: contract.Receiver}, func(cfg *conformance.Config) {
		*cfg = quietly(configFor(right, right.Start(t, mutants.Env{})))
	})
	conformance.Register(conformance.Config{Role: contract.Receiver}, func(cfg *conformance.Config) {
		*cfg = quietly(configFor(wrong, wrong.Start(t, mutants.Env{})))
		cfg.ExpectedFailures = expected
	})
	var report types.Report
	ginkgo.ReportAfterSuite("what ran", func(r ginkgo.Report) { report = r })
	suite, reporter := ginkgo.GinkgoConfiguration()
	reporter.Succinct, reporter.NoColor = true, true
	if !ginkgo.RunSpecs(t, "conformance in Ginkgo", suite, reporter) {
		t.Fatal("the suite failed")
	}
	checkGinkgo(t, report, wrong.Clause)
}

// checkGinkgo looks at what a Ginkgo suite says about its specs.
func checkGinkgo(t *testing.T, report types.Report, expected contract.ClauseID) {
	t.Helper()
	passed, skippedForIt := 0, 0
	for _, s := range report.SpecReports.WithLeafNodeType(types.NodeTypeIt) {
		if !slices.Contains(s.Labels(), "receiver") || len(s.Labels()) < 4 {
			t.Errorf("%s has the labels %v, want role, clause, level and certainty", s.FullText(), s.Labels())
		}
		if s.State == types.SpecStatePassed {
			passed++
		}
		if s.State == types.SpecStateSkipped && slices.Contains(s.Labels(), string(expected)) {
			skippedForIt++
		}
	}
	if passed < 100 {
		t.Errorf("%d specs passed, want at least 100", passed)
	}
	if skippedForIt == 0 {
		t.Errorf("no spec of %s was skipped as an expected failure", expected)
	}
}

// TestRunInAGoTest runs the suite as subtests.
func TestRunInAGoTest(t *testing.T) {
	t.Parallel()
	m := reference(t, contract.Config)
	report := conformance.Run(t, quietly(configFor(m, m.Start(t, mutants.Env{}))))
	if report.Result != conformance.ResultConformant || report.Summary.Executed == 0 {
		t.Errorf("result %s after %d specs", report.Result, report.Summary.Executed)
	}
}
