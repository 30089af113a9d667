package conformance_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

// TestHints shows which targets a run says of that they may be others than were meant.
func TestHints(t *testing.T) {
	t.Parallel()
	p, secret := contract.Stripe(), "whsec_0123456789abcdef0123"
	some := ids("SIG-001", "SIG-002", "SIG-003", "SIG-005", "DLV-013", "DLV-014")
	always := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>Log in</html>", status) })
	}
	for _, row := range []struct {
		name    string
		target  http.Handler
		clauses []contract.ClauseID
		want    string
	}{
		{"ok/right", newCountingReceiver(t, p, secret), some, ""},
		{"ok/too little was asked", always(http.StatusNotFound), ids("DLV-011"), ""},
		{"fail/another path", always(http.StatusNotFound), some, "the last answer was 404 Not Found: <html>Log in</html>"},
		{"fail/another secret", newCountingReceiver(t, p, "whsec_another_secret_of_this"), some, "the last answer was 401 Unauthorized"},
		{"fail/no receiver of webhooks", always(http.StatusOK), some, "requests that are wrong was refused"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(row.target)
			t.Cleanup(server.Close)
			report, err := conformance.Judge(t.Context(), quietly(conformance.Config{
				Role: contract.Receiver, Provider: p.Name, Target: server.URL, Secret: secret, Clauses: row.clauses,
			}))
			if err != nil {
				t.Fatal(err)
			}
			if (report.Hint == "") != (row.want == "") || !strings.Contains(report.Hint, row.want) {
				t.Errorf("the hint is %q, want %q", report.Hint, row.want)
			}
			var console, page strings.Builder
			conformance.NewConsole(&console).Conclude(report)
			if err := report.WriteHTML(&page); err != nil {
				t.Fatal(err)
			}
			if row.want != "" && (!strings.Contains(console.String(), report.Hint) || !strings.Contains(page.String(), `id="hint"`)) {
				t.Error("the hint is not shown")
			}
		})
	}
}
