package account

import (
	"fmt"
	"slices"
	"time"
)

// Double is a delivery that ran more than once.
type Double struct {
	Number int
	Runs   int
	// Because has a line for each run whose success a fault kept from being recorded.
	Because []string
}

// Excused reports whether all runs but one are put down to a fault.
func (d Double) Excused() bool { return d.Runs-len(d.Because) <= 1 }

// Report is what the records say.
type Report struct {
	// Sent is the number of deliveries, and Attempts that of all tries of them.
	Sent, Attempts int
	// Runs is how often the receiver succeeded, and Failures how often it failed as planned.
	Runs, Failures int
	// FromRecord is how often a copy was answered from the record, HungUp how often a sender did not wait, Broken how
	// often a connection ended under it, and Refused how often it was told anything but success.
	FromRecord, HungUp, Broken, Refused int
	// Forgeries is the number of requests that nobody signed, or signed long ago.
	Forgeries int
	// Faults counts them by kind.
	Faults map[Kind]int
	// Doubles are the deliveries that ran more than once.
	Doubles []Double

	// Lost are deliveries that never ran.
	Lost []int
	// Unanswered are deliveries whose sender was never told success, however often it tried.
	Unanswered []int
	// Early are deliveries whose sender was told success before they ran.
	Early []int
	// Unknown is the number of runs of what was never sent.
	Unknown int
	// Accepted is the number of forged requests that were answered with success, or reached the receiver.
	Accepted int
}

// Unexcused returns the deliveries that ran more than once and not on account of a fault.
func (r *Report) Unexcused() []Double {
	return slices.DeleteFunc(slices.Clone(r.Doubles), Double.Excused)
}

// Kept reports whether the promise was kept.
func (r *Report) Kept() bool {
	return len(r.Lost) == 0 && len(r.Unanswered) == 0 && len(r.Early) == 0 && r.Unknown == 0 && r.Accepted == 0 &&
		len(r.Unexcused()) == 0
}

// never is later than everything.
const never = time.Duration(1<<63 - 1)

// tally is what is remembered of every delivery.
type tally struct {
	first time.Duration // of its runs, or never
	told  time.Duration // the first success that a sender was told of, or never
	runs  uint16
}

// Audit reads the records. An error means that they could not be read.
func Audit(h History) (Report, error) {
	report := Report{Sent: h.Sent, Faults: map[Kind]int{}}
	for _, f := range h.Faults {
		report.Faults[f.Kind]++
	}
	all := make([]tally, h.Sent)
	for i := range all {
		all[i] = tally{first: never, told: never}
	}
	if err := report.readLedger(h, all); err != nil {
		return report, err
	}
	if err := report.readJournal(h, all); err != nil {
		return report, err
	}
	report.judge(all)
	return report, report.attribute(h, all)
}

func (r *Report) readLedger(h History, all []tally) error {
	for entry, err := range h.Ledger {
		switch {
		case err != nil:
			return fmt.Errorf("reading the ledger: %w", err)
		case entry.Kind == Forged:
			r.Accepted++
		case entry.Kind == Failed:
			r.Failures++
		case entry.Kind == Ran && (entry.Number < 0 || entry.Number >= h.Sent):
			r.Unknown++
		case entry.Kind == Ran:
			t := &all[entry.Number]
			r.Runs++
			t.runs++
			t.first = min(t.first, entry.At)
		}
	}
	return nil
}

func (r *Report) readJournal(h History, all []tally) error {
	for a, err := range h.Journal {
		switch {
		case err != nil:
			return fmt.Errorf("reading the journal: %w", err)
		case a.Forged:
			r.Forgeries++
			if a.Succeeded() {
				r.Accepted++
			}
		default:
			r.count(a)
			if a.Succeeded() {
				all[a.Number].told = min(all[a.Number].told, a.Ended)
			}
		}
	}
	return nil
}

func (r *Report) count(a Attempt) {
	r.Attempts++
	switch {
	case a.Outcome == HungUp:
		r.HungUp++
	case a.Outcome == Broken:
		r.Broken++
	case !a.Succeeded():
		r.Refused++
	case a.Duplicate:
		r.FromRecord++
	}
}

// judge looks at every delivery.
func (r *Report) judge(all []tally) {
	for number, t := range all {
		if t.runs == 0 {
			r.Lost = append(r.Lost, number)
		}
		if t.told == never {
			r.Unanswered = append(r.Unanswered, number)
		}
		if t.told < t.first {
			r.Early = append(r.Early, number)
		}
	}
}

// attribute goes through the records again for the deliveries that ran more than once.
func (r *Report) attribute(h History, all []tally) error {
	suspects, err := h.suspects(func(number int) bool { return number >= 0 && number < len(all) && all[number].runs > 1 })
	if err != nil {
		return err
	}
	for number, runs := range suspects {
		d := Double{Number: number, Runs: len(runs)}
		for _, one := range runs {
			if because, ok := h.excuse(*one); ok {
				d.Because = append(d.Because, because)
			}
		}
		r.Doubles = append(r.Doubles, d)
	}
	slices.SortFunc(r.Doubles, func(a, b Double) int { return a.Number - b.Number })
	return nil
}

// suspects brings together what all witnesses say of some deliveries.
func (h *History) suspects(wanted func(int) bool) (map[int][]*run, error) {
	runs := map[int][]*run{}
	for entry, err := range h.Ledger {
		switch {
		case err != nil:
			return nil, fmt.Errorf("reading the ledger: %w", err)
		case !wanted(entry.Number):
		case entry.Kind == Ran:
			runs[entry.Number] = append(runs[entry.Number], &run{Entry: entry})
		case entry.Kind == Answered:
			for _, one := range runs[entry.Number] {
				one.answered = one.answered || one.Attempt == entry.Attempt && one.Receiver == entry.Receiver
			}
		}
	}
	for a, err := range h.Journal {
		if err != nil {
			return nil, fmt.Errorf("reading the journal: %w", err)
		}
		for _, one := range runs[a.Number] {
			if !a.Forged && one.Source == a.Source {
				one.attempt = &a
			}
		}
	}
	for _, l := range h.Lost {
		for _, one := range runs[l.Number] {
			one.lost = append(one.lost, l)
		}
	}
	for _, p := range h.Pending {
		for _, one := range runs[p.Number] {
			one.pending = append(one.pending, p)
		}
	}
	return runs, nil
}
