package gate

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestDocumentedCommit holds the row on commits in the documentation's table of waits to the constants.
func TestDocumentedCommit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	total, pause := time.Duration(commitAttempts*commitPatience)*DefaultStoreTimeout, DefaultStoreTimeout/4
	for range commitAttempts - 1 {
		total, pause = total+pause, 4*pause
	}
	row := fmt.Sprintf("%d attempts of %d × `timeout`, %s in all |", commitAttempts, commitPatience, total.Round(100*time.Millisecond))
	if !strings.Contains(string(text), row) {
		t.Errorf("docs/operations.md does not say %q", row)
	}
}
