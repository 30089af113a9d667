package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/conformance/mutants"
	"github.com/darihook/darihook/contract"
)

var update = flag.Bool("update", false, "write the generated documents anew")

// golden compares a generated document with the one in the repository, or writes it.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update && !t.Failed() {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatalf("writing %s: %v", path, err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("reading the generated document: %v (go test ./conformance -update writes it)", err)
	}
	if string(have) != text {
		t.Errorf("%s is not what the tests generate: go test ./conformance -update writes it anew", path)
	}
}

// matrix is the table of clauses and the mutants that they kill.
func matrix(results []judged) string {
	var b strings.Builder
	b.WriteString("# Clauses and the mutants that they kill\n\n" +
		"Made by the tests of package `conformance`: `go test ./conformance -update` writes it anew. Every implementation below is\n" +
		"wrong in one way. The suite must kill it by the clause that names its fault, and by no unrelated one.\n")
	fmt.Fprintf(&b, "\n%d mutants, %d correct references.\n", len(results), len(mutants.References()))
	for _, role := range conformance.Roles() {
		fmt.Fprintf(&b, "\n## %s\n\n| clause | level | certainty | killed by it |\n|---|---|---|---|\n", role)
		for _, c := range contract.Clauses() {
			if slices.Contains(c.Roles, role) {
				fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.ID, c.Level, c.Certainty, faults(results, role, c.ID))
			}
		}
	}
	return b.String()
}

// faults lists the mutants of a role that a clause must kill.
func faults(results []judged, role contract.Role, id contract.ClauseID) string {
	var names []string
	for _, m := range results {
		if m.Role == role && m.Clause == id {
			names = append(names, strings.TrimPrefix(m.Name, string(role)+"/"))
		}
	}
	return strings.Join(names, ", ")
}

// TestEveryMustHasAMutant asks for a mutant of every MUST, in every role that owes it and that the suite can judge.
func TestEveryMustHasAMutant(t *testing.T) {
	t.Parallel()
	has := map[contract.Role]map[contract.ClauseID]bool{}
	for _, m := range mutants.All() {
		if has[m.Role] == nil {
			has[m.Role] = map[contract.ClauseID]bool{}
		}
		has[m.Role][m.Clause] = true
	}
	for _, c := range contract.Clauses() {
		for _, role := range c.Roles {
			if c.Level == contract.Must && !has[role][c.ID] {
				t.Errorf("%s has no mutant among the implementations of a %s", c.ID, role)
			}
		}
	}
}

// TestEveryClauseHasASpec asks for a spec of every clause in every role that owes it.
func TestEveryClauseHasASpec(t *testing.T) {
	t.Parallel()
	for _, role := range conformance.Roles() {
		specs := conformance.Specs(role)
		if len(specs) == 0 {
			t.Fatalf("no specs for a %s", role)
		}
		for _, c := range contract.Clauses() {
			if !slices.Contains(c.Roles, role) {
				continue
			}
			if !slices.ContainsFunc(specs, func(s conformance.Spec) bool { return s.Clause == c.ID }) {
				t.Errorf("%s has no spec for a %s", c.ID, role)
			}
		}
	}
}

func TestSpecNamesAreUnique(t *testing.T) {
	t.Parallel()
	for _, role := range conformance.Roles() {
		seen := map[string]bool{}
		for _, s := range conformance.Specs(role) {
			name := string(s.Clause) + " " + s.Name
			if seen[name] {
				t.Errorf("two specs for a %s are called %q", role, name)
			}
			seen[name] = true
		}
	}
}

func TestUnobservableClausesExist(t *testing.T) {
	t.Parallel()
	for id, reason := range conformance.Unobservable() {
		if _, ok := contract.ClauseFor(id); !ok || reason == "" {
			t.Errorf("%s is no clause or has no reason", id)
		}
	}
}
