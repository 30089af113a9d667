package main

import (
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, 0.25: 2, 0.5: 3, 0.75: 4, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v = %v, want %v", q, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing = %v, want 0", got)
	}
	if values[0] != 5 {
		t.Error("quantile has sorted its argument")
	}
}

// TestRatiosArePairedByRound gives a machine that slows down by half from one round to the next: the ratio must not see it.
func TestRatiosArePairedByRound(t *testing.T) {
	t.Parallel()
	base := result{name: "base", slices: []slice{{requests: 1000, elapsed: time.Second}, {requests: 500, elapsed: time.Second}}}
	other := result{name: "other", slices: []slice{{requests: 800, elapsed: time.Second}, {requests: 400, elapsed: time.Second}}}
	for _, got := range other.ratios(base) {
		if got != 0.8 {
			t.Errorf("ratio %v, want 0.8", got)
		}
	}
}

func TestTableShowsTheBaselineAsOne(t *testing.T) {
	t.Parallel()
	r := result{name: "base", slices: []slice{{requests: 2, elapsed: time.Second, cpu: 2 * time.Millisecond, latencies: []time.Duration{time.Millisecond, 3 * time.Millisecond}}}}
	var out strings.Builder
	if err := writeTable(&out, 1024, []result{r}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1.0 KiB bodies", "base", "1.00–1.00", "1000"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, &out)
		}
	}
}

func TestParseSizes(t *testing.T) {
	t.Parallel()
	if got, err := parseSizes("1KiB,1MiB"); err != nil || len(got) != 2 || got[0] != 1024 || got[1] != 1<<20 {
		t.Errorf("parseSizes = %v, %v", got, err)
	}
	for _, bad := range []string{"", "1", "1GiB", "x"} {
		if _, err := parseSizes(bad); err == nil {
			t.Errorf("parseSizes(%q) gave no error", bad)
		}
	}
}
