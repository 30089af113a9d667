package conformance

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Console tells a person how a run goes. Its methods write to one writer and are called one at a time.
type Console struct {
	w     io.Writer
	specs int
}

// NewConsole returns a console that writes to w.
func NewConsole(w io.Writer) *Console { return &Console{w: w} }

// marks are the progress marks of the verdicts.
var marks = map[Verdict]string{Conformant: ".", NonConformant: "F", Undetermined: "?", Skipped: "s"}

// Observe shows that a spec has ended. It is an observer for [Judge].
func (c *Console) Observe(r Result) {
	if c.specs > 0 && c.specs%80 == 0 {
		fmt.Fprintln(c.w)
	}
	c.specs++
	fmt.Fprint(c.w, marks[r.Verdict])
}

// Conclude shows what a reader should know first, then what is wrong: in full where it decides, and in a line each where it is
// provisional, unless the run was about those clauses. The table of clauses and the result come last.
func (c *Console) Conclude(r *Report) {
	if c.specs > 0 {
		fmt.Fprint(c.w, "\n\n")
	}
	if r.Hint != "" {
		fmt.Fprintf(c.w, "NOTE  %s.\n\n", r.Hint)
	}
	var brief []ClauseReport
	for _, clause := range r.Clauses {
		switch {
		case clause.Verdict != NonConformant:
		case clause.decides() || r.Configuration["clause"] != "":
			c.broken(clause)
		default:
			brief = append(brief, clause)
		}
	}
	c.provisional(brief)
	if r.Summary.Executed > 0 {
		c.table(r)
	}
	c.result(r)
}

// broken shows a clause that does not hold, and each of its specs that says so.
func (c *Console) broken(clause ClauseReport) {
	kind := ""
	if clause.Provisional {
		kind = ", provisional"
	}
	fmt.Fprintf(c.w, "%s (%s%s) %s\n  source    %s\n", clause.ID, clause.Level, kind, clause.Text, clause.Source)
	for _, spec := range clause.Specs {
		if spec.Failure != nil {
			c.failure(spec)
		}
	}
	fmt.Fprintln(c.w)
}

// failure shows one failed spec with all that is needed to understand it.
func (c *Console) failure(spec Result) {
	fmt.Fprintf(c.w, "\n  %s\n  expected  %s\n  actual    %s\n", spec.Name, indented(spec.Failure.Expected), indented(spec.Failure.Actual))
	if d := spec.Failure.Diff; d != "" {
		fmt.Fprintf(c.w, "  diff      %s\n", indented(strings.TrimSpace(d)))
	}
	if n := len(spec.Exchanges); n > 0 && spec.Exchanges[n-1].Curl != "" {
		fmt.Fprintf(c.w, "  request   %s\n", indented(spec.Exchanges[n-1].Curl))
	}
}

// provisional shows in a line each what does not hold and does not decide.
func (c *Console) provisional(clauses []ClauseReport) {
	if len(clauses) == 0 {
		return
	}
	fmt.Fprint(c.w, "These do not hold either. They decide nothing: the public record leaves them open, or they are no MUST.\n\n")
	for _, clause := range clauses {
		for _, spec := range clause.Specs {
			if spec.Failure != nil {
				fmt.Fprintf(c.w, "  %s (%s) %s: %s\n", clause.ID, clause.Level, spec.Name, oneLine(spec.Failure.Actual))
			}
		}
	}
	fmt.Fprintln(c.w)
}

// indented keeps the lines of a text below each other.
func indented(text string) string { return strings.ReplaceAll(text, "\n", "\n            ") }

// table shows every clause in a line.
func (c *Console) table(r *Report) {
	t := tabwriter.NewWriter(c.w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CLAUSE\tLEVEL\tVERDICT\tSPECS\tNOTE")
	for _, clause := range r.Clauses {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", clause.ID, clause.Level, clause.Verdict, len(clause.Specs), clause.note())
	}
	t.Flush()
	fmt.Fprintln(c.w)
}

// note is what a person must know besides the verdict.
func (c ClauseReport) note() string {
	var notes []string
	if c.Provisional {
		notes = append(notes, "provisional")
	}
	if c.Expected != "" {
		notes = append(notes, "expected to fail: "+c.Expected)
	}
	if c.Reason != "" {
		notes = append(notes, c.Reason)
	}
	return strings.Join(notes, "; ")
}

// result shows the sum of it all.
func (c *Console) result(r *Report) {
	fmt.Fprintf(c.w, "%s %s: %s", r.Provider, r.Role, r.Result)
	if r.Problem != "" {
		fmt.Fprintf(c.w, " (%s)", r.Problem)
	}
	if open := r.provisional(); r.Result == ResultConformant && len(open) > 0 {
		fmt.Fprintf(c.w, ", but for what is provisional: %s", join(open))
	}
	if r.Summary.Executed == 0 {
		fmt.Fprintln(c.w)
		return
	}
	fmt.Fprintf(c.w, "\n%d conformant, %d non-conformant, %d undetermined, %d skipped clauses; %d specs in %s\n",
		r.Summary.Conformant, r.Summary.NonConformant, r.Summary.Undetermined, r.Summary.Skipped,
		r.Summary.Executed, r.Duration.Round(time.Millisecond))
	if r.Summary.NonConformant > 0 {
		fmt.Fprintf(c.w, "To repeat these alone and in full, add --clause %s. Signatures and keys above are cut short.\n", r.verdicts(NonConformant))
	}
	if r.Summary.Undetermined > 0 {
		fmt.Fprintf(c.w, "To repeat what is undetermined, add --clause %s.\n", r.verdicts(Undetermined))
	}
}

// List writes the clauses that a role owes under a provider's contract, with their levels, and how many specs the suite has
// for each. The error is a *UsageError where the suite cannot judge the role of that provider.
func List(w io.Writer, cfg Config) error {
	cfg = cfg.withDefaults()
	if err := cfg.checkContract(); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "CLAUSE\tLEVEL\tCERTAINTY\tSPECS\tTEXT")
	for _, c := range newReport(cfg, time.Now(), nil).Clauses {
		if !cfg.selects(c.ID, c.Level) {
			continue
		}
		n := 0
		for _, s := range Specs(cfg.provider(), cfg.Role) {
			if s.Clause == c.ID {
				n++
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\n", c.ID, c.Level, c.Certainty, n, c.Text)
	}
	return t.Flush()
}
