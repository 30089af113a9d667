package gate

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

// size writes a number of bytes as the documentation does.
func size(n int64) string {
	switch {
	case n == 0:
		return "nothing"
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d KiB", n>>10)
	}
}

// grouped writes a number with commas.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// grown is a body of which has come what it takes to hold as much as it can. It reports false where the budget ends before.
func grown(budget *budget, declared int64) (*body, bool) {
	b := &body{budget: budget}
	for {
		room, ok := b.room(declared)
		if !ok || int64(len(b.buf)) == classSize(classFor(declared)) {
			return b, ok
		}
		b.n += len(room)
	}
}

// TestDocumentedBudget holds the documentation's figures on withheld bodies to what the budget does by default, with
// bodies that have grown step by step as those of strangers do.
func TestDocumentedBudget(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/bodies.md")
	if err != nil {
		t.Fatal(err)
	}
	const timeout = 30 // seconds, body_timeout's default
	for _, declared := range []int64{4 << 10, 16 << 10, 64 << 10, 4 << 20, contract.MaxBody} {
		b := budget{limit: DefaultBodyBudget, large: largePart(DefaultBodyBudget, contract.MaxBody)}
		var n, held, sent int64
		for body, ok := grown(&b, declared); ok; body, ok = grown(&b, declared) {
			n, held, sent = n+1, int64(len(body.buf)), int64(body.n)
		}
		rate := float64(n) / timeout
		perSecond := fmt.Sprintf("%.1f", rate)
		if rate >= 10 {
			perSecond = grouped(int64(rate + 0.5))
		}
		traffic := "none"
		if sent > 0 {
			traffic = fmt.Sprintf("%.1f MiB/s", rate*float64(sent)/(1<<20))
		}
		row := fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", size(declared), size(held), size(sent), grouped(n), perSecond, traffic)
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/bodies.md lacks the row %s", row)
		}
	}
}
