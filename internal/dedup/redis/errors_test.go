package redis

import (
	"os"
	"strings"
	"testing"
)

// TestReasonsAreDocumented wants a row for each reason in the table that operators read, and no other rows.
func TestReasonsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| reason |")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("no table of reasons")
	}
	for reason := range advice {
		if !strings.Contains(table, "\n| `"+string(reason)+"` |") {
			t.Errorf("no row for %s", reason)
		}
	}
	if n := strings.Count(table, "\n| `"); n != len(advice) {
		t.Errorf("%d rows, want %d", n, len(advice))
	}
}
