package excerpt_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/darihook/darihook/internal/excerpt"
)

func TestOf(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", excerpt.Max)
	for name, row := range map[string]struct{ text, want string }{
		"ok/empty":               {"", ""},
		"ok/short":               {"as it is: ü", "as it is: ü"},
		"ok/as long as may be":   {long, long},
		"ok/longer":              {long + "b", long + "…"},
		"ok/two lines":           {"a\nb", "a\uFFFDb"},
		"ok/moves the cursor":    {"a\x1b[2J", "a\uFFFD[2J"},
		"ok/no text":             {"a\xff", "a\uFFFD"},
		"ok/cut within a letter": {long[1:] + "ü", long[1:] + "…"},
	} {
		if got := excerpt.Of(row.text); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// FuzzOf shows that no text makes an excerpt that is long, or no line.
func FuzzOf(f *testing.F) {
	f.Add(strings.Repeat("\xff", 2*excerpt.Max))
	f.Add(strings.Repeat("ü", excerpt.Max))
	f.Fuzz(func(t *testing.T, text string) {
		got := excerpt.Of(text)
		if len(got) > excerpt.Max+len("…") || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) && r != utf8.RuneError }) {
			t.Errorf("%q", got)
		}
	})
}

func TestError(t *testing.T) {
	t.Parallel()
	if excerpt.Error(nil) != nil {
		t.Error("no error became one")
	}
	err := excerpt.Error(fmt.Errorf("%s: %w", strings.Repeat("a", 1000), io.EOF))
	if !errors.Is(err, io.EOF) || len(err.Error()) > excerpt.Max+len("…") {
		t.Errorf("%d bytes: %v", len(err.Error()), err)
	}
}
