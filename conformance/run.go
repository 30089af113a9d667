package conformance

import (
	"testing"
	"time"
)

// Run judges an implementation inside of a Go test and returns the report. Each clause is a subtest, and each of its
// specs a subtest of that one, so that -run selects them. It can be called any number of times in a test binary.
//
// The test fails where a deciding clause does not hold or cannot be judged, where nothing ran, and where an expected
// failure did not happen. What does not decide is skipped with what was found. A configuration that cannot be run, or a
// target that cannot be reached, is fatal.
func Run(t *testing.T, cfg Config) *Report {
	t.Helper()
	began := time.Now()
	s, err := open(t.Context(), cfg)
	if err != nil {
		t.Fatal(cleanerFor(cfg).clean(err.Error()))
	}
	defer s.close()
	cfg = s.cfg
	var results []Result
	for _, group := range cfg.specsByClause() {
		t.Run(string(group[0].Clause), func(t *testing.T) {
			for _, sp := range group {
				if !s.has(sp) {
					continue
				}
				t.Run(sp.Name, func(t *testing.T) {
					r := s.judge(t.Context(), sp)
					results = append(results, r)
					tell(t, cfg, r)
				})
			}
		})
	}
	report := s.report(began, results)
	if report.Hint != "" {
		t.Log(report.Hint)
	}
	switch {
	case len(report.Unexpected) > 0:
		t.Errorf("expected to fail but did not: %s", join(report.Unexpected))
	case report.Summary.Executed == 0:
		t.Error("no spec came to a verdict")
	}
	return report
}

// tell passes a result on to a test.
func tell(t *testing.T, cfg Config, r Result) {
	t.Helper()
	switch effect, message := cfg.translate(r); effect {
	case fails:
		t.Error(message)
	case skips:
		t.Skip(message)
	case passes:
	}
}
