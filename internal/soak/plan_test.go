package main

import (
	"math"
	"testing"
	"time"
)

// TestPlansFollowFromTheSeed wants the same plan each time, and the shares that a soak promises.
func TestPlansFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	const deliveries = 20_000
	var copies, failures, hangUps, forgeries, slowOnes float64
	for number := range deliveries {
		p, again := newPlan(1, number, time.Second), newPlan(1, number, time.Second)
		if p.order != again.order || p.hangUp != again.hangUp || p.copyAt != again.copyAt || p.forgery != again.forgery || p.gate(9) != again.gate(9) {
			t.Fatalf("%d is planned twice: %+v and %+v", number, p, again)
		}
		count := func(n *float64, happens bool) {
			if happens {
				*n++
			}
		}
		count(&copies, p.copyAt != noCopy)
		count(&failures, p.order.Fail > 0)
		count(&hangUps, p.hangUp > 0)
		count(&forgeries, p.forgery != notForged)
		count(&slowOnes, p.order.Hold > time.Second)
	}
	for name, row := range map[string]struct{ got, want float64 }{
		"copies": {copies, duplicated}, "failures": {failures, failing}, "hang-ups": {hangUps, hangingUp},
		"forgeries": {forgeries, forgedToo}, "longer than the lease": {slowOnes, verySlow},
	} {
		// Five standard deviations of a count of independent choices.
		if off := math.Abs(row.got - deliveries*row.want); off > 5*math.Sqrt(deliveries*row.want) {
			t.Errorf("%s: %.0f of %d, want a share of %g", name, row.got, deliveries, row.want)
		}
	}
	if a, b := newPlan(1, 0, time.Second), newPlan(2, 0, time.Second); a.order.Hold == b.order.Hold && a.gate(1000) == b.gate(1000) {
		t.Error("another seed plans the same")
	}
}
