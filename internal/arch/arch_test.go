// Package arch holds the module's packages to the directions in which they may depend on each other.
package arch

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/darihook/darihook/"

// rule forbids that a package, or anything below it, depends on another, directly or through others.
type rule struct {
	from    string
	never   []string
	because string
}

var rules = []rule{
	{"contract", []string{"net", "os", "log", module}, "the contract is data: no I/O, and nothing of the module above it"},
	{"signature", []string{"net/http", "log", "go.uber.org/zap", "github.com/caddyserver", "github.com/prometheus", "github.com/onsi"},
		"Go receivers import it: bytes, keys and now are arguments, and nothing else comes along"},
	{"internal/dedup", []string{"net/http/httptest", "github.com/caddyserver", "github.com/onsi"}, "stores know nothing of who asks"},
	{"internal/dedup/memory", []string{module + "internal/dedup/disk", module + "internal/dedup/redis"}, "a backend never imports another"},
	{"internal/dedup/disk", []string{module + "internal/dedup/memory", module + "internal/dedup/redis"}, "a backend never imports another"},
	{"internal/gate", []string{"github.com/caddyserver", "go.uber.org/zap", "github.com/prometheus", "github.com/onsi", module + "fixtures"},
		"the gate's decisions are tested without a server"},
	{"internal/forward", []string{"github.com/caddyserver", "go.uber.org/zap", "github.com/prometheus", "github.com/onsi", module},
		"it takes bytes to a receiver and knows nothing of verdicts"},
	{"caddymodule", []string{"github.com/onsi", module + "conformance", module + "fixtures", module + "mockserver"},
		"what runs in production carries no test machinery"},
	{"mockserver", []string{"github.com/caddyserver", "github.com/onsi", module + "internal/gate", module + "internal/dedup", module + "caddymodule"},
		"the mock is a second opinion on the wire, not a friend of the gate"},
	{"fixtures", []string{module + "signature", module + "internal/gate"}, "vectors are an independent oracle"},
	{"conformance", []string{module + "signature", module + "internal", module + "caddymodule", module + "mockserver"},
		"the suite signs with its own few lines, so that a bug of ours cannot hide in both"},
	{"internal/listen", []string{"github.com/caddyserver", "github.com/onsi", module + "internal/gate", module + "mockserver", module + "conformance"},
		"it follows any platform that speaks the contract, not this project's mock"},
	{"cmd/darihook", []string{"github.com/caddyserver", module + "caddymodule", module + "internal/gate"},
		"the toolbox runs the gate as a caddy process and does not link Caddy"},
}

// listed is what go list tells about a package.
type listed struct {
	ImportPath string
	Deps       []string
}

func TestPackagesDependInOneDirection(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for _, r := range rules {
		for _, p := range packages {
			if !within(p.ImportPath, module+r.from) {
				continue
			}
			for _, dep := range p.Deps {
				if forbidden(dep, p.ImportPath, r) {
					t.Errorf("%s depends on %s: %s", strings.TrimPrefix(p.ImportPath, module), dep, r.because)
				}
			}
		}
	}
}

func TestRulesNameExistingPackages(t *testing.T) {
	t.Parallel()
	var paths []string
	for _, p := range list(t) {
		paths = append(paths, p.ImportPath)
	}
	for _, r := range rules {
		if !slices.ContainsFunc(paths, func(p string) bool { return within(p, module+r.from) }) {
			t.Errorf("the rule for %s binds no package", r.from)
		}
	}
}

// forbidden reports whether a dependency breaks the rule. The package's own tree, and what it is made to build on, are
// its own.
func forbidden(dep, pkg string, r rule) bool {
	if within(dep, module+r.from) || within(pkg, dep) {
		return false
	}
	return slices.ContainsFunc(r.never, func(never string) bool { return within(dep, strings.TrimSuffix(never, "/")) })
}

// within reports whether a package is another or lies below it.
func within(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

// list asks the go command for every package of the module and all that each depends on.
func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps", module+"...").Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		err := dec.Decode(&p)
		if err == io.EOF {
			return packages
		}
		if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		packages = append(packages, p)
	}
}
