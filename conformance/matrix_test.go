package conformance_test

import (
	"cmp"
	"flag"
	"fmt"
	"io"
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
	for _, p := range parties() {
		fmt.Fprintf(&b, "\n## %s\n\n| clause | level | certainty | killed by it |\n|---|---|---|---|\n", p.name)
		for _, c := range p.provider.Owed(p.role) {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", c.ID, c.Level, c.Certainty, cmp.Or(strings.Join(p.faults(results, c.ID), ", "), exempt(p, c.ID)))
		}
	}
	return b.String()
}

// party is a role of one provider's contract of which there are mutants.
type party struct {
	// name is what the names of its mutants begin with.
	name     string
	provider contract.Provider
	role     contract.Role
}

// parties are those of the references, in the order of the roles.
func parties() []party {
	var all []party
	for _, role := range conformance.Roles() {
		for _, m := range mutants.References() {
			name, _, _ := strings.Cut(m.Name, "/")
			if m.Role == role && !slices.ContainsFunc(all, func(p party) bool { return p.name == name }) {
				provider, _ := contract.ProviderFor(m.Provider)
				all = append(all, party{name, provider, role})
			}
		}
	}
	return all
}

// faults lists the mutants of a party that a clause must kill.
func (p party) faults(results []judged, id contract.ClauseID) []string {
	var names []string
	for _, m := range results {
		if fault, own := strings.CutPrefix(m.Name, p.name+"/"); own && m.Clause == id {
			names = append(names, fault)
		}
	}
	return names
}

// TestEveryRoleThatIsJudgedHasMutants asks for mutants of each role and, where the suite speaks a provider's API, of its
// roles around that API.
func TestEveryRoleThatIsJudgedHasMutants(t *testing.T) {
	t.Parallel()
	has := map[string]bool{}
	for _, p := range parties() {
		has[p.provider.Name+" "+string(p.role)] = true
	}
	for _, p := range contract.Providers() {
		for _, role := range []contract.Role{contract.Sender, contract.Config} {
			judged := conformance.List(io.Discard, conformance.Config{Provider: p.Name, Role: role}) == nil
			if judged != has[p.Name+" "+string(role)] {
				t.Errorf("a %s of %s is judged: %t, and has mutants: %t", role, p.Title, judged, !judged)
			}
		}
	}
}

// TestReadmeSaysWhoCanBeJudged holds the table of platforms and roles against what the suite accepts.
func TestReadmeSaysWhoCanBeJudged(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 6 && strings.HasPrefix(cells[1], " `") {
			for name := range strings.SplitSeq(cells[1], ",") {
				rows[strings.Trim(name, " `")] = cells[2:5]
			}
		}
	}
	for _, p := range contract.Providers() {
		for i, roles := range [][]contract.Role{{contract.Receiver, contract.Gate}, {contract.Sender}, {contract.Config}} {
			for _, role := range roles {
				judged := conformance.List(io.Discard, conformance.Config{Provider: p.Name, Role: role}) == nil
				if cells := rows[p.Name]; len(cells) != 3 || strings.HasPrefix(cells[i], " yes") != judged {
					t.Errorf("a %s of %s is judged: %t, and the table says %q", role, p.Title, judged, cells)
				}
			}
		}
	}
}

// TestEveryMustHasAMutant asks for a mutant of every MUST, in every role that owes it and that the suite can judge.
func TestEveryMustHasAMutant(t *testing.T) {
	t.Parallel()
	var all []judged
	for _, m := range mutants.All() {
		all = append(all, judged{Mutant: m})
	}
	for _, p := range parties() {
		for _, c := range p.provider.Owed(p.role) {
			if c.Level == contract.Must && exempt(p, c.ID) == "" && len(p.faults(all, c.ID)) == 0 {
				t.Errorf("%s has no mutant among the implementations of %s", c.ID, p.name)
			}
		}
	}
}

// exempt says why a party need not have a mutant of a clause, or nothing.
func exempt(p party, id contract.ClauseID) string {
	for _, e := range mutants.Unobservable() {
		if e.Party == p.name && e.Clause == id {
			return "none: " + e.Reason
		}
	}
	return ""
}

// TestEveryClauseHasASpec asks for a spec of every clause in every role that owes it.
func TestEveryClauseHasASpec(t *testing.T) {
	t.Parallel()
	for _, p := range parties() {
		specs := conformance.Specs(p.provider, p.role)
		if len(specs) == 0 {
			t.Fatalf("no specs for %s", p.name)
		}
		for _, c := range p.provider.Owed(p.role) {
			if !slices.ContainsFunc(specs, func(s conformance.Spec) bool { return s.Clause == c.ID }) {
				t.Errorf("%s has no spec for %s", c.ID, p.name)
			}
		}
	}
}

func TestSpecNamesAreUnique(t *testing.T) {
	t.Parallel()
	for _, p := range parties() {
		seen := map[string]bool{}
		for _, s := range conformance.Specs(p.provider, p.role) {
			name := string(s.Clause) + " " + s.Name
			if seen[name] {
				t.Errorf("two specs for %s are called %q", p.name, name)
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
