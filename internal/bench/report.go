package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
)

// result is all slices of one target at one size.
type result struct {
	name   string
	slices []slice
}

// writeTable prints one size: a row a target, against the first.
func writeTable(w io.Writer, size int, results []result) error {
	fmt.Fprintf(w, "\n%s bodies\n", humanize.IBytes(uint64(size)))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "target\treq/s\tratio\tquartiles\tCPU µs/req\tp50\tp99\t")
	for _, r := range results {
		ratios := r.ratios(results[0])
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f–%.2f\t%.0f\t%v\t%v\t\n",
			r.name, median(r.rates()), median(ratios), quantile(ratios, 0.25), quantile(ratios, 0.75),
			r.cpuPerRequest(), r.latency(0.50), r.latency(0.99))
	}
	return table.Flush()
}

// rates returns each slice's requests per second.
func (r result) rates() []float64 {
	rates := make([]float64, len(r.slices))
	for i, s := range r.slices {
		rates[i] = s.rate()
	}
	return rates
}

// ratios divides each slice's rate by the baseline's in the same round.
func (r result) ratios(baseline result) []float64 {
	ratios, base := r.rates(), baseline.rates()
	for i := range ratios {
		ratios[i] /= base[i]
	}
	return ratios
}

// cpuPerRequest returns microseconds of the target's processor time per request over all slices.
func (r result) cpuPerRequest() float64 {
	var cpu time.Duration
	var requests int
	for _, s := range r.slices {
		cpu += s.cpu
		requests += s.requests
	}
	return float64(cpu.Microseconds()) / float64(max(requests, 1))
}

// latency returns the median over the slices of a quantile of the latency.
func (r result) latency(q float64) time.Duration {
	perSlice := make([]float64, 0, len(r.slices))
	for _, s := range r.slices {
		if n := len(s.latencies); n > 0 {
			perSlice = append(perSlice, float64(s.latencies[min(int(q*float64(n)), n-1)]))
		}
	}
	return time.Duration(median(perSlice)).Round(10 * time.Microsecond)
}

// median returns the middle of the values, or 0 without any.
func median(values []float64) float64 { return quantile(values, 0.5) }

// quantile returns the value below which the share q of the values lies, or 0 without any.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
