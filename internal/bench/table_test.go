package main

import (
	"strings"
	"testing"
	"time"
)

// someTable is a table of a target that is half as fast as its baseline.
func someTable() table {
	fast := slice{requests: 2000, elapsed: time.Second, cpu: time.Second, latencies: []time.Duration{time.Millisecond, 3 * time.Millisecond}}
	slow := slice{requests: 1000, elapsed: time.Second, cpu: time.Second, latencies: []time.Duration{2 * time.Millisecond}}
	results := []result{
		{entrant{name: stock, over: []string{stock}}, []slice{fast, fast}},
		{entrant{name: "gate-disk", over: []string{stock, "absent"}}, []slice{slow, slow}},
	}
	return plan{rounds: 2, slice: time.Second, conns: 8}.tabulate("throughput", 1<<10, results, slice.rate)
}

func TestTabulate(t *testing.T) {
	t.Parallel()
	r, ok := someTable().find("gate-disk")
	if !ok || r.Rate != 1000 || r.CPU != 1000 || r.P50 != 2000 || r.P99 != 2000 {
		t.Errorf("row = %+v", r)
	}
	if len(r.Ratios) != 1 || r.Ratios[stock] != (spread{0.5, 0.5, 0.5}) {
		t.Errorf("ratios = %v, want a half of %s alone", r.Ratios, stock)
	}
}

func TestTableIsPrinted(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := someTable().print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"throughput, 1.0 KiB bodies: 2 rounds of 1s, 8 connections", "gate-disk", "0.50–0.50", "2,000"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, &out)
		}
	}
}
