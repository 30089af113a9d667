package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// requestTimeout ends a request that would hold up a slice.
const requestTimeout = 20 * time.Second

const (
	// firstRate is the guess at what a target can take before it has shown it, as bytes of bodies per second and as
	// requests per second, whichever is less.
	firstRate  = 20_000
	firstBytes = 1 << 30
	// spare is how many times as many deliveries are signed as the fastest slice so far would have used.
	spare = 1.25
)

// slice is what one target did in one turn.
type slice struct {
	requests int
	elapsed  time.Duration
	// cpu is the processor time of the target, generator that of the bench itself.
	cpu, generator time.Duration
	// memory is what the target resided in at the end, in bytes.
	memory int64
	// latencies are sorted.
	latencies []time.Duration
}

// rate returns requests per second.
func (s slice) rate() float64 { return float64(s.requests) / s.elapsed.Seconds() }

// load is a stream of deliveries that is sent as fast as the answers come.
type load struct {
	kind   traffic
	size   int
	conns  int
	length time.Duration
}

// run loads a target for one slice.
func (l load) run(ctx context.Context, c *contender) (slice, error) {
	rate := cmp.Or(c.rate[l.size], min(firstRate, float64(firstBytes)/float64(l.size)))
	deliveries, err := signAhead(l.kind, l.size, max(4*l.conns, int(spare*rate*l.length.Seconds())))
	if err != nil {
		return slice{}, err
	}
	s, err := c.account(func() (slice, error) { return l.send(ctx, c, deliveries) })
	if err == nil {
		c.rate[l.size] = max(c.rate[l.size], s.rate())
	}
	return s, err
}

// send sends deliveries over all connections until the slice is over or there are no more.
func (l load) send(ctx context.Context, c *contender, deliveries []delivery) (total slice, failure error) {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		next atomic.Int64
	)
	ctx, cancel := context.WithTimeout(ctx, l.length)
	defer cancel()
	started := time.Now()
	for range l.conns {
		all.Go(func() {
			latencies, err := l.worker(ctx, c, deliveries, &next)
			mu.Lock()
			defer mu.Unlock()
			total.latencies = append(total.latencies, latencies...)
			failure = cmp.Or(failure, err)
		})
	}
	all.Wait()
	total.elapsed, total.requests = time.Since(started), len(total.latencies)
	return total, failure
}

// worker sends one delivery after the other.
func (l load) worker(ctx context.Context, c *contender, deliveries []delivery, next *atomic.Int64) ([]time.Duration, error) {
	var (
		request   = newRequest(c.address)
		response  fasthttp.Response
		body      = newBody(l.size)
		latencies []time.Duration
	)
	for ctx.Err() == nil {
		i := int(next.Add(1)) - 1
		if i >= len(deliveries) {
			break
		}
		deliveries[i].prepare(request, body, c.header)
		sent := time.Now()
		if err := c.client.Do(request, &response); err != nil {
			return nil, fmt.Errorf("sending: %w", err)
		}
		latencies = append(latencies, time.Since(sent))
		if err := l.kind.check(&response, c.target); err != nil {
			return nil, err
		}
	}
	return latencies, nil
}

// check returns an error when an answer is not what a target must give to a delivery of the kind.
func (t traffic) check(response *fasthttp.Response, to target) error {
	status := t.status()
	if t == valid && to.queues {
		status = http.StatusAccepted
	}
	reached := len(response.Header.Peek(receiverHeader)) > 0
	if response.StatusCode() == status && reached == (t == valid && !to.answers) {
		return nil
	}
	return fmt.Errorf("a %v delivery was answered %d, by the receiver: %t: %s", t, response.StatusCode(), reached, response.Body())
}
