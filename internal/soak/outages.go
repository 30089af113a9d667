package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	// outages is how often the server is taken away in each way.
	outages = 7
	// asked is how many deliveries are sent while it is away, one after the other: enough for the breaker to open.
	asked = 12
	// recovering bounds the wait until a delivery is taken again.
	recovering = 30 * time.Second
)

// interrupt takes the server of a set-up away and brings it back, again and again.
func (o *options) interrupt(ctx context.Context, s *setup) error {
	for _, way := range []struct {
		name string
		away func()
		back func() error
	}{
		{"killed", s.redis.Kill, func() error { return s.redis.Restart() }},
		{"paused", s.redis.Pause, func() error { s.redis.Resume(); return nil }},
	} {
		var first, slowest, recovered []time.Duration
		for range outages {
			way.away()
			times, err := s.unavailable(ctx)
			if err := way.back(); err != nil {
				return err
			}
			if err != nil {
				return fmt.Errorf("%s: %w", way.name, err)
			}
			back, err := s.recovery(ctx)
			if err != nil {
				return err
			}
			first, slowest, recovered = append(first, times[0]), append(slowest, slices.Max(times)), append(recovered, back)
		}
		fmt.Fprintf(o.out, "Redis %s: first answer after %s, slowest of %d after %s; recovered %s after its return\n",
			way.name, spread(first), asked, spread(slowest), spread(recovered))
	}
	return nil
}

// unavailable sends deliveries while the server is away, and returns how long each took to be refused.
func (s *setup) unavailable(ctx context.Context) (times []time.Duration, err error) {
	for range asked {
		a := s.fleet.fresh(ctx)
		if a.Status != http.StatusServiceUnavailable {
			return times, fmt.Errorf("%s %d without a server", a.Outcome, a.Status)
		}
		times = append(times, a.Ended-a.Sent)
	}
	return times, nil
}

// recovery returns how long it takes until every gate takes a delivery.
func (s *setup) recovery(ctx context.Context) (time.Duration, error) {
	back := s.fleet.now()
	waiting := map[int]bool{}
	for i := range s.gates {
		waiting[i] = true
	}
	for len(waiting) > 0 {
		a := s.fleet.fresh(ctx)
		if a.Succeeded() {
			delete(waiting, a.Gate)
		}
		if a.Ended-back > recovering {
			return 0, fmt.Errorf("not recovered after %v: %s %d", recovering, a.Outcome, a.Status)
		}
	}
	return s.fleet.now() - back, nil
}

// spread tells the median and the range of some times.
func spread(times []time.Duration) string {
	slices.Sort(times)
	round := func(d time.Duration) time.Duration { return d.Round(time.Millisecond / 10) }
	return fmt.Sprintf("%v (%v to %v)", round(times[len(times)/2]), round(times[0]), round(times[len(times)-1]))
}
