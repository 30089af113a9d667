package caddymodule

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestReadmeListsEveryMetric holds the README's table to the metrics that there are, and to their labels.
func TestReadmeListsEveryMetric(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if name, labels, ok := strings.Cut(strings.TrimPrefix(line, "| `"), "` |"); ok && strings.HasPrefix(name, "caddy_dari_webhook_") {
			rows[name] = labels
		}
	}
	known := labelsOf(t)
	for name, labels := range known {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			base = strings.TrimSuffix(base, suffix)
		}
		row, ok := rows[base]
		if !ok {
			t.Errorf("the README does not list %s", base)
		}
		for _, label := range labels {
			if !slices.Contains([]string{"le", "instance", "job"}, label) && !strings.Contains(row, "`"+label+"`") {
				t.Errorf("the README's row of %s lacks the label %s", base, label)
			}
		}
	}
	for name := range rows {
		if !slices.ContainsFunc([]string{"", "_sum"}, func(suffix string) bool { return known[name+suffix] != nil }) {
			t.Errorf("the README lists %s, which does not exist", name)
		}
	}
}

// TestReadmeListsEveryPlaceholder holds the README's table to the placeholders in the handler's documentation.
func TestReadmeListsEveryPlaceholder(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("handler.go")
	if err != nil {
		t.Fatal(err)
	}
	var found int
	for line := range strings.Lines(string(source)) {
		if _, rest, ok := strings.Cut(line, "{http.dari_webhook."); ok && strings.HasPrefix(line, "//") {
			name, _, _ := strings.Cut(rest, "}")
			found++
			if !strings.Contains(string(text), "`{http.dari_webhook."+name+"}`") {
				t.Errorf("the README does not list {http.dari_webhook.%s}", name)
			}
		}
	}
	if found < 9 {
		t.Errorf("%d placeholders in the documentation, want at least 9", found)
	}
}
