package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"golang.org/x/mod/modfile"
)

// manifest is xcaddy.json: what somebody who builds a Caddy with this module has to know.
type manifest struct {
	Module     string   `json:"module"`
	Package    string   `json:"package"`
	Build      string   `json:"build"`
	Directives []string `json:"directives"`
	Modules    []string `json:"modules"`
	Caddy      string   `json:"caddy"`
	Go         string   `json:"go"`
}

func readManifest(t *testing.T) (m manifest) {
	t.Helper()
	content, err := os.ReadFile("../../xcaddy.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(content)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func readGoMod(t *testing.T) (*modfile.File, []byte) {
	t.Helper()
	content, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mod, content
}

// TestManifest holds xcaddy.json against go.mod and against what this program registers.
func TestManifest(t *testing.T) {
	t.Parallel()
	m := readManifest(t)
	mod, _ := readGoMod(t)
	if m.Module != mod.Module.Mod.Path || m.Package != m.Module+"/caddymodule" || m.Build != "xcaddy build --with "+m.Package {
		t.Errorf("module %s, package %s, build %q", m.Module, m.Package, m.Build)
	}
	if m.Go != mod.Go.Version {
		t.Errorf("go %s, go.mod says %s", m.Go, mod.Go.Version)
	}
	i := slices.IndexFunc(mod.Require, func(r *modfile.Require) bool { return r.Mod.Path == "github.com/caddyserver/caddy/v2" })
	if i < 0 || mod.Require[i].Mod.Version != m.Caddy {
		t.Errorf("caddy %s is not what go.mod requires", m.Caddy)
	}
	var registered []string
	for _, id := range caddy.Modules() {
		if strings.Contains(id, "dari_") {
			registered = append(registered, id)
		}
	}
	slices.Sort(registered)
	if !slices.Equal(registered, m.Modules) {
		t.Errorf("modules %q, registered are %q", m.Modules, registered)
	}
	for _, directive := range m.Directives {
		source := ":80 {\n" + directive + " {\nsecret {env.S}\n}\n}"
		if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), nil); err != nil {
			t.Errorf("directive %s: %v", directive, err)
		}
	}
}

// TestBuildAsXcaddyDoes builds a Caddy from a module of its own that knows this one by its path alone, and looks for the
// manifest's modules in it.
func TestBuildAsXcaddyDoes(t *testing.T) {
	t.Parallel()
	m, dir := readManifest(t), t.TempDir()
	scratchModule(t, m, dir)
	binary := filepath.Join(dir, "caddy")
	build := exec.CommandContext(t.Context(), "go", "build", "-mod=mod", "-o", binary, ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	list, err := exec.CommandContext(t.Context(), binary, "list-modules").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Fields(string(list))
	for _, id := range m.Modules {
		if !slices.Contains(found, id) {
			t.Errorf("list-modules lacks %s", id)
		}
	}
}

// scratchModule writes what xcaddy writes: a main package, and a go.mod with a replace.
func scratchModule(t *testing.T, m manifest, dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	_, content := readGoMod(t)
	mod, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	for _, step := range []error{
		err,
		mod.AddModuleStmt("caddy"),
		mod.AddRequire(m.Module, "v0.0.0"),
		mod.AddReplace(m.Module, "", root, ""),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	scratch, err := mod.Format()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod": string(scratch),
		"go.sum": string(sums),
		"main.go": "package main\n\nimport (\n\tcaddycmd \"github.com/caddyserver/caddy/v2/cmd\"\n\n" +
			"\t_ \"github.com/caddyserver/caddy/v2/modules/standard\"\n\t_ \"" + m.Package + "\"\n)\n\nfunc main() { caddycmd.Main() }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
