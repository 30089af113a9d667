package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	// documentName and plotName are files in the folder of the documents.
	documentName = "benchmarks.md"
	plotName     = "images/benchmarks.svg"

	// What stands between these lines of a document is made from figures; the rest is written by hand.
	generatedBegin = "<!-- written by internal/bench: begin -->\n"
	generatedEnd   = "<!-- written by internal/bench: end -->\n"
)

var errMarks = errors.New("the lines between which the figures go are not there")

// publish writes the figures, the document and the plot into a folder.
func (r record) publish(folder string) error {
	picture, err := r.plot()
	if err != nil {
		return fmt.Errorf("plotting: %w", err)
	}
	return errors.Join(
		writeFigures(folder, recordName, r),
		rewrite(filepath.Join(folder, documentName), r.generated()),
		os.WriteFile(filepath.Join(folder, filepath.FromSlash(plotName)), picture, 0o644))
}

// rewrite exchanges the generated text of a document.
func rewrite(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	now, err := replaceGenerated(string(old), text)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.WriteFile(path, []byte(now), 0o644)
}

// replaceGenerated puts a text between the lines where generated text goes.
func replaceGenerated(old, text string) (string, error) {
	before, rest, begun := strings.Cut(old, generatedBegin)
	_, after, ended := strings.Cut(rest, generatedEnd)
	if !begun || !ended {
		return "", errMarks
	}
	return before + generatedBegin + text + generatedEnd + after, nil
}

// generated returns the plot, the bars and the tables in Markdown.
func (r record) generated() string {
	var text strings.Builder
	fmt.Fprintf(&text, "\nMeasured on %v.\n\n![Deliveries per second of each target as a multiple of reverse_proxy's, by size of the bodies](%s)\n",
		r.Machine, plotName)
	text.WriteString("\n### Bars\n\n")
	writeMarkdown(&text, barCells(judge(r.Tables)))
	for _, t := range r.Tables {
		fmt.Fprintf(&text, "\n### %s\n\n%s; %s.\n\n", t.title(), t.How, t.Date)
		writeMarkdown(&text, t.cells())
	}
	text.WriteString("\n")
	return text.String()
}

// writeMarkdown writes lines, the first of which is the head, as a table.
func writeMarkdown(text *strings.Builder, lines [][]string) {
	for i, line := range lines {
		fmt.Fprintf(text, "| %s |\n", strings.Join(line, " | "))
		if i == 0 {
			fmt.Fprintf(text, "|%s\n", strings.Repeat("---|", len(line)))
		}
	}
}
