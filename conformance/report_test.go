package conformance_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
)

// judgeWith judges a mutant under a configuration that was changed.
func judgeWith(t *testing.T, m mutants.Mutant, change func(*conformance.Config)) *conformance.Report {
	t.Helper()
	cfg := quietly(configFor(m, m.Start(t, mutants.Env{})))
	change(&cfg)
	report, err := conformance.Judge(t.Context(), cfg)
	if err != nil {
		t.Fatalf("judging: %v", err)
	}
	return report
}

func TestResults(t *testing.T) {
	t.Parallel()
	right, wrong := reference(t, contract.Receiver), mutantCalled(t, "receiver/signature-optional")
	provisional := mutantCalled(t, "receiver/future-accepted")
	for name, tt := range map[string]struct {
		of     mutants.Mutant
		change func(*conformance.Config)
		result conformance.Outcome
		exit   int
	}{
		"ok/reference":         {right, func(*conformance.Config) {}, conformance.ResultConformant, 0},
		"ok/selection":         {right, func(c *conformance.Config) { c.Clauses = ids("SIG-003") }, conformance.ResultConformant, 0},
		"ok/level":             {right, func(c *conformance.Config) { c.Levels = []contract.Level{contract.Should} }, conformance.ResultConformant, 0},
		"ok/provisional":       {provisional, func(c *conformance.Config) { c.Clauses = ids("TIME-003") }, conformance.ResultConformant, 0},
		"ok/expected":          {wrong, func(c *conformance.Config) { c.ExpectedFailures = because("SIG-003") }, conformance.ResultNonConformant, 0},
		"ok/partial-allowed":   {right, func(c *conformance.Config) { c.Skip, c.AllowPartial = because("SIG-001"), true }, conformance.ResultPartial, 0},
		"fail/broken":          {wrong, func(*conformance.Config) {}, conformance.ResultNonConformant, 1},
		"fail/not-as-expected": {right, func(c *conformance.Config) { c.ExpectedFailures = because("SIG-003") }, conformance.ResultConformant, 1},
		"fail/partial":         {right, func(c *conformance.Config) { c.Skip = because("SIG-001") }, conformance.ResultPartial, 3},
		"fail/nothing-ran": {right, func(c *conformance.Config) { c.Clauses, c.Skip = ids("SIG-001"), because("SIG-001") },
			conformance.ResultUndetermined, 3},
		"fail/unreachable": {right, func(c *conformance.Config) { c.Target = "http://127.0.0.1:1/" }, conformance.ResultUndetermined, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := judgeWith(t, tt.of, tt.change)
			if report.Result != tt.result || report.Exit != tt.exit {
				t.Errorf("result %s, exit %d (%s), want %s, %d", report.Result, report.Exit, report.Problem, tt.result, tt.exit)
			}
			if report.Result != conformance.ResultConformant && report.Problem == "" || strings.Contains(report.Problem, "\n") {
				t.Errorf("the problem %q is not one line", report.Problem)
			}
		})
	}
}

func ids(all ...contract.ClauseID) []contract.ClauseID { return all }

func because(all ...contract.ClauseID) map[contract.ClauseID]string {
	m := map[contract.ClauseID]string{}
	for _, id := range all {
		m[id] = "a reason"
	}
	return m
}

func TestUnusableConfigurations(t *testing.T) {
	t.Parallel()
	const secret = "whsec_usable_0123456789abcdef"
	for name, cfg := range map[string]conformance.Config{
		"role":              {Role: "referee"},
		"no-target":         {Role: contract.Receiver, Secret: secret},
		"relative-target":   {Role: contract.Receiver, Secret: secret, Target: "/hooks"},
		"other-scheme":      {Role: contract.Receiver, Secret: secret, Target: "ftp://127.0.0.1/"},
		"no-secret":         {Role: contract.Receiver, Target: "http://127.0.0.1/"},
		"secret-form":       {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: "hunter2hunter2"},
		"secret-blank":      {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: "whsec_a b"},
		"same-secrets":      {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, SecondSecret: secret},
		"provider":          {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Provider: "nobody"},
		"scheme":            {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Scheme: "nothing"},
		"scheme-file":       {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Scheme: "missing.json"},
		"clause":            {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Clauses: ids("SIG-999")},
		"clause-of-another": {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Clauses: ids("CFG-001")},
		"level":             {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Levels: []contract.Level{"WILL"}},
		"negative":          {Role: contract.Receiver, Target: "http://127.0.0.1/", Secret: secret, Timeout: -1},
		"no-key":            {Role: contract.Config, API: "http://127.0.0.1/", Agent: "agt_1"},
		"no-agent":          {Role: contract.Config, API: "http://127.0.0.1/", APIKey: "key"},
		"no-trigger":        {Role: contract.Sender, API: "http://127.0.0.1/", APIKey: "key", Agent: "agt_1"},
	} {
		t.Run("fail/"+name, func(t *testing.T) {
			t.Parallel()
			_, err := conformance.Judge(t.Context(), cfg)
			if _, ok := errors.AsType[*conformance.UsageError](err); !ok {
				t.Fatalf("error %v, want a UsageError", err)
			}
			if strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q is not one line without secrets", err)
			}
		})
	}
}

// TestReportsHoldNoSecret looks for every secret of a failing run in every file of its report.
func TestReportsHoldNoSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"receiver/any-signature", "gate/secret-told", "sender/wrong-key", "config/secret-in-get"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mutantCalled(t, name)
			env := mutants.Env{}
			if m.Role == contract.Gate {
				env.UpstreamURL = "http://" + freeAddress(t)
			}
			target := m.Start(t, env)
			report, err := conformance.Judge(t.Context(), quietly(configFor(m, target)))
			if err != nil {
				t.Fatalf("judging: %v", err)
			}
			if len(broken(report)) == 0 {
				t.Fatal("the mutant was not found broken, so that there is nothing to look at")
			}
			dir := t.TempDir()
			if err := report.Write(dir); err != nil {
				t.Fatalf("writing the report: %v", err)
			}
			for file, text := range files(t, dir) {
				for _, secret := range []string{target.Secret, target.SecondSecret, target.APIKey} {
					if secret != "" && strings.Contains(text, secret) {
						t.Errorf("%s holds a secret", file)
					}
				}
				if i := strings.Index(strings.ReplaceAll(text, "whsec_[redacted]", ""), "whsec_"); i >= 0 && file != "junit.xml" {
					checkShown(t, file, text)
				}
			}
		})
	}
}

// checkShown allows whsec_ as a word of the contract's text, and nothing that looks like the rest of a secret after it.
func checkShown(t *testing.T, file, text string) {
	t.Helper()
	for _, part := range strings.Split(text, "whsec_")[1:] {
		if rest := strings.TrimLeft(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"); len(part)-len(rest) > 8 {
			t.Errorf("%s shows whsec_%s…", file, part[:4])
		}
	}
}

// files reads a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, name := range []string{conformance.FileJSON, conformance.FileJUnit, conformance.FileHTML, conformance.FileBadge} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("reading the report: %v", err)
		}
		texts[name] = string(text)
	}
	return texts
}

func TestReportForms(t *testing.T) {
	t.Parallel()
	report := judgeWith(t, mutantCalled(t, "receiver/signature-optional"), func(c *conformance.Config) {
		c.Implementation = conformance.Implementation{Name: "<b>&", Version: "1"}
	})
	dir := t.TempDir()
	if err := report.Write(dir); err != nil {
		t.Fatalf("writing the report: %v", err)
	}
	texts := files(t, dir)
	var back struct {
		Schema  string
		Result  string
		Clauses []struct {
			ID, Verdict string
			Provisional *bool
		}
	}
	if err := json.Unmarshal([]byte(texts[conformance.FileJSON]), &back); err != nil {
		t.Fatalf("the JSON report: %v", err)
	}
	if back.Schema != conformance.Schema || back.Result != "non-conformant" || len(back.Clauses) == 0 || back.Clauses[0].Provisional == nil {
		t.Errorf("the JSON report lacks something: %+v", back)
	}
	for _, name := range []string{conformance.FileJUnit, conformance.FileBadge} {
		if err := xml.Unmarshal([]byte(texts[name]), new(struct{})); err != nil {
			t.Errorf("%s is not XML: %v", name, err)
		}
	}
	if !strings.Contains(texts[conformance.FileJUnit], "<failure") || strings.Contains(texts[conformance.FileHTML], "<b>&") {
		t.Error("the JUnit report shows no failure, or the page does not escape names")
	}
	if !slices.Contains(slices.Collect(maps.Keys(report.Configuration)), "target") {
		t.Error("the report does not say what was judged")
	}
}

func TestConsoleTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	report := judgeWith(t, mutantCalled(t, "receiver/signature-optional"), func(*conformance.Config) {})
	var out bytes.Buffer
	conformance.NewConsole(&out).Conclude(report)
	for _, want := range []string{"SIG-003 (MUST)", "source", "expected", "actual", "curl -sS -i -X POST", "non-conformant (broken: SIG-003"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the console does not show %q", want)
		}
	}
	if strings.Contains(out.String(), "goroutine") {
		t.Error("the console shows a stack trace")
	}
}
