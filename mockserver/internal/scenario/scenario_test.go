package scenario_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/scenario"
)

func TestBuiltin(t *testing.T) {
	t.Parallel()
	all := scenario.Builtin()
	if _, ok := all[scenario.Default]; !ok || len(all) < 5 {
		t.Errorf("the built-in scenarios are %d and the default is among them: %v", len(all), ok)
	}
	for name, s := range all {
		if s.Description == "" || len(s.Steps) == 0 {
			t.Errorf("%s has no description or no steps", name)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	rows := []struct{ name, text, place string }{
		{"ok/yaml", "name: a\nsteps:\n  - reply: hi\n  - complete: true\n", ""},
		{"ok/json", `{"name":"a","tools":[{"name":"t"}],"steps":[{"call_tool":{"name":"t","on_error":"continue"}}]}`, ""},
		{"ok/no steps", "name: a\nsteps: []\n", ""},
		{"fail/no name", "steps: []\n", "name"},
		{"fail/blank in name", "name: a b\nsteps: []\n", "name"},
		{"fail/unknown field", "name: a\ncolour: red\nsteps: []\n", "colour"},
		{"fail/unknown step", "name: a\nsteps:\n  - dance: true\n", "dance"},
		{"fail/two things in a step", "name: a\nsteps:\n  - {reply: hi, complete: true}\n", "0"},
		{"fail/empty step", "name: a\nsteps:\n  - {}\n", "0"},
		{"fail/unknown tool", "name: a\nsteps:\n  - call_tool: {name: t}\n", "name"},
		{"fail/bad on_error", "name: a\ntools: [{name: t}]\nsteps:\n  - call_tool: {name: t, on_error: cry}\n", "on_error"},
		{"fail/bad wait", "name: a\nsteps:\n  - wait: a while\n", "wait"},
		{"fail/negative wait", "name: a\nsteps:\n  - wait: -1s\n", "wait"},
		{"fail/step after the end", "name: a\nsteps:\n  - complete: true\n  - reply: hi\n", "1"},
		{"fail/two tools of a name", "name: a\ntools: [{name: t}, {name: t}]\nsteps: []\n", "name"},
		{"fail/negative timeout", "name: a\ntools: [{name: t, timeout_seconds: -1}]\nsteps: []\n", "timeout_seconds"},
		{"fail/bad schema", "name: a\ntools: [{name: t, output_schema: {type: 7}}]\nsteps: []\n", "output_schema"},
		{"fail/schema elsewhere", "name: a\ntools: [{name: t, output_schema: {$ref: 'file:///etc/passwd'}}]\nsteps: []\n", "output_schema"},
		{"fail/repeated key", "name: a\nname: b\nsteps: []\n", "body"},
		{"fail/alias", "name: &n a\nsteps:\n  - reply: *n\n", "body"},
		{"fail/two documents", "name: a\n---\nname: b\n", "body"},
		{"fail/empty", "", "body"},
		{"fail/not yaml", "a: [", "body"},
		{"fail/too long", "name: " + strings.Repeat("a", scenario.MaxSize), "body"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s, err := scenario.Parse([]byte(row.text))
			if row.place == "" {
				if err != nil || s.Name != "a" {
					t.Errorf("answered %v, %v", s, err)
				}
				return
			}
			problems, ok := errors.AsType[httpjson.Problems](err)
			if !ok || len(problems) == 0 {
				t.Fatalf("answered %v, want problems", err)
			}
			if got := (problems[:1]).Error(); !strings.Contains(strings.SplitN(got, ":", 2)[0], row.place) {
				t.Errorf("the problem is %q, want one at %s", got, row.place)
			}
		})
	}
}

// FuzzParse wants a script or problems, never a crash, and no script that says something else when it is read again.
func FuzzParse(f *testing.F) {
	for name := range scenario.Builtin() {
		f.Add("name: " + name + "\nsteps:\n  - reply: hi\n")
	}
	f.Add(`{"name":"a","tools":[{"name":"t","output_schema":{"type":"object"}}],"steps":[{"call_tool":{"name":"t"}}]}`)
	f.Add("a: &a [*a, *a]\n")
	f.Add("? a\n: b\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenario.Parse([]byte(text))
		if _, ok := errors.AsType[httpjson.Problems](err); err != nil && !ok {
			t.Fatalf("answered %v, which names no place", err)
		}
		if err == nil && s.Name == "" {
			t.Fatal("a script without a name was accepted")
		}
	})
}

// The guide's script is one that works, and it names every built-in scenario.
func TestGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/mock.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```yaml\n")
	script, _, found := strings.Cut(rest, "```")
	if s, err := scenario.Parse([]byte(script)); err != nil || !found || len(s.Steps) != 4 {
		t.Errorf("the guide's script: %v", err)
	}
	for name := range scenario.Builtin() {
		if !strings.Contains(string(guide), "`"+name+"`") {
			t.Errorf("the guide does not name the scenario %s", name)
		}
	}
}
