package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// bar is a bound that a ratio is to keep.
type bar struct {
	section  string
	of, over string
	sizes    []int
	// bound is the least that the median of the ratios should be, or the most where atMost is set.
	bound  float64
	atMost bool
}

// everySize are the sizes of the bars that hold for all.
var everySize = []int{1 << 10, 20 << 10, 64 << 10, 256 << 10, 1 << 20}

// bars lists what this project holds the gate to.
func bars() []bar {
	var all []bar
	for _, b := range []struct{ suffix, over string }{{"", stock}, {"-tuned", tuned}} {
		all = append(all,
			bar{section: "throughput", of: "gate-memory" + b.suffix, over: b.over, sizes: everySize, bound: 1},
			bar{section: "throughput", of: "gate-disk" + b.suffix, over: b.over, sizes: everySize, bound: 1},
			bar{section: "throughput", of: "gate-redis" + b.suffix, over: b.over, sizes: everySize, bound: 0.95})
	}
	all = append(all,
		bar{section: "throughput", of: "gate-disk-lean", over: stock, sizes: []int{1 << 10}, bound: 2},
		bar{section: "throughput", of: "gate-disk-lean", over: "nginx-lua", sizes: []int{1 << 10}, bound: 0.75},
		bar{section: "throughput", of: "gate-disk-lean", over: "nginx-lua", sizes: []int{64 << 10}, bound: 1.05},
		bar{section: "throughput", of: "gate-disk-lean", over: "nginx-lua", sizes: []int{1 << 20}, bound: 1.3})
	for _, kind := range []traffic{forged, stale} {
		all = append(all, bar{section: "refusals", of: "gate-disk, " + kind.String(), over: stock, sizes: []int{refusalSize}, bound: 3.5})
	}
	for _, name := range attackedTargets {
		all = append(all, bar{section: "flood", of: name + ", flooded", over: name + ", steady", sizes: []int{floodSize}, bound: 1.2, atMost: true})
	}
	return all
}

// verdict is a bar at one size, with what was measured.
type verdict struct {
	bar
	size   int
	ratio  spread
	missed bool
}

// judge holds what was measured against the bars; those whose entrants did not run are left out.
func judge(tables []table) []verdict {
	var verdicts []verdict
	for _, b := range bars() {
		for _, size := range b.sizes {
			if s, ok := lookUp(tables, b.section, size, b.of, b.over); ok {
				missed := s.Median < b.bound
				if b.atMost {
					missed = s.Median > b.bound
				}
				verdicts = append(verdicts, verdict{b, size, s, missed})
			}
		}
	}
	return verdicts
}

// lookUp finds a ratio.
func lookUp(tables []table, section string, size int, of, over string) (spread, bool) {
	for _, t := range tables {
		if t.Section != section || t.Size != size {
			continue
		}
		if r, ok := t.find(of); ok {
			s, ok := r.Ratios[over]
			return s, ok
		}
	}
	return spread{}, false
}

// barCells returns the bars as text.
func barCells(verdicts []verdict) [][]string {
	lines := [][]string{{"figure", "bodies", "bar", "measured", "quartiles", "kept"}}
	for _, v := range verdicts {
		sign, kept := "≥", "yes"
		if v.atMost {
			sign = "≤"
		}
		if v.missed {
			kept = "no"
		}
		lines = append(lines, []string{
			v.of + " over " + v.over, humanize.IBytes(uint64(v.size)), fmt.Sprintf("%s %.2f", sign, v.bound),
			fmt.Sprintf("%.2f", v.ratio.Median), fmt.Sprintf("%.2f–%.2f", v.ratio.Low, v.ratio.High), kept,
		})
	}
	return lines
}

// writeBars prints the bars for a terminal.
func writeBars(w io.Writer, tables []table) error {
	verdicts := judge(tables)
	if len(verdicts) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nbars")
	return printCells(w, barCells(verdicts))
}

// printCells writes text in columns.
func printCells(w io.Writer, lines [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		for _, cell := range line {
			fmt.Fprintf(columns, "%s\t", cell)
		}
		fmt.Fprintln(columns)
	}
	return columns.Flush()
}
