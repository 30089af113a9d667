package darihook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Run(m, "caddy", "darihook")) }

// block is a fenced block of the README.
type block struct{ language, text string }

// readme returns the README and its blocks.
func readme(t *testing.T) (string, []block) {
	t.Helper()
	return page(t, "README.md")
}

// page returns a page of the documentation and its blocks.
func page(t *testing.T, path string) (string, []block) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	var open *block
	for line := range strings.Lines(string(data)) {
		switch {
		case open == nil && strings.HasPrefix(line, "```"):
			open = &block{language: strings.TrimSpace(line[3:])}
		case open != nil && strings.HasPrefix(line, "```"):
			blocks, open = append(blocks, *open), nil
		case open != nil:
			open.text += line
		}
	}
	if len(blocks) == 0 || open != nil {
		t.Fatalf("%d blocks, the last one closed: %v", len(blocks), open == nil)
	}
	return string(data), blocks
}

// TestMockFromPython runs the test that the mock's page shows.
func TestMockFromPython(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no Python on this machine, and CI=true")
		}
		t.Skip("there is no Python on this machine")
	}
	_, blocks := page(t, "docs/mock.md")
	shown := slices.DeleteFunc(blocks, func(b block) bool { return b.language != "python" })
	if len(shown) != 1 {
		t.Fatalf("%d blocks in Python", len(shown))
	}
	out, err := command(t.Context(), t, "python3", "-c", shown[0].text).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Ran 1 test") {
		t.Errorf("%v\n%s", err, out)
	}
}

// of returns the texts of the blocks in a language.
func of(t *testing.T, language string) []string {
	t.Helper()
	_, blocks := readme(t)
	var texts []string
	for _, b := range blocks {
		if b.language == language {
			texts = append(texts, b.text)
		}
	}
	if len(texts) == 0 {
		t.Fatalf("no block in %s", language)
	}
	return texts
}

// command prepares a program of this checkout with an environment of its own.
func command(ctx context.Context, t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, name, args...)
	home := t.TempDir()
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "PATH="+programs.Folder+string(os.PathListSeparator)+os.Getenv("PATH"),
		"XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home, "DARI_WEBHOOK_SECRET="+readmeSecret)
	return cmd
}

func TestReadmeBlocksAreAllTested(t *testing.T) {
	t.Parallel()
	_, blocks := readme(t)
	for _, b := range blocks {
		if !slices.Contains([]string{"console", "sh", "caddyfile", "go", "yaml"}, b.language) {
			t.Errorf("no test runs blocks in %q:\n%s", b.language, b.text)
		}
	}
}

func TestReadmeShowsTheDemo(t *testing.T) {
	t.Parallel()
	out, err := command(t.Context(), t, programs.Path("darihook"), "demo").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	shown := of(t, "console")[0]
	for line := range strings.Lines(string(out)) {
		line, _, _ = strings.Cut(strings.TrimRight(line, " \n"), ", in ") // the time that it took
		if !strings.Contains(shown, line) {
			t.Errorf("the README does not show the line %q", line)
		}
	}
}

func TestReadmeCaddyfiles(t *testing.T) {
	t.Parallel()
	for _, text := range of(t, "caddyfile") {
		cmd := command(t.Context(), t, programs.Path("caddy"), "adapt", "--adapter", "caddyfile", "--config", "-")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"handler":"dari_webhook"`) {
			t.Errorf("%v\n%s\n%s", err, text, out)
		}
	}
}

func TestReadmeScripts(t *testing.T) {
	t.Parallel()
	scripts := of(t, "sh")
	makefile := scripts[0]
	for line := range strings.Lines(makefile) {
		target := strings.Fields(strings.TrimPrefix(line, "make "))[0]
		if out, err := exec.CommandContext(t.Context(), "make", "-n", target).CombinedOutput(); err != nil {
			t.Errorf("make %s: %v\n%s", target, err, out)
		}
	}
	for _, script := range scripts[1:] {
		cmd := command(t.Context(), t, "bash", "-euo", "pipefail", "-c", script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, script, out)
		}
	}
}

// TestReadmeGo runs each Go snippet as the only test file of a folder that has no Go files otherwise.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range of(t, "go") {
		source := filepath.Join(t.TempDir(), "snippet_test.go")
		if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "docs", "snippet_test.go"): source}})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "overlay.json")
		if err := os.WriteFile(file, overlay, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "go", "test", "-v", "-overlay", file, "./docs").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s\n%s", err, text, out)
		}
	}
}

func TestReadmeListsEveryCode(t *testing.T) {
	t.Parallel()
	text, _ := readme(t)
	for _, r := range contract.Refusals() {
		if row := fmt.Sprintf("| %d | <a id=%q></a>`%s` |", r.Status, r.Code, r.Code); !strings.Contains(text, row) {
			t.Errorf("the README has no row %q", row)
		}
	}
}
