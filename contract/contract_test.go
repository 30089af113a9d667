package contract_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

func TestClausesAreWellFormed(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^(SIG|TIME|ID|DUP|DLV|CFG|EVT|RES|GATE)-\d{3}$`)
	seen := map[contract.ClauseID]bool{}
	for _, c := range contract.Clauses() {
		if !form.MatchString(string(c.ID)) {
			t.Errorf("clause id %q is not an area and three digits", c.ID)
		}
		if seen[c.ID] {
			t.Errorf("clause id %s is used twice", c.ID)
		}
		seen[c.ID] = true
		if c.Text == "" || !strings.HasSuffix(c.Text, ".") {
			t.Errorf("%s: text %q is not a sentence", c.ID, c.Text)
		}
		if len(c.Roles) == 0 {
			t.Errorf("%s binds nobody", c.ID)
		}
		inferred := strings.Contains(c.Source, "inferred")
		if c.Source == "" || c.Certainty == contract.Verified && strings.HasPrefix(c.Source, "inferred") {
			t.Errorf("%s: source %q does not support %s", c.ID, c.Source, c.Certainty)
		}
		if c.Certainty == contract.Inferred && !inferred && !strings.HasPrefix(c.Source, "Dari documentation") {
			t.Errorf("%s: an inferred clause says what it was inferred from, not %q", c.ID, c.Source)
		}
	}
	if len(seen) == 0 {
		t.Fatal("no clauses")
	}
}

// TestProvidersHaveTheirClauses holds what each provider's contract says, and how well that is known.
func TestProvidersHaveTheirClauses(t *testing.T) {
	t.Parallel()
	known := func(id contract.ClauseID, c contract.Certainty) string { return string(id) + " " + string(c) }
	for name, tt := range map[string]struct{ has, lacks []string }{
		"dari":   {[]string{known("SIG-004", "inferred"), known("CFG-001", "verified"), known("TIME-004", "verified")}, []string{"CFG-022", "DLV-017"}},
		"danube": {[]string{known("SIG-004", "verified"), known("CFG-022", "verified"), known("TIME-004", "inferred")}, []string{"CFG-001", "RES-003", "CFG-037"}},
		"tess":   {[]string{known("CFG-037", "verified"), known("DLV-003", "inferred")}, []string{"SIG-001", "TIME-001", "DLV-002", "CFG-001"}},
		"stripe": {[]string{known("SIG-004", "inferred"), known("GATE-001", "verified")}, []string{"CFG-001", "DLV-001", "EVT-007"}},
	} {
		p, _ := contract.ProviderFor(name)
		for _, want := range tt.has {
			id, certainty, _ := strings.Cut(want, " ")
			if c, ok := p.ClauseFor(contract.ClauseID(id)); !ok || string(c.Certainty) != certainty {
				t.Errorf("%s: %s is %s, want %s", name, id, c.Certainty, certainty)
			}
		}
		for _, id := range tt.lacks {
			if _, ok := p.ClauseFor(contract.ClauseID(id)); ok {
				t.Errorf("%s has the clause %s", name, id)
			}
		}
	}
}

// TestRecordsAreOfSharedClauses asks that a provider's record speaks of clauses that are in its contract, and says why.
func TestRecordsAreOfSharedClauses(t *testing.T) {
	t.Parallel()
	records := 0
	for _, p := range contract.Providers() {
		for id, r := range p.Records {
			records++
			if _, ok := p.ClauseFor(id); !ok {
				t.Errorf("%s records %s, which its contract does not have", p.Name, id)
			}
			if inferred := strings.HasPrefix(r.Source, "inferred"); inferred != (r.Certainty == contract.Inferred) {
				t.Errorf("%s: source %q does not support that %s is %s", p.Name, r.Source, id, r.Certainty)
			}
		}
	}
	if records == 0 {
		t.Fatal("no records")
	}
}

// TestEveryClauseIsInAContract asks that clauses come by area, and that each stands in some provider's contract.
func TestEveryClauseIsInAContract(t *testing.T) {
	t.Parallel()
	last, seen := contract.Area(""), map[contract.Area]bool{}
	for _, c := range contract.Clauses() {
		if c.Area() != last && seen[c.Area()] {
			t.Errorf("%s stands apart from its area", c.ID)
		}
		last, seen[c.Area()] = c.Area(), true
		if !slices.ContainsFunc(contract.Providers(), func(p contract.Provider) bool {
			own, ok := p.ClauseFor(c.ID)
			return ok && own.Text == c.Text
		}) {
			t.Errorf("%s stands in no provider's contract", c.ID)
		}
	}
}

func TestClauseAreasAreConstants(t *testing.T) {
	t.Parallel()
	areas := []contract.Area{
		contract.AreaSigning, contract.AreaFreshness, contract.AreaIdentity, contract.AreaDeduplication,
		contract.AreaDelivery, contract.AreaConfiguration, contract.AreaEvents, contract.AreaResults, contract.AreaGate,
	}
	for _, c := range contract.Clauses() {
		if !slices.Contains(areas, c.Area()) {
			t.Errorf("%s: area %q is not declared", c.ID, c.Area())
		}
	}
}

func TestRefusalsNameAClauseOnce(t *testing.T) {
	t.Parallel()
	seen := map[contract.Code]bool{}
	for _, r := range contract.Refusals() {
		if seen[r.Code] {
			t.Errorf("code %s is listed twice", r.Code)
		}
		seen[r.Code] = true
		if _, ok := contract.ClauseFor(r.Clause); !ok {
			t.Errorf("%s names the unknown clause %s", r.Code, r.Clause)
		}
		if r.Status < 400 || r.Title == "" || r.Detail == "" {
			t.Errorf("%s: incomplete refusal %+v", r.Code, r)
		}
	}
	if len(seen) != 17 {
		t.Errorf("%d codes, want 17", len(seen))
	}
}

func TestProvidersAreComplete(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, p := range contract.Providers() {
		if names[p.Name] {
			t.Errorf("provider %s is listed twice", p.Name)
		}
		names[p.Name] = true
		for _, s := range p.Schemes() {
			if got, ok := p.SchemeFor(s.Name); !ok || got != s {
				t.Errorf("%s: scheme %s is not found by its name", p.Name, s.Name)
			}
			if s.Algorithm.Size() == 0 {
				t.Errorf("%s: scheme %s has unknown algorithm %q", p.Name, s.Name, s.Algorithm)
			}
			if !strings.HasSuffix(string(s.Content), "{body}") {
				t.Errorf("%s: scheme %s signs %q, which does not end in the body", p.Name, s.Name, s.Content)
			}
		}
	}
}

func TestDariSignedContents(t *testing.T) {
	t.Parallel()
	for content, want := range map[contract.Content]string{
		contract.ContentTimestampBody:   "dari",
		contract.ContentBody:            "dari-body",
		contract.ContentIDTimestampBody: "dari-id",
	} {
		if got, ok := contract.Dari().SchemeSigning(content); !ok || got.Name != want {
			t.Errorf("scheme signing %q is %q, want %q", content, got.Name, want)
		}
	}
}

func TestUnknownProvider(t *testing.T) {
	t.Parallel()
	for name, nearest := range map[string]string{
		"strpe": "stripe", "Dari": "dari", "standard-webhooks": "standard_webhooks", "gitlab": "github", "costum": "custom",
		"zzzzzzzzzzzz": "", "": "", strings.Repeat("dari", 100): "",
	} {
		var unknown *contract.UnknownProviderError
		if err := contract.UnknownProvider(name, "custom"); !errors.As(err, &unknown) || unknown.Nearest != nearest {
			t.Errorf("%.20q: %v, want %q as the nearest", name, err, nearest)
		}
		if len(unknown.Known) != len(contract.Providers())+1 {
			t.Errorf("known are %v", unknown.Known)
		}
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, want string }{
		{"rde", `unknown color "rde" (did you mean red?): known are red, green`},
		{"GREN", `unknown color "GREN" (did you mean green?): known are red, green`},
		{strings.Repeat("x", 1000), `unknown color "` + strings.Repeat("x", 64) + `…": known are red, green`},
		{"ultramarine", `unknown color "ultramarine": known are red, green`},
	} {
		if got := contract.Unknown("color", row.name, []string{"red", "green"}); got != row.want {
			t.Errorf("got %s, want %s", got, row.want)
		}
	}
	if got := contract.Unknown("color", "red", nil); got != `unknown color "red": there is none` {
		t.Errorf("of none: %s", got)
	}
}

func TestUnsignedProvidersHaveNoScheme(t *testing.T) {
	t.Parallel()
	for _, p := range contract.Providers() {
		if p.Unsigned() != (len(p.Schemes()) == 0) || p.Unsigned() != p.ChooseTTL {
			t.Errorf("%s: unsigned %t with %d schemes", p.Name, p.Unsigned(), len(p.Schemes()))
		}
	}
}
