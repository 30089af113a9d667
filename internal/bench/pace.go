package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/darihook/darihook/internal/attack"
	"github.com/darihook/darihook/signature"
)

// paced is a stream of deliveries at a fixed rate, whether the target keeps up or not. The time of each is counted from
// when it was due, so that one that had to wait for its turn counts in full.
type paced struct {
	// kinds of the deliveries, over and over.
	kinds  []traffic
	size   int
	conns  int
	rate   float64
	length time.Duration
}

// appointment is a delivery with the time at which it is due.
type appointment struct {
	delivery
	kind traffic
	due  time.Time
}

// run sends the deliveries of one slice. Its latencies, and its number of requests, are those of the valid ones.
func (l paced) run(ctx context.Context, c *contender) (slice, error) {
	appointments, err := l.plan()
	if err != nil {
		return slice{}, err
	}
	return c.account(func() (slice, error) { return l.send(ctx, c, appointments) })
}

// plan signs the deliveries of a slice; when they are due is yet to be set.
func (l paced) plan() ([]appointment, error) {
	all := make([]appointment, max(len(l.kinds), int(l.rate*l.length.Seconds())))
	count := map[traffic]int{}
	for i := range all {
		all[i].kind = l.kinds[i%len(l.kinds)]
		count[all[i].kind]++
	}
	signed := map[traffic][]delivery{}
	for kind, n := range count {
		deliveries, err := signAhead(kind, l.size, n)
		if err != nil {
			return nil, err
		}
		signed[kind] = deliveries
	}
	for i := range all {
		kind := all[i].kind
		all[i].delivery, signed[kind] = signed[kind][0], signed[kind][1:]
	}
	return all, nil
}

// send hands each delivery to a connection when it is due.
func (l paced) send(ctx context.Context, c *contender, appointments []appointment) (total slice, failure error) {
	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		ready = make(chan appointment, len(appointments))
	)
	for range l.conns {
		all.Go(func() {
			latencies, err := l.worker(ctx, c, ready)
			mu.Lock()
			defer mu.Unlock()
			total.latencies = append(total.latencies, latencies...)
			failure = cmp.Or(failure, err)
		})
	}
	started := time.Now()
	l.release(ctx, appointments, ready)
	all.Wait()
	total.elapsed, total.requests = time.Since(started), len(total.latencies)
	return total, failure
}

// release gives the deliveries out, each at its time.
func (l paced) release(ctx context.Context, appointments []appointment, ready chan<- appointment) {
	defer close(ready)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gap := time.Duration(float64(time.Second) / l.rate)
	started := time.Now()
	for i, a := range appointments {
		a.due = started.Add(time.Duration(i) * gap)
		for wait := time.Until(a.due); wait > 0; wait = time.Until(a.due) {
			pause(wait)
		}
		if ctx.Err() != nil {
			return
		}
		ready <- a
	}
}

// worker sends what is given out over one connection.
func (l paced) worker(ctx context.Context, c *contender, ready <-chan appointment) ([]time.Duration, error) {
	var (
		request   = newRequest(c.address)
		response  fasthttp.Response
		body      = newBody(l.size)
		latencies []time.Duration
	)
	for a := range ready {
		if a.kind == oversized {
			if err := declare(ctx, c.address, a.fields); err != nil {
				return nil, err
			}
			continue
		}
		a.prepare(request, body, c.header)
		if err := c.client.Do(request, &response); err != nil {
			return nil, fmt.Errorf("sending: %w", err)
		}
		if a.kind == valid {
			latencies = append(latencies, time.Since(a.due))
		}
		if err := a.kind.check(&response, c.target); err != nil {
			return nil, err
		}
	}
	return latencies, nil
}

const (
	// declaredLength is over every gate's default limit.
	declaredLength = 2 * maxBody
	// oversizedStart is how much of such a body is sent before the answer is read.
	oversizedStart = 16 << 10
)

// declare begins a delivery whose body is too large, over a connection of its own, which nobody can use afterwards.
func declare(ctx context.Context, address string, fields []signature.Field) error {
	a, err := attack.Send(ctx, attack.Request{Address: address, Fields: fields, Body: newBody(oversizedStart), Declared: declaredLength})
	if err == nil && a.Status != oversized.status() {
		err = fmt.Errorf("an oversized delivery was answered %d", a.Status)
	}
	return err
}
