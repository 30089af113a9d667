package account

import (
	"fmt"
	"time"
)

// run is what is known of one success of the receiver.
type run struct {
	Entry
	// answered: its answer has left the receiver.
	answered bool
	// attempt is the sender's record of it, if it made one.
	attempt *Attempt
	lost    []LostClaim
	pending []PendingOutcome
}

// told reports whether the gate answered the run's sender with a success, which it does only after it has tried to record
// it, and has said so where it could not.
func (r run) told() bool { return r.attempt != nil && r.attempt.Succeeded() }

// open reports whether the run's sender was still waiting for an answer at a moment, or cannot say.
func (r run) open(at time.Duration, bound time.Duration) bool {
	switch {
	case r.attempt == nil || r.attempt.Outcome == HungUp:
		return at <= r.At+bound
	case r.attempt.Outcome == Broken:
		return at <= r.attempt.Ended
	}
	return false
}

// end is the last moment at which the run's answer may have been on its way.
func (r run) end(bound time.Duration) time.Duration {
	if r.attempt == nil || r.attempt.Outcome == HungUp {
		return r.At + bound
	}
	return r.attempt.Ended
}

// excuse finds the fault on account of which a success was not recorded. Each rule asks for the fault, for its place and
// time, and for a witness of what it did to this very run.
func (h *History) excuse(r run) (because string, ok bool) {
	for _, l := range r.lost {
		if f, ok := h.unrecorded(r, l); ok {
			return fmt.Sprintf("%s, and the gate says that it could not record it", f), true
		}
	}
	for _, p := range r.pending {
		if f, ok := h.killedPending(r, p); ok {
			return fmt.Sprintf("%s, and the gate says that it had still to record it", f), true
		}
	}
	if r.told() {
		return "", false
	}
	for _, f := range h.Faults {
		switch {
		case f.Kind == ReceiverKilled && f.Life == r.Receiver && !r.answered:
			return fmt.Sprintf("%s before it had answered", f), true
		case f.Kind == GateKilled && f.Gate == r.Gate && f.Life == r.Life && f.Until >= r.Begin && r.open(f.From, h.CommitBound):
			return fmt.Sprintf("%s before it had answered", f), true
		case cutsAnswers[f.Kind] && f.hits(r.Gate) && f.overlap(r.Begin, r.end(h.CommitBound)) > 0:
			return fmt.Sprintf("%s while the answer was on its way", f), true
		}
	}
	return "", false
}

// cutsAnswers are the faults that may take the receiver's answer away.
var cutsAnswers = map[Kind]bool{UpstreamCut: true, UpstreamReset: true}

// silencesStore are the faults that keep the store's answers from a gate.
var silencesStore = map[Kind]bool{
	RedisKilled: true, RedisPaused: true, StoreCut: true, StoreReset: true, StoreHeld: true, StoreDelayed: true,
}

// unrecorded finds the fault behind a gate's word that it could not record a success. A claim is renewed every third of its
// lease, and the outcome offered until the lease is out, so that faults of the store, or pauses of the gate, must have taken
// a third of a lease. A receiver that worked for as long may have met several that did so only together with the times at
// which renewals were due. That the store did not answer, and not that the claim was another's, needs a fault of the store
// after the success besides.
func (h *History) unrecorded(r run, l LostClaim) (worst Fault, ok bool) {
	if l.Gate != r.Gate || l.Life != r.Life || l.At < r.At {
		return Fault{}, false
	}
	store, silent := h.worst(func(f Fault) bool { return f.hits(r.Gate) && silencesStore[f.Kind] }, r.At, l.At)
	if !l.Taken && (silent == 0 || r.At-r.Begin >= h.Lease/3) {
		return store, silent > 0
	}
	worst, total := h.worst(func(f Fault) bool {
		return f.hits(r.Gate) && (silencesStore[f.Kind] || f.Kind == GatePaused)
	}, r.Begin-h.Lease/3, l.At)
	return worst, total >= h.Lease/3
}

// worst finds the fault that covers the most of a span of time, of those that are meant, and how much all of them cover.
func (h *History) worst(meant func(Fault) bool, from, until time.Duration) (worst Fault, total time.Duration) {
	longest := time.Duration(0)
	for _, f := range h.Faults {
		if !meant(f) {
			continue
		}
		covered := f.overlap(from, until)
		total += covered
		if covered > longest {
			worst, longest = f, covered
		}
	}
	return worst, total
}

// killedPending finds the kill that took a success along which the gate says that it had still to record, on account of a
// fault of the store.
func (h *History) killedPending(r run, p PendingOutcome) (kill Fault, ok bool) {
	if p.Gate != r.Gate || p.Life != r.Life || p.At < r.At {
		return Fault{}, false
	}
	if _, silent := h.worst(func(f Fault) bool { return f.hits(r.Gate) && silencesStore[f.Kind] }, r.At, p.At); silent == 0 {
		return Fault{}, false
	}
	for _, f := range h.Faults {
		if f.Kind == GateKilled && f.Gate == r.Gate && f.Life == r.Life && f.Until >= p.At && f.From <= p.At+h.Lease {
			return f, true
		}
	}
	return Fault{}, false
}

func (f Fault) hits(gate int) bool { return f.Gate == gate || f.Gate == Everyone }

// overlap is how much of a span of time the fault covers.
func (f Fault) overlap(from, until time.Duration) time.Duration {
	return max(0, min(f.Until, until)-max(f.From, from))
}

// String says what happened when.
func (f Fault) String() string {
	who := ""
	if f.Gate != Everyone {
		who = fmt.Sprintf(" (gate %d)", f.Gate)
	}
	return fmt.Sprintf("%s%s at %s for %s", f.Kind, who, moment(f.From), (f.Until - f.From).Round(time.Millisecond))
}

func moment(d time.Duration) string { return fmt.Sprintf("%.3f s", d.Seconds()) }
