package conformance_test

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
)

func TestBeConformant(t *testing.T) {
	t.Parallel()
	g := gomega.NewWithT(t)
	right := reference(t, contract.Config)
	g.Expect(conformance.Judge(t.Context(), quietly(configFor(right, right.Start(t, mutants.Env{}))))).
		To(conformance.BeConformant())

	wrong := mutantCalled(t, "config/secret-in-get")
	report, err := conformance.Judge(t.Context(), quietly(configFor(wrong, wrong.Start(t, mutants.Env{}))))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(report).NotTo(conformance.BeConformant())
	clause, _ := contract.ClauseFor(wrong.Clause)
	for _, want := range []string{"non-conformant", string(wrong.Clause), clause.Text} {
		if message := conformance.BeConformant().FailureMessage(report); !strings.Contains(message, want) {
			t.Errorf("the message lacks %q:\n%s", want, message)
		}
	}
	_, err = conformance.BeConformant().Match("a text")
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("*conformance.Report")))
}
