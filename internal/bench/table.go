package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
)

// table is what was found out about all entrants of a section at one size.
type table struct {
	Section string `json:"section"`
	Size    int    `json:"size"`
	// Date is the day of the measurement.
	Date string `json:"date"`
	// How says what a slice was.
	How  string `json:"how"`
	Rows []row  `json:"rows"`
}

// row is one entrant. Times are in microseconds.
type row struct {
	Name   string            `json:"name"`
	Rate   float64           `json:"rate"`
	CPU    float64           `json:"cpu"`
	P50    float64           `json:"p50"`
	P99    float64           `json:"p99"`
	Ratios map[string]spread `json:"ratios"`
	// Memory is how much the target resided in after any slice, at most, in bytes.
	Memory int64 `json:"memory"`
}

// tabulate sums results up. The ratios are of one figure, such as the rate, and leave out baselines that did not run.
func (p plan) tabulate(section string, size int, results []result, figure func(slice) float64) table {
	t := table{
		Section: section, Size: size, Date: time.Now().UTC().Format(time.DateOnly),
		How: fmt.Sprintf("%d rounds of %v, %d connections", p.rounds, p.slice, p.conns),
	}
	var generator []float64
	for _, r := range results {
		t.Rows = append(t.Rows, r.row(results, figure))
		generator = append(generator, r.perRequest(func(s slice) time.Duration { return s.generator }))
	}
	if len(generator) > 0 {
		t.How += fmt.Sprintf("; the load generator itself took %.0f to %.0f µs of processor time a request", slices.Min(generator), slices.Max(generator))
	}
	return t
}

// row sums one result up.
func (r result) row(all []result, figure func(slice) float64) row {
	ratios := map[string]spread{}
	for _, baseline := range all {
		if slices.Contains(r.over, baseline.name) {
			ratios[baseline.name] = spreadOf(r.ratios(baseline, figure))
		}
	}
	return row{
		Name: r.name, Ratios: ratios,
		Rate: quantile(r.each(slice.rate), 0.5),
		CPU:  r.perRequest(func(s slice) time.Duration { return s.cpu }),
		P50:  quantile(r.each(latency(0.5)), 0.5),
		P99:  quantile(r.each(latency(0.99)), 0.5),
		// A target's memory is that of all slices so far, whatever was sent in them.
		Memory: slices.MaxFunc(r.slices, func(a, b slice) int { return cmp.Compare(a.memory, b.memory) }).memory,
	}
}

// find returns the row of an entrant.
func (t table) find(name string) (row, bool) {
	i := slices.IndexFunc(t.Rows, func(r row) bool { return r.Name == name })
	if i < 0 {
		return row{}, false
	}
	return t.Rows[i], true
}

// title names the table.
func (t table) title() string {
	return fmt.Sprintf("%s, %s bodies", t.Section, humanize.IBytes(uint64(t.Size)))
}

// cells returns the head and the rows of the table as text.
func (t table) cells() [][]string {
	lines := [][]string{{"target", "requests/s", "CPU µs/request", "p50 ms", "p99 ms", "MiB", "ratio", "quartiles", "over"}}
	for _, r := range t.Rows {
		line := []string{r.Name, humanize.Comma(int64(r.Rate)), fmt.Sprintf("%.0f", r.CPU), milliseconds(r.P50), milliseconds(r.P99), strconv.FormatInt(r.Memory>>20, 10)}
		over := slices.Sorted(maps.Keys(r.Ratios))
		if len(over) == 0 {
			lines = append(lines, append(line, "", "", ""))
		}
		for _, name := range over {
			s := r.Ratios[name]
			lines = append(lines, append(slices.Clone(line), fmt.Sprintf("%.2f", s.Median), fmt.Sprintf("%.2f–%.2f", s.Low, s.High), name))
			line = []string{"", "", "", "", "", ""}
		}
	}
	return lines
}

func milliseconds(micros float64) string { return fmt.Sprintf("%.2f", micros/1000) }

// print writes the table for a terminal.
func (t table) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%s: %s\n", t.title(), t.How)
	return printCells(w, t.cells())
}
