package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProject(t *testing.T) {
	t.Parallel()
	few := holding{Store: "disk", IDs: 1_000_000, Filled: 50 << 20, Disk: 100_000_000}
	many := holding{Store: "disk", IDs: 2_000_000, Filled: 50<<20 + 10_000_000, Disk: 200_000_000}
	want := []string{"disk", "10 B", "100 B", size(50<<20 + 990_000_000), "9.3 GiB", size(50<<20 + 9_990_000_000), "93 GiB"}
	if got := project("disk", few, many); !slices.Equal(got, want) {
		t.Errorf("project = %q, want %q", got, want)
	}
}

func TestHoldingsReplaceWhatWasMeasuredAgain(t *testing.T) {
	t.Parallel()
	old := holdings{Holdings: []holding{{Store: "memory", IDs: 1}, {Store: "disk", IDs: 1, Filling: 1}}}
	got := old.add([]holding{{Store: "redis", IDs: 1}, {Store: "disk", IDs: 1, Filling: 2}}).Holdings
	want := []holding{{Store: "memory", IDs: 1}, {Store: "disk", IDs: 1, Filling: 2}, {Store: "redis", IDs: 1}}
	if !slices.Equal(got, want) {
		t.Errorf("holdings %+v, want %+v", got, want)
	}
}

// TestScaleShowsTheFigures holds the repository's document to the figures that are kept beside it.
func TestScaleShowsTheFigures(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "docs")
	all, err := readHoldings(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.projection()) != 1+len(scaled) {
		t.Fatalf("%d figures, want two of every store", len(all.Holdings))
	}
	text, err := os.ReadFile(filepath.Join(folder, scaleDocument))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := replaceGenerated(string(text), all.generated()); err != nil || again != string(text) {
		t.Errorf("the document does not show the figures that are kept: %v", err)
	}
}
