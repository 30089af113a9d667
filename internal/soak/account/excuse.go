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
}

// told reports whether the gate answered the run's sender with a success, which it does only after it has tried to record
// it.
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

// unrecorded finds the fault behind a gate's word that it could not record a success. That the store did not answer needs
// a fault of the store at that time. That the claim was another's by then needs faults of the store, or pauses of the gate,
// that took as long as it is between two renewals: a claim is renewed every third of its lease, so none runs out earlier.
func (h *History) unrecorded(r run, l LostClaim) (worst Fault, ok bool) {
	if l.Gate != r.Gate || l.Life != r.Life || l.At < r.At {
		return Fault{}, false
	}
	from, enough := r.At, time.Duration(1)
	if l.Taken {
		from, enough = r.Begin-h.Lease/3, h.Lease/3
	}
	var total, longest time.Duration
	for _, f := range h.Faults {
		if !f.hits(r.Gate) || !silencesStore[f.Kind] && (f.Kind != GatePaused || !l.Taken) {
			continue
		}
		covered := f.overlap(from, l.At)
		total += covered
		if covered > longest {
			worst, longest = f, covered
		}
	}
	return worst, total >= enough
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
