package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentShowsTheFigures holds the repository's document and plot to the figures that are kept beside them.
func TestDocumentShowsTheFigures(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "docs")
	r, err := readRecord(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Tables) == 0 {
		t.Fatal("no figures")
	}
	holdDocument(t, folder, r)
}

// holdDocument compares the document and the plot of a folder with what figures give.
func holdDocument(t *testing.T, folder string, r record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, documentName))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := replaceGenerated(string(text), r.generated()); err != nil || again != string(text) {
		t.Errorf("the document does not show the figures that are kept: %v", err)
	}
	picture, err := os.ReadFile(filepath.Join(folder, plotName))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.plot(); err != nil || !bytes.Equal(again, picture) {
		t.Errorf("the plot does not show the figures that are kept: %v", err)
	}
}

func TestDocumentKeepsWhatIsWrittenByHand(t *testing.T) {
	t.Parallel()
	text, err := replaceGenerated("before\n"+generatedBegin+"old\n"+generatedEnd+"after\n", record{Tables: []table{someTable()}}.generated())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "after\n") || strings.Contains(text, "old\n") || !strings.Contains(text, "| gate-disk |") {
		t.Errorf("document:\n%s", text)
	}
	if _, err := replaceGenerated("nothing", ""); !errors.Is(err, errMarks) {
		t.Errorf("document without marks: %v, want errMarks", err)
	}
}

func TestPlotNeedsFigures(t *testing.T) {
	t.Parallel()
	if _, err := (record{}).plot(); err == nil {
		t.Error("nothing was plotted without an error")
	}
}
