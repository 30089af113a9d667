// Package account tells from the records of a soak whether the gates kept their promise: nothing is lost, nothing that was
// forged gets in, and nothing runs twice outside a window that a recorded fault opened.
//
// The records come from four witnesses, who do not know of each other: the receiver's ledger, the senders' journal, the
// gates' own logs and the faults as they were carried out. All of them measure time from the same moment, on one machine.
// What is kept in memory grows with the number of deliveries by a few bytes each, and with what needs a closer look.
package account

import (
	"iter"
	"time"
)

// Everyone stands for all gates.
const Everyone = -1

// Source names one try of one delivery, and who carried it.
type Source struct {
	// Number is the delivery's, counted from 0.
	Number int `json:"number"`
	// Attempt is the try's, counted from 1 over all copies of the delivery.
	Attempt int `json:"attempt"`
	// Gate that it went through, counted from 0.
	Gate int `json:"gate"`
}

// What an Entry of the ledger says.
const (
	// Ran: the receiver has done the delivery's work. It is written before the answer.
	Ran = "ran"
	// Answered: the answer to that has left the receiver.
	Answered = "answered"
	// Failed: the receiver was to fail, and did.
	Failed = "failed"
	// Forged: what nobody signed has reached the receiver, or what the gate did not vouch for.
	Forged = "forged"
)

// Entry is a line of the receiver's ledger.
type Entry struct {
	Kind string `json:"kind"`
	Source
	// Life tells the gate's processes apart, one after the other.
	Life int `json:"life"`
	// Receiver tells the receiver's processes apart.
	Receiver int `json:"receiver"`
	// Begin is when the receiver was handed the delivery.
	Begin time.Duration `json:"begin"`
	// At is when the entry was written.
	At time.Duration `json:"at"`
}

// What became of an Attempt.
const (
	// Told: the gate answered.
	Told = "told"
	// Broken: the connection ended before an answer.
	Broken = "broken"
	// HungUp: the sender did not wait for the answer.
	HungUp = "hung up"
)

// Attempt is a line of the senders' journal.
type Attempt struct {
	Source
	Sent    time.Duration `json:"sent"`
	Ended   time.Duration `json:"ended"`
	Outcome string        `json:"outcome"`
	// Status of the answer, or 0.
	Status int `json:"status,omitempty"`
	// Duplicate: the answer came from the record.
	Duplicate bool `json:"duplicate,omitempty"`
	// Forged: no gate may let this one in.
	Forged bool `json:"forged,omitempty"`
}

// Succeeded reports whether the sender was told success.
func (a Attempt) Succeeded() bool { return a.Outcome == Told && a.Status/100 == 2 }

// Kind is what a fault does.
type Kind string

// The faults.
const (
	GateKilled     Kind = "gate killed"
	GatePaused     Kind = "gate paused"
	GateReloaded   Kind = "gate reloaded"
	ReceiverKilled Kind = "receiver killed"
	RedisKilled    Kind = "redis killed"
	RedisPaused    Kind = "redis paused"
	StoreCut       Kind = "wire to redis cut"
	StoreReset     Kind = "wire to redis reset"
	StoreHeld      Kind = "wire to redis silent"
	StoreDelayed   Kind = "wire to redis slow"
	UpstreamCut    Kind = "wire to the receiver cut"
	UpstreamReset  Kind = "wire to the receiver reset"
	UpstreamSlow   Kind = "wire to the receiver slow"
)

// Fault is one that was carried out.
type Fault struct {
	Kind Kind `json:"kind"`
	// Gate that it hit, or Everyone.
	Gate int `json:"gate"`
	// Life of the process that a kill ended: the gate's or the receiver's.
	Life int `json:"life,omitempty"`
	// From is a moment before it began.
	From time.Duration `json:"from"`
	// Until is a moment when what it hit was well again; of a store's fault, when the gate itself said so.
	Until time.Duration `json:"until"`
}

// LostClaim is a gate's own word that a delivery succeeded and the store did not record it.
type LostClaim struct {
	Number int
	Gate   int
	Life   int
	At     time.Duration
	// Taken: the store answered that the claim was not the gate's any more. Otherwise it did not answer.
	Taken bool
}

// PendingOutcome is a gate's own word that a delivery succeeded and is still to be recorded, after which it said no more of it.
type PendingOutcome struct {
	Number int
	Gate   int
	Life   int
	At     time.Duration
}

// History is all that was recorded.
type History struct {
	// Sent is the number of deliveries, whose numbers are below it.
	Sent int
	// Lease of a claim.
	Lease time.Duration
	// CommitBound is how long a sender may wait for a success that the gate cannot record at once.
	CommitBound time.Duration
	// Ledger and Journal are read twice.
	Ledger  iter.Seq2[Entry, error]
	Journal iter.Seq2[Attempt, error]
	Lost    []LostClaim
	Pending []PendingOutcome
	Faults  []Fault
}
