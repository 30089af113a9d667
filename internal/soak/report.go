package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/darihook/darihook/internal/soak/account"
)

// shown is how many deliveries of a kind are named.
const shown = 8

// writeReport prints the account.
func writeReport(w io.Writer, r account.Report) {
	n := func(i int) string { return humanize.Comma(int64(i)) }
	fmt.Fprintf(w, "\ndeliveries   %s, in %s attempts: %s answered from the record, %s refused, %s broken, %s hung up\n",
		n(r.Sent), n(r.Attempts), n(r.FromRecord), n(r.Refused), n(r.Broken), n(r.HungUp))
	fmt.Fprintf(w, "receiver     %s runs, %s failures as planned\n", n(r.Runs), n(r.Failures))
	fmt.Fprintf(w, "forgeries    %s\n", n(r.Forgeries))
	fmt.Fprint(w, "faults      ")
	for i, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, " %d %s", r.Faults[kind], kind)
	}
	fmt.Fprintln(w)
	writeDoubles(w, r)

	unexcused := r.Unexcused()
	fmt.Fprintf(w, "\nlost                           %d%s\n", len(r.Lost), some(r.Lost))
	fmt.Fprintf(w, "never told success             %d%s\n", len(r.Unanswered), some(r.Unanswered))
	fmt.Fprintf(w, "told success before the run    %d%s\n", len(r.Early), some(r.Early))
	fmt.Fprintf(w, "run twice without a fault      %d\n", len(unexcused))
	fmt.Fprintf(w, "run twice on account of one    %d\n", len(r.Doubles)-len(unexcused))
	fmt.Fprintf(w, "run and never sent             %d\n", r.Unknown)
	fmt.Fprintf(w, "forged and accepted            %d\n", r.Accepted)
}

// writeDoubles puts each second run down to its fault.
func writeDoubles(w io.Writer, r account.Report) {
	because := map[string][]int{}
	for _, d := range r.Doubles {
		for _, why := range d.Because {
			because[why] = append(because[why], d.Number)
		}
	}
	if len(because) > 0 {
		fmt.Fprintln(w, "\nran again because of")
	}
	for _, why := range slices.Sorted(maps.Keys(because)) {
		fmt.Fprintf(w, "  %s: %d runs,%s\n", why, len(because[why]), some(slices.Compact(because[why])))
	}
	for i, d := range r.Unexcused() {
		if i == shown {
			break
		}
		fmt.Fprintf(w, "  NOT EXPLAINED: %s ran %d times, of which faults explain %d\n", idOf(d.Number), d.Runs, len(d.Because))
	}
}

// some names a few of many.
func some(numbers []int) string {
	text := ""
	for i, number := range numbers {
		if i == shown {
			return text + " …"
		}
		text += " " + idOf(number)
	}
	return text
}
