package caddymodule

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// TestDocumentedFigures holds the figures of the documentation to the code that has them.
func TestDocumentedFigures(t *testing.T) {
	t.Parallel()
	pages := make(map[string]string)
	for _, row := range []struct{ page, says string }{
		{"operations.md", fmt.Sprintf("the gate looks, at most every %.0f seconds, for another reading", searchPause.Seconds())},
		{"operations.md", fmt.Sprintf("for its header alone has such a line too, at most every %.0f seconds", hintPause.Seconds())},
		{"operations.md", fmt.Sprintf("the median of the last %d, one in a second | from %d seconds on", keptSkews, greatSkew)},
		{"operations.md", fmt.Sprintf("the last %d of the log's", keptHints)},
		{"bodies.md", fmt.Sprintf("each to be repeated every %.0f seconds", defaultBodyTimeout.Seconds())},
		{"bodies.md", fmt.Sprintf("the body has not arrived within %s", defaultBodyTimeout)},
		{"providers.md", fmt.Sprintf("a gate notices a change within %.0f", pollSecretFile.Seconds())},
		{"operations.md", fmt.Sprintf("`max_ids` | negative | below %d |", fewIDs)},
		{"operations.md", fmt.Sprintf("`lease` | below %s |", leastLease)},
		{"operations.md", fmt.Sprintf("`max_body` | no delivery of the platform fits into it, or above 1GiB | below %dKiB |", fewBytes>>10)},
		{"operations.md", fmt.Sprintf("fewer than %d bytes", contract.MinSecretLength)},
		{"operations.md", fmt.Sprintf("They are %d,%03d for each gate at most", gate.MaxPending/1000, gate.MaxPending%1000)},
		{"operations.md", fmt.Sprintf("%d of each unless told otherwise, %d,%03d at most", defaultRecent, maxRecent/1000, maxRecent%1000)},
		{"operations.md", fmt.Sprintf("take %.0f seconds at most", adminTime.Seconds())},
		{"../README.md", fmt.Sprintf("| `%s` |", defaultBodyTimeout)},
		{"../README.md", fmt.Sprintf("| `%dMiB` |", gate.DefaultBodyBudget>>20)},
		{"../README.md", fmt.Sprintf("| how long an outcome is remembered; longer than the sender keeps retrying | `%.0fh` |", gate.DefaultTTL.Hours())},
		{"../README.md", fmt.Sprintf("| how long a claim lasts without being renewed | `%s` |", gate.DefaultLease)},
		{"../README.md", fmt.Sprintf("or `reject` | `wait %s` |", gate.DefaultWait)},
		{"../README.md", fmt.Sprintf("| how long the store may take to answer | `%s` |", gate.DefaultStoreTimeout)},
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

// TestDocumentedDoctor holds the documentation's report to what the command prints.
func TestDocumentedDoctor(t *testing.T) {
	t.Parallel()
	now := time.Now()
	finding := signature.Finding{Scheme: "dari-body", Age: time.Second}
	g := gateReport{
		Host: "hooks.example.com", Route: "/hooks/*", Provider: "dari", Scope: "dari", Breaker: gate.BreakerClosed.String(),
		Secrets:  []secretReport{{Secret: 1, Bytes: 38, Prefix: contract.SecretPrefix}},
		Refusals: []pastRefusals{{contract.CodeSignatureMismatch, "signature mismatch", 12, now.Add(-3 * time.Second)}},
		Hints:    []pastHint{{now.Add(-3 * time.Second), contract.CodeSignatureMismatch, []string{finding.String() + optionFor(contract.Dari(), finding)}}},
	}
	report := adminDoctor{Gates: []gateReport{g}, Stores: []adminHealth{
		{Store: "disk", Address: "/var/lib/caddy/dari_webhook", Healthy: true, Breaker: gate.BreakerClosed.String()},
	}}
	for _, problem := range g.problems(now) {
		report.Problems = append(report.Problems, g.name()+": "+problem)
	}
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "```\n" + report.text(now) + "```\n"; !strings.Contains(string(page), want) {
		t.Errorf("docs/operations.md does not show\n%s", want)
	}
}

// TestDocumentedLines holds the lines of the log that the documentation quotes to those that the code writes.
func TestDocumentedLines(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	read := func(page string) string {
		text, err := os.ReadFile("../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
	operations, redis := read("operations.md"), read("redis.md")
	for _, row := range []struct{ page, quoted, written string }{
		{operations, "`store unavailable`", `"store unavailable"`},
		{operations, "`store circuit breaker open; probing every second`", `"store circuit breaker open; probing every second"`},
		{operations, "`store circuit breaker closed`", `"store circuit breaker closed;`},
		{operations, "`commit pending`", `"commit pending:`},
		{operations, "`pending commit recorded`", `"pending commit recorded"`},
		{operations, "`commit lost`", `"commit lost:`},
		{operations, "`a log prints signatures`", `"a log prints signatures,`},
		{operations, "`request refused: signature mismatch`", `"request refused: "`},
		{operations, "`signature mismatch explained`", `refusal.Title+" explained:`},
		{redis, "`commit recorded on too few replicas`", `"commit recorded on too few replicas;`},
	} {
		if !strings.Contains(row.page, row.quoted) {
			t.Errorf("the documentation does not quote %s", row.quoted)
		}
		if !strings.Contains(source.String(), row.written) {
			t.Errorf("nothing writes %s, which the documentation quotes", row.written)
		}
	}
	if refusal, _ := contract.RefusalFor(contract.CodeSignatureMismatch); refusal.Title != "signature mismatch" {
		t.Errorf("the title is %q", refusal.Title)
	}
}
