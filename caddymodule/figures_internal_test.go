package caddymodule

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocumentedFigures holds the figures of the documentation to the code that has them.
func TestDocumentedFigures(t *testing.T) {
	t.Parallel()
	pages := make(map[string]string)
	for _, row := range []struct{ page, says string }{
		{"operations.md", fmt.Sprintf("the gate looks, at most every %.0f seconds, for another reading", searchPause.Seconds())},
		{"operations.md", fmt.Sprintf("for its header alone has such a line too, at most every %.0f seconds", hintPause.Seconds())},
	} {
		text, read := pages[row.page]
		if !read {
			data, err := os.ReadFile("../docs/" + row.page)
			if err != nil {
				t.Fatal(err)
			}
			text = strings.Join(strings.Fields(string(data)), " ")
			pages[row.page] = text
		}
		if !strings.Contains(text, row.says) {
			t.Errorf("%s does not say: %s", row.page, row.says)
		}
	}
}
