package mutants

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

func TestMutantsAreWellFormed(t *testing.T) {
	t.Parallel()
	all := All()
	if len(all) < 60 {
		t.Fatalf("%d mutants, want at least 60", len(all))
	}
	names, sentences := map[string]bool{}, map[string]bool{}
	for _, m := range all {
		party := partyOf(m)
		if names[m.Name] || sentences[party+m.Fault] {
			t.Errorf("%s exists twice, by name or by fault", m.Name)
		}
		names[m.Name], sentences[party+m.Fault] = true, true
		if !strings.HasSuffix(party, string(m.Role)) || !strings.HasSuffix(m.Fault, ".") {
			t.Errorf("%s: the name names the role, and the fault %q is a sentence", m.Name, m.Fault)
		}
		provider, _ := contract.ProviderFor(m.Provider)
		for _, id := range append([]contract.ClauseID{m.Clause}, m.Also...) {
			c, ok := provider.ClauseFor(id)
			if !ok || !slices.Contains(c.Roles, m.Role) {
				t.Errorf("%s: clause %s is unknown, or a %s does not owe it", m.Name, id, m.Role)
			}
		}
		if slices.Contains(m.Also, m.Clause) {
			t.Errorf("%s: clause %s is named twice", m.Name, m.Clause)
		}
	}
}

func TestEveryRoleHasAReference(t *testing.T) {
	t.Parallel()
	roles := map[contract.Role]bool{}
	for _, m := range References() {
		roles[m.Role] = true
		if m.Clause != "" || m.Fault != "" {
			t.Errorf("%s is a reference with the fault %q", m.Name, m.Fault)
		}
	}
	if len(roles) != 4 {
		t.Errorf("references for %v, want all four roles", roles)
	}
}

// TestEveryMustHasAMutant holds the table against the contract: what binds a role has a mutant of it, or a reason.
func TestEveryMustHasAMutant(t *testing.T) {
	t.Parallel()
	type duty struct {
		party  string
		clause contract.ClauseID
	}
	broken, exempt := map[duty]bool{}, map[duty]bool{}
	for _, m := range All() {
		broken[duty{partyOf(m), m.Clause}] = true
	}
	for _, e := range Unobservable() {
		exempt[duty{e.Party, e.Clause}] = true
		if broken[duty{e.Party, e.Clause}] || e.Reason == "" {
			t.Errorf("%s of %s has a mutant and an exemption, or an exemption without a reason", e.Clause, e.Party)
		}
	}
	for _, f := range families() {
		for _, c := range f.provider.Owed(f.role) {
			if d := (duty{f.name, c.ID}); c.Level == contract.Must && !broken[d] && !exempt[d] {
				t.Errorf("%s binds %s, and no mutant breaks it: %s", c.ID, f.name, c.Text)
			}
		}
	}
}

// TestEveryFaultIsUsed reads the package's own source: a fault stands in a table and in the code that has it.
func TestEveryFaultIsUsed(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatalf("listing the package: %v", err)
	}
	declared, tables, code := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("reading %s: %v", e.Name(), err)
		}
		used := code
		if strings.HasSuffix(e.Name(), "_faults.go") {
			used = tables
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "fault" {
					declared[n.Names[0].Name] = true
					return false
				}
			case *ast.Ident:
				used[n.Name] = true
			}
			return true
		})
	}
	if len(declared) < 60 {
		t.Fatalf("%d faults declared, want at least 60", len(declared))
	}
	for name := range declared {
		if !tables[name] || !code[name] {
			t.Errorf("fault %s: in a table %t, in the code %t", name, tables[name], code[name])
		}
	}
}

// line is what an outsider sees of one clause.
type line struct {
	clause contract.ClauseID
	name   string
	seen   string
}

// script does to an implementation what shows each of its faults, and writes down what it sees.
type script func(s *stage) []line

// stage is one implementation and the world around it.
type stage struct {
	mutant Mutant
	target Target
	world  *world
}

var scripts = map[string]script{
	"receiver": takerScript, "gate": takerScript, "sender": senderScript, "config": configScript,
	"danube-sender": danubeSenderScript, "danube-config": danubeConfigScript,
	"tess-sender": tessSenderScript, "tess-config": tessConfigScript,
}

// play runs each implementation's script, many at a time, since most of a script is waiting.
func play(t *testing.T, all []Mutant) [][]line {
	t.Helper()
	transcripts := make([][]line, len(all))
	var wg sync.WaitGroup
	free := make(chan struct{}, 24)
	for i, m := range all {
		w := newWorld(t)
		s := &stage{m, m.Start(t, Env{UpstreamURL: w.URL, Timeout: lateness}), w}
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			transcripts[i] = scripts[partyOf(m)](s)
		})
	}
	wg.Wait()
	return transcripts
}

const (
	// patience is how long a script waits for what should not come.
	patience = 400 * time.Millisecond
	// lateness is the time-out that an implementation which answers late exceeds, every time.
	lateness = 100 * time.Millisecond
)

// TestMutantsDifferFromTheirReferenceWhereTheyClaim compares what is seen of each mutant with what is seen of the
// reference: they differ under the clause that the mutant breaks, and under no clause that it does not name. Where a busy
// machine has shown something else, both are looked at again, alone.
func TestMutantsDifferFromTheirReferenceWhereTheyClaim(t *testing.T) {
	t.Parallel()
	all := All()
	references := References()
	transcripts := play(t, slices.Concat(references, all))
	for i, m := range all {
		r := slices.IndexFunc(references, func(r Mutant) bool { return r.Name == referenceOf(m) })
		wrong := surprises(m, transcripts[len(references)+i], transcripts[r])
		if len(wrong) > 0 {
			alone := play(t, []Mutant{references[r], m})
			wrong = surprises(m, alone[1], alone[0])
		}
		for _, w := range wrong {
			t.Errorf("%s %s", m.Name, w)
		}
	}
}

// surprises tells in what a mutant's transcript departs from its reference's otherwise than the mutant claims.
func surprises(m Mutant, got, want []line) []string {
	if len(got) != len(want) || len(want) == 0 {
		return []string{fmt.Sprintf("has %d lines, its reference %d", len(got), len(want))}
	}
	var wrong []string
	claimed := false
	for j := range want {
		if got[j].seen == want[j].seen {
			continue
		}
		claimed = claimed || want[j].clause == m.Clause
		if want[j].clause != m.Clause && !slices.Contains(m.Also, want[j].clause) {
			wrong = append(wrong, fmt.Sprintf("differs under %s, %s: %s, the reference %s", want[j].clause, want[j].name, got[j].seen, want[j].seen))
		}
	}
	if !claimed {
		wrong = append(wrong, fmt.Sprintf("does not differ from its reference under %s", m.Clause))
	}
	return wrong
}

// referenceOf names the reference that is configured as a mutant is.
func referenceOf(m Mutant) string {
	switch m.Clause {
	case "TIME-007":
		return "gate/reference-dari-body"
	case "DLV-009":
		return "sender/reference-overlap"
	case "CFG-053":
		return "tess-config/reference-limited"
	}
	return partyOf(m) + "/reference"
}

// partyOf is what the names of a mutant's family begin with.
func partyOf(m Mutant) string {
	party, _, _ := strings.Cut(m.Name, "/")
	return party
}
