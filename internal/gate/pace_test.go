package gate_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// TestRetryAfterFollowsTheReceiver shows when the sender of a copy is told to come again: after what the receiver has been taking lately.
func TestRetryAfterFollowsTheReceiver(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		takes    []time.Duration // each of them thirty times
		from, to time.Duration
	}{
		"ok/nothing known":         {nil, 20 * time.Second, gate.DefaultLease},
		"ok/a moment":              {[]time.Duration{time.Millisecond}, time.Second, time.Second},
		"ok/three seconds":         {[]time.Duration{3 * time.Second}, 3 * time.Second, 3 * time.Second},
		"ok/longer than before":    {[]time.Duration{time.Second, 8 * time.Second}, 7 * time.Second, 8 * time.Second},
		"ok/shorter than before":   {[]time.Duration{8 * time.Second, 2 * time.Second}, 2 * time.Second, 3 * time.Second},
		"ok/longer than the lease": {[]time.Duration{2 * gate.DefaultLease}, 20 * time.Second, gate.DefaultLease},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, func(o *gate.Options) { o.Store, o.Wait = newStore(t), -1 })
				for _, took := range row.takes {
					for i := range 30 {
						a := admitted(t, g, delivery(t, fmt.Sprintf("evt_%s_%d", took, i)))
						time.Sleep(took)
						_ = a.Commit(http.StatusOK)
					}
				}
				a := admitted(t, g, delivery(t, "evt_1"))
				time.Sleep(100 * time.Millisecond)
				if v := refused(t, g, delivery(t, "evt_1"), contract.CodeInFlight); v.RetryAfter < row.from || v.RetryAfter > row.to {
					t.Errorf("retry after %s, want %s to %s", v.RetryAfter, row.from, row.to)
				}
				_ = a.Release()
			})
		})
	}
}
