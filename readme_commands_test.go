package darihook_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/darihook/darihook/internal/programs"
)

// What the README's commands are given where it shows three dots.
const (
	readmeSecret = "whsec_4d0c1f6f3c5c4a8f9b7e6d5c4b3a2918"
	readmeKey    = "dari_key_for_the_readme"
)

// commands returns the README's console commands of darihook that begin with some words, each with its continuation.
func commands(t *testing.T, begin string) []string {
	t.Helper()
	var found []string
	for _, text := range of(t, "console") {
		text = strings.ReplaceAll(text, "\\\n", " ")
		for line := range strings.Lines(text) {
			if words, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok && strings.HasPrefix(words, begin) {
				found = append(found, words)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("the README has no command that begins with %q", begin)
	}
	return found
}

// run runs one of the README's commands as it stands but for its addresses.
func run(t *testing.T, words string, addresses ...string) {
	t.Helper()
	words = strings.NewReplacer(addresses...).Replace(words)
	cmd := command(t.Context(), t, "bash", "-c", words)
	cmd.Env = append(cmd.Env, "DARIHOOK_CONFORMANCE_SECRET="+readmeSecret, "DARIHOOK_CONFORMANCE_API_KEY="+readmeKey)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", words, err, out)
	}
}

// mock starts one of the README's mocks on a free port and returns its host and port.
func mock(t *testing.T, words, address string) string {
	t.Helper()
	args := strings.Fields(strings.Replace(words, address, "127.0.0.1:0", 1))[1:]
	cmd := command(t.Context(), t, programs.Path("darihook"), append(args, "--json", "--api-key", readmeKey)...)
	var ready struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(firstLine(t, cmd), &ready); err != nil {
		t.Fatalf("%s: %v", words, err)
	}
	return strings.TrimPrefix(ready.URL, "http://")
}

// firstLine starts a command that runs until the test ends, and returns the first line that it prints.
func firstLine(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended, and with it the process
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("reading what %s prints: %v", cmd.Path, err)
	}
	return line
}

// freeAddress returns a loopback address that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestReadmeMock(t *testing.T) {
	t.Parallel()
	mocks := commands(t, "darihook mock")
	if len(mocks) != 3 {
		t.Fatalf("%d mocks, want one that forwards, a strict one and one for this machine", len(mocks))
	}
	received := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.URL.Path }))
	defer receiver.Close()
	forwarding := mock(t, strings.Replace(mocks[0], "http://localhost:3000", receiver.URL, 1)+" --listen 127.0.0.1:4180", "127.0.0.1:4180")
	run(t, commands(t, "darihook trigger")[0]+" --mock http://"+forwarding)
	if path := <-received; path != "/hooks" {
		t.Errorf("a delivery came to %s", path)
	}
	strict, lax := mock(t, mocks[1], "127.0.0.1:4180"), mock(t, mocks[2], "127.0.0.1:4181")
	run(t, commands(t, "darihook conformance config")[0], "127.0.0.1:4180", strict)
	run(t, commands(t, "darihook conformance sender")[0], "127.0.0.1:4181", lax)
}

func TestReadmeConformanceOfAReceiver(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("python3 is needed in CI: %v", err)
	case err != nil:
		t.Skipf("python3 is not on this machine: %v", err)
	}
	program, err := filepath.Abs(filepath.Join("examples", "python-receiver", "receiver.py"))
	if err != nil {
		t.Fatal(err)
	}
	receiver := command(t.Context(), t, python, program, "--listen", "127.0.0.1:0")
	receiver.Env = append(receiver.Env, "DARI_WEBHOOK_SECRET="+readmeSecret, "DARI_API_KEY="+readmeKey)
	var ready struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal(firstLine(t, receiver), &ready); err != nil {
		t.Fatal(err)
	}
	run(t, commands(t, "darihook conformance receiver")[0], "127.0.0.1:9000", strings.TrimPrefix(ready.URL, "http://"))
}

func TestReadmeConformanceOfTheGate(t *testing.T) {
	t.Parallel()
	upstream := freeAddress(t)
	gate := programs.Gate(t, upstream, readmeSecret)
	run(t, commands(t, "darihook conformance gate")[0],
		"127.0.0.1:8080", strings.TrimPrefix(gate, "http://"), "127.0.0.1:9000", upstream)
}

// TestReadmeAction holds the workflow step to the inputs that the action has.
func TestReadmeAction(t *testing.T) {
	t.Parallel()
	var steps []struct {
		Uses string         `yaml:"uses"`
		With map[string]any `yaml:"with"`
	}
	if err := yaml.Unmarshal([]byte(of(t, "yaml")[0]), &steps); err != nil {
		t.Fatal(err)
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(steps[0].Uses, "darihook/darihook/"), "@")
	text, err := os.ReadFile(filepath.Join(path, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]any `yaml:"inputs"`
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	for name := range steps[0].With {
		if _, ok := action.Inputs[name]; !ok {
			t.Errorf("the action has no input %s", name)
		}
	}
}

// actionStep returns the script of one of the action's steps.
func actionStep(t *testing.T, id string) string {
	t.Helper()
	text, err := os.ReadFile("conformance/action/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs map[string]struct{ Default string }
		Runs   struct {
			Steps []struct{ ID, Run string }
		}
	}
	if err := yaml.Unmarshal(text, &action); err != nil {
		t.Fatal(err)
	}
	if version := action.Inputs["version"]; version.Default != "" {
		t.Errorf("the version is %s where none is given", version.Default)
	}
	i := slices.IndexFunc(action.Runs.Steps, func(s struct{ ID, Run string }) bool { return s.ID == id })
	if i < 0 {
		t.Fatalf("no step %s", id)
	}
	return action.Runs.Steps[i].Run
}

// actionRun prepares a step's script to be run as GitHub does, with a program in the place of another.
func actionRun(t *testing.T, id, program, script string, env ...string) *exec.Cmd {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, program), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", actionStep(t, id))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), append(env, "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))...)
	return cmd
}

// TestActionInstalls runs the step of the action that installs, with a program in the place of go that prints its arguments.
func TestActionInstalls(t *testing.T) {
	t.Parallel()
	own, err := filepath.Abs("conformance/action")
	if err != nil {
		t.Fatal(err)
	}
	const at = "install github.com/darihook/darihook/cmd/darihook@"
	fromSource := "-C " + own + "/../.. install ./cmd/darihook"
	for _, row := range []struct{ name, version, repository, ref, path, want string }{
		{"ok/a version", "v1.2.3", "darihook/darihook", "v1.0.0", own, at + "v1.2.3"},
		{"ok/the latest", "latest", "darihook/darihook", "main", own, at + "latest"},
		{"ok/tag", "", "darihook/darihook", "v1.0.0", own, at + "v1.0.0"},
		{"ok/tag before a release", "", "darihook/darihook", "v1.0.0-rc.1", own, at + "v1.0.0-rc.1"},
		{"ok/tag that moves", "", "darihook/darihook", "v1", own, fromSource},
		{"ok/branch", "", "darihook/darihook", "main", own, fromSource},
		{"ok/branch below another", "", "darihook/darihook", "fix/v1.0.0", own, fromSource},
		{"ok/commit", "", "darihook/darihook", "0123456789abcdef0123456789abcdef01234567", own, fromSource},
		{"ok/fork", "", "somebody/darihook", "v1.0.0", own, fromSource},
		{"ok/ref of a step before", "", "actions/setup-go", "v6.0.0", own, fromSource},
		{"ok/checkout of this repository", "", "", "", own, fromSource},
		{"ok/nothing but the action", "", "", "", t.TempDir(), at + "latest"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cmd := actionRun(t, "install", "go", "#!/bin/sh\necho \"$@\"\n",
				"VERSION="+row.version, "REPOSITORY="+row.repository, "REF="+row.ref, "GITHUB_ACTION_PATH="+row.path)
			if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != row.want {
				t.Errorf("go %s(%v), want %s", out, err, row.want)
			}
		})
	}
}

// TestActionInstallsItself runs the same step with go itself, and then what it has installed.
func TestActionInstallsItself(t *testing.T) {
	t.Parallel()
	own, err := filepath.Abs("conformance/action")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	cmd := actionRun(t, "install", "unused", "", "VERSION=", "REPOSITORY=", "REF=", "GITHUB_ACTION_PATH="+own, "GOBIN="+bin)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "darihook"), "conformance", "receiver", "--list").Output()
	if err != nil || !strings.Contains(string(out), "SIG-001") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestActionJudges runs the step of the action that judges, with a program in the place of darihook that notes its arguments.
func TestActionJudges(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, config, args, want string }{
		{"ok/none", "", "", "conformance receiver --report r"},
		{"ok/a line", "", "--target http://a/ --level MUST", "conformance receiver --report r --target http://a/ --level MUST"},
		{"ok/lines", "c.yaml", "--target http://a/\n--level MUST\n", "conformance receiver --report r --target http://a/ --level MUST --config c.yaml"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cmd := actionRun(t, "judge", "darihook", "#!/bin/sh\necho \"$@\" > arguments\nexit 3\n",
				"ROLE=receiver", "REPORT=r", "CONFIG="+row.config, "ARGS="+row.args, "GITHUB_OUTPUT=output", "GITHUB_STEP_SUMMARY=summary")
			out, err := cmd.CombinedOutput()
			if ended, ok := errors.AsType[*exec.ExitError](err); !ok || ended.ExitCode() != 3 {
				t.Errorf("ended with %v, want the program's 3\n%s", err, out)
			}
			for file, want := range map[string]string{
				"arguments": row.want, "output": "result=undetermined", "summary": "### Webhook conformance, receiver: undetermined",
			} {
				if got, err := os.ReadFile(filepath.Join(cmd.Dir, file)); err != nil || strings.TrimSpace(string(got)) != want {
					t.Errorf("%s: %q, want %q (%v)", file, got, want, err)
				}
			}
		})
	}
}

// TestReadmeInstallsWhatThereIs holds the paths of xcaddy and go install to packages of this module.
func TestReadmeInstallsWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, words := range append(commands(t, "xcaddy build --with"), commands(t, "go install")...) {
		fields := strings.Fields(words)
		path, _, _ := strings.Cut(fields[len(fields)-1], "@")
		if out, err := exec.CommandContext(t.Context(), "go", "list", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", words, err, out)
		}
	}
}
