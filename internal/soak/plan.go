package main

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// The shares of deliveries that something happens to.
const (
	duplicated = 0.30
	failing    = 0.05
	hangingUp  = 0.02
	forgedToo  = 0.05
	slow       = 0.02
	verySlow   = 0.001 // longer than a lease
)

// plan is what happens to one delivery, whatever else happens in the soak. It follows from the seed and the delivery's
// number.
type plan struct {
	rng *rand.Rand
	// order is what the delivery asks of the receiver.
	order order
	// hangUp is when the sender stops waiting for its first try; 0: it waits.
	hangUp time.Duration
	// copyAt is when a copy is sent, and later how much later that is.
	copyAt copyTime
	later  time.Duration
	// forgery is what a stranger sends ahead of the delivery, under the same id.
	forgery forgery
}

// order is what a delivery asks of the receiver.
type order struct {
	Number int `json:"number"`
	// Fail is how many tries the receiver answers with Status, or, where that is 0, with nothing.
	Fail   int `json:"fail"`
	Status int `json:"status"`
	// Hold is how long the work takes.
	Hold time.Duration `json:"hold"`
	// Forged marks what no gate may let in.
	Forged bool `json:"forged"`
}

// copyTime is when a copy of a delivery is sent.
type copyTime int

const (
	noCopy copyTime = iota
	atOnce
	afterwards
	muchLater
)

// latest is how many leases later a late copy may be sent.
const latest = 3

// newPlan makes the plan of a delivery.
func newPlan(seed uint64, number int, lease time.Duration) plan {
	rng := rand.New(rand.NewPCG(seed, uint64(number)))
	p := plan{rng: rng, order: order{Number: number, Hold: time.Duration(rng.IntN(2000)) * time.Microsecond}}
	if rng.Float64() < duplicated {
		p.copyAt = []copyTime{atOnce, afterwards, muchLater}[rng.IntN(3)]
		p.later = time.Duration(rng.Int64N(int64(latest * lease)))
	}
	if rng.Float64() < failing {
		p.order.Fail = 1 + rng.IntN(2)
		p.order.Status = []int{0, http.StatusBadRequest, http.StatusInternalServerError, http.StatusServiceUnavailable}[rng.IntN(4)]
	}
	if rng.Float64() < hangingUp {
		p.hangUp = time.Duration(1+rng.IntN(8000)) * time.Microsecond
	}
	if rng.Float64() < forgedToo {
		p.forgery = forgeries[rng.IntN(len(forgeries))]
	}
	switch chance := rng.Float64(); {
	case chance < verySlow:
		p.order.Hold = lease + time.Duration(rng.Int64N(int64(lease/2)))
	case chance < slow:
		p.order.Hold = time.Duration(20+rng.IntN(300)) * time.Millisecond
	}
	return p
}

// gate chooses one of so many for a try, as a balancer in front of them would.
func (p plan) gate(gates int) int { return p.rng.IntN(gates) }

// fork returns a source of choices for a copy, which is sent beside the delivery.
func (p plan) fork() plan {
	p.rng = rand.New(rand.NewPCG(p.rng.Uint64(), 0))
	p.hangUp = 0
	return p
}
