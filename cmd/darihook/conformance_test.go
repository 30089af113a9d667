package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
)

// TestConformanceScripts runs the command as a user would. Its scripts have one command more than others: "exits CODE
// COMMAND" insists on an exit code.
func TestConformanceScripts(t *testing.T) {
	t.Parallel()
	mocks := conformanceMocks(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/conformance",
		Setup: func(e *testscript.Env) error {
			e.Setenv("SECRET", "whsec_script_0123456789abcdef")
			for name, url := range mocks {
				e.Setenv(name, url)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// conformanceMocks starts the mock of each further platform, and returns its URLs by the names that the scripts know: DANUBE
// is strict about webhook URLs, DANUBE_LAX takes those of this machine. The API key is K.
func conformanceMocks(t *testing.T) map[string]string {
	t.Helper()
	urls := map[string]string{}
	for _, provider := range mockserver.Providers() {
		for suffix, lax := range map[string]bool{"": false, "_LAX": true} {
			m := mockserver.New(t, func(o *mockserver.Options) {
				o.Provider, o.APIKey, o.AllowInsecureURLs, o.Timeout = provider, "K", lax, time.Second
			})
			urls[strings.ToUpper(provider)+suffix] = m.URL
		}
	}
	return urls
}

// exits runs a command and insists on its exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("running %s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// TestConformanceVerdicts judges a right and a wrong receiver and looks at the exit code and the report.
func TestConformanceVerdicts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mutant string
		exit   int
		result string
	}{
		"ok/reference":     {"", 0, "conformant"},
		"fail/unsigned-in": {"receiver/signature-optional", exitFailed, "non-conformant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := receiverCalled(t, tt.mutant).Start(t, mutants.Env{})
			dir := filepath.Join(t.TempDir(), "report")
			code, out, complaint := invoke(t, "conformance", "receiver", "--target", target.TargetURL,
				"--secret", target.Secret, "--second-secret", target.SecondSecret, "--report", dir)
			if code != tt.exit {
				t.Errorf("exit code %d, want %d: %s", code, tt.exit, complaint)
			}
			if !strings.Contains(out, "dari receiver: "+tt.result) || strings.Contains(out+complaint, target.Secret) {
				t.Errorf("the output does not say %s, or holds the secret:\n%s", tt.result, out)
			}
			if strings.Count(complaint, "\n") > 1 {
				t.Errorf("the complaint is not one line: %s", complaint)
			}
			text, err := os.ReadFile(filepath.Join(dir, "report.json"))
			if err != nil || !strings.Contains(string(text), `"result": "`+tt.result+`"`) {
				t.Errorf("the report does not say %s: %v", tt.result, err)
			}
		})
	}
}

// receiverCalled is a receiver that is wrong in the named way, or the correct one.
func receiverCalled(t *testing.T, name string) mutants.Mutant {
	t.Helper()
	for _, m := range append(mutants.References(), mutants.All()...) {
		if m.Role == contract.Receiver && (m.Name == name || name == "" && m.Clause == "") {
			return m
		}
	}
	t.Fatalf("there is no receiver %q", name)
	return mutants.Mutant{}
}

// invoke runs a command line in this process.
func invoke(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	out, complaints := temporary(t), temporary(t)
	code = run(t.Context(), args, out, complaints)
	return code, content(t, out), content(t, complaints)
}

func temporary(t *testing.T) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, f *os.File) string {
	t.Helper()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
