package caddymodule

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestDeparture shows when deliveries are cut once the process exits.
func TestDeparture(t *testing.T) {
	t.Parallel()
	const forEver = 24 * time.Hour
	for name, row := range map[string]struct {
		grace  time.Duration
		hangUp time.Duration // when the sender hangs up
		want   time.Duration // when the delivery is cut; forEver: not at all
	}{
		"ok/a second before the grace period ends": {grace: 10 * time.Second, hangUp: forEver, want: 9 * time.Second},
		"ok/a quarter before a short one ends":     {grace: time.Second, hangUp: forEver, want: 750 * time.Millisecond},
		"ok/no sooner for a sender that hung up":   {grace: 10 * time.Second, want: 9 * time.Second},
		"ok/without one, a sender that hung up":    {want: leaveUnwatched},
		"ok/without one, a sender that hangs up":   {hangUp: time.Minute, want: time.Minute},
		"ok/without one, a sender that waits":      {hangUp: forEver, want: forEver},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var d departure
				start, cutAt := time.Now(), forEver
				sender, hangUp := context.WithCancel(t.Context())
				if row.hangUp < forEver {
					time.AfterFunc(row.hangUp, hangUp)
				}
				defer hangUp()
				cut := func(at *time.Duration) func() {
					return func() { *at = min(*at, time.Since(start)) }
				}
				w := &work{sender, cut(&cutAt)}
				d.join(w)
				d.begin(row.grace)
				d.begin(time.Hour) // another server's, which changes nothing
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if cutAt != row.want {
					t.Errorf("cut after %s, want %s", cutAt, row.want)
				}
				late := forEver
				latecomer := &work{sender, cut(&late)}
				d.join(latecomer)
				synctest.Wait()
				if cutOff := late < forEver; cutOff != (row.want < forEver) {
					t.Errorf("one that came later was cut: %v", cutOff)
				}
				d.leave(w)
				d.leave(latecomer)
				if len(d.works) != 0 {
					t.Errorf("%d deliveries are kept", len(d.works))
				}
			})
		})
	}
}

// TestDepartureHasOneEnd shows that all gates together are waited for no longer than the grace period.
func TestDepartureHasOneEnd(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ grace, serversStop, want time.Duration }{
		"ok/the grace period's end":             {10 * time.Second, 2 * time.Second, 10 * time.Second},
		"ok/a moment when the servers took all": {10 * time.Second, 11 * time.Second, 11*time.Second + 100*time.Millisecond + leaveStores},
		"ok/a moment without one":               {0, 20 * time.Second, 20*time.Second + 100*time.Millisecond + leaveEarly},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var d departure
				start := time.Now()
				d.begin(row.grace)
				time.Sleep(row.serversStop)
				for range 3 { // gates, one after the other
					time.Sleep(100 * time.Millisecond)
					if got := d.until().Sub(start); got != row.want {
						t.Errorf("waits until %s, want %s", got, row.want)
					}
				}
			})
		})
	}
}
