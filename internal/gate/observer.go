package gate

import (
	"time"

	"github.com/darihook/darihook/signature"
)

// Operation is a question to the store.
type Operation string

// The operations.
const (
	OpClaim   Operation = "claim"
	OpRenew   Operation = "renew"
	OpCommit  Operation = "commit"
	OpRelease Operation = "release"
	OpWait    Operation = "wait"
)

// Operations lists every operation once.
func Operations() []Operation { return []Operation{OpClaim, OpRenew, OpCommit, OpRelease, OpWait} }

// Observer is told what a Gate does beside its verdicts. Its methods are called while a request waits, from many
// goroutines at once.
type Observer interface {
	// StoreAsked reports one question to the store, how long it took and the store's fault, if it had one. What is the
	// store's proper answer, such as that a claim is not owned any more, is no fault.
	StoreAsked(op Operation, took time.Duration, fault error)
	// BreakerMoved reports that the store has failed too often and is left alone, or that it answers again. In between it is
	// tried now and then, which is not reported.
	BreakerMoved(open bool)
	// OutcomePending reports an admission whose outcome the store has not taken at once. It is offered again until
	// OutcomeRecorded or ClaimLost reports the end of that. An outcome that is recorded and only lacks copies is not reported, unless
	// it lacks them to the end: OutcomeRecorded does.
	OutcomePending(d Delivery, err error)
	// OutcomeRecorded reports that the store has taken an outcome that it did not take at once. The error is nil, or tells
	// that the store has made fewer copies of it than it was told to, and will not be asked for them again.
	OutcomeRecorded(d Delivery, err error)
	// ClaimLost reports an admission whose outcome could not be recorded, or whose claim was taken over: the
	// delivery may reach the receiver a second time.
	ClaimLost(d Delivery, err error)
	// Mismatched reports a request whose signature does not match. Calling explain tells which other schemes of the
	// provider it would pass under; that costs a hash for each of them and each secret.
	Mismatched(explain func() []signature.Finding)
}

// nobody is the Observer that looks away.
type nobody struct{}

func (nobody) StoreAsked(Operation, time.Duration, error) {}
func (nobody) BreakerMoved(bool)                          {}
func (nobody) OutcomePending(Delivery, error)             {}
func (nobody) OutcomeRecorded(Delivery, error)            {}
func (nobody) ClaimLost(Delivery, error)                  {}
func (nobody) Mismatched(func() []signature.Finding)      {}
