package examples_test

import (
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// TestReceiverIsConformant lets the suite judge the receivers as it judges anybody's.
func TestReceiverIsConformant(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		url, _ := e.start(t)
		report, err := conformance.Judge(t.Context(), conformance.Config{
			Role: contract.Receiver, Target: url + "/hooks/dari", Secret: secret, SecondSecret: secondSecret,
			Settle: 100 * time.Millisecond,
		})
		if err != nil {
			t.Fatalf("judging: %v", err)
		}
		if report.Result != conformance.ResultConformant {
			t.Errorf("result %s: %s", report.Result, report.Problem)
		}
		for _, c := range report.Clauses {
			if c.Verdict != conformance.Conformant {
				t.Errorf("%s is %s: %s", c.ID, c.Verdict, c.Reason)
				for _, s := range c.Specs {
					if s.Failure != nil {
						t.Logf("%s: expected %s, actual %s", s.Name, s.Failure.Expected, s.Failure.Actual)
					}
				}
			}
		}
	})
}
