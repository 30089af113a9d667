package secretfile

import (
	"bytes"
	"strings"
	"testing"

	"github.com/darihook/darihook/signature"
)

func TestSecrets(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		content string
		want    []string
	}{
		"ok/one":             {"whsec_a", []string{"whsec_a"}},
		"ok/lines":           {"whsec_a\nwhsec_b\n", []string{"whsec_a", "whsec_b"}},
		"ok/other line ends": {"whsec_a\r\nwhsec_b\r\n", []string{"whsec_a", "whsec_b"}},
		"ok/comments":        {"# old\nwhsec_a\n\n  # new\n\twhsec_b\n", []string{"whsec_a", "whsec_b"}},
		"ok/maybe a comment": {"b # part of it\n", []string{"b # part of it"}},
		"fail/comment":       {"whsec_b # a comment\n", nil},
		"fail/mark":          {"\uFEFF# a comment\nwhsec_a\n", nil},
		"fail/UTF-16":        {"\xff\xfe#\x00\n\x00w\x00", nil},
		"fail/lone CR":       {"whsec_a\rwhsec_b\r", nil},
		"fail/CR in comment": {"# old\rwhsec_a\nwhsec_b\n", nil},
		"fail/empty":         {"", nil},
		"fail/comments":      {"# whsec_a\n\n", nil},
		"fail/too many":      {strings.Repeat("whsec_a\n", signature.MaxSecrets+1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse([]byte(row.content)).Secrets()
			if (err == nil) != strings.HasPrefix(name, "ok/") || len(got) != len(row.want) {
				t.Fatalf("%d secrets and error %v, want %d", len(got), err, len(row.want))
			}
			for i, text := range row.want {
				want, err := signature.NewSecret(text)
				if err != nil || !got[i].Equal(want) {
					t.Errorf("secret %d is another (%v)", i+1, err)
				}
			}
		})
	}
}

// FuzzSecrets shows that what is read are the lines, and that no error shows any of them.
func FuzzSecrets(f *testing.F) {
	for _, seed := range []string{"whsec_a\nwhsec_b", "# c\r\n\r\n x \r\n", "\xff\xfe\x00", "a\u00a0\n\u2028b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := Parse(content).Secrets()
		if err != nil {
			for line := range bytes.Lines(content) {
				if line = bytes.TrimSpace(line); len(line) > 12 && strings.Contains(err.Error(), string(line)) {
					t.Fatalf("the error shows a line")
				}
			}
			return
		}
		if len(got) == 0 || len(got) > signature.MaxSecrets {
			t.Fatalf("%d secrets", len(got))
		}
		var again bytes.Buffer
		for line := range bytes.Lines(content) {
			if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
				again.Write(append(line, '\n'))
			}
		}
		second, err := Parse(again.Bytes()).Secrets()
		if err != nil || len(second) != len(got) {
			t.Fatalf("%d secrets, then %d (%v)", len(got), len(second), err)
		}
		for i := range got {
			if !got[i].Equal(second[i]) {
				t.Fatalf("secret %d is another", i+1)
			}
		}
	})
}
