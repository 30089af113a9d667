package gate

import (
	"errors"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// Decision is what is to be done with a request.
type Decision uint8

// The decisions. The zero value refuses.
const (
	// Refuse answers with the refusal of the verdict's code.
	Refuse Decision = iota
	// Forward hands the request to the receiver and ends its Admission by the outcome.
	Forward
	// Duplicate answers with the recorded status; nothing reaches the receiver.
	Duplicate
	// Challenged answers a verified challenge with the verdict's Answer; nothing reaches the receiver.
	Challenged
)

// Verdict is the answer to a request.
type Verdict struct {
	Decision Decision
	// Code and Clause give the reason of a refusal. A gate that observes sets them with Forward as well: they are what
	// it would have refused the request for.
	Code   contract.Code
	Clause contract.ClauseID
	// Cause says more for the operator's log. It never depends on a secret, and is not for the sender.
	Cause error
	// RetryAfter is when the sender had best come again; zero when the code does not say so.
	RetryAfter time.Duration
	// Status is the recorded status of a duplicate.
	Status int
	// HeldUntil is when the lease of the copy in flight runs out that a delivery was refused for, and HeldHere tells that this
	// process holds it. Both are about a refusal with in_flight alone.
	HeldUntil time.Time
	HeldHere  bool
	// Answer is the text that a challenge asks for.
	Answer string
	// Verified tells that Delivery was signed, is fresh and is sound.
	Verified bool
	// Unrecorded tells that the delivery is forwarded without deduplication because the store cannot answer.
	Unrecorded bool
	// Nested tells that the delivery is forwarded under the claim of a gate ahead of this one.
	Nested bool
	// Delivery is what the signed content says. It is set when Verified is.
	Delivery Delivery
}

// Delivery is what is known of a verified delivery.
type Delivery struct {
	// ID is the id from the signed content; for a provider without one, "sha256:" and the body's hash.
	ID string
	// Type is the event type, empty when the body names none.
	Type string
	// Time is when the delivery was signed, as far as that is signed itself: the signed timestamp, or else the signed body's own
	// time. Zero where neither is there.
	Time time.Time
	// Session, Batch and Agent are the ids of what the event is about; empty when the body does not name them.
	Session, Batch, Agent string
}

// refusal is a rule that a request breaks.
type refusal = signature.Error

// refuse returns the refusal of a code, with the code's own clause.
func refuse(code contract.Code, cause error) *refusal {
	r, _ := contract.RefusalFor(code)
	return &refusal{Code: code, Clause: r.Clause, Err: cause}
}

// refusalOf returns the refusal that an error of package signature is.
func refusalOf(err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	return refuse(contract.CodeSignatureMalformed, err)
}

// verdict turns a refusal into an answer.
func verdict(r *refusal, retryAfter time.Duration) Verdict {
	return Verdict{Decision: Refuse, Code: r.Code, Clause: r.Clause, Cause: r.Err, RetryAfter: retryAfter}
}
