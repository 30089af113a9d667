package mockserver_test

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// lanes is how many requests both sides of the benchmark have under way.
const lanes = 8

// BenchmarkDelivery measures deliveries, signatures and records included, beside the same number of plain requests with
// the same header and body, by as many goroutines, to the same receiver in the same run. It reports their ratio.
func BenchmarkDelivery(b *testing.B) {
	arrived := make(chan struct{}, lanes)
	url := serve(b, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
	})
	m := mockserver.New(b, func(o *mockserver.Options) {
		o.PerEndpoint, o.MaxPending, o.MaxMemory, o.History = lanes, b.N+1, math.MaxInt, 1000
	})
	m.SetWebhook(b, url)
	emit(b, m, client.Event{Type: contract.BatchCompleted})
	<-arrived
	idle(b, m)
	page, err := m.Client.Deliveries(b.Context(), client.Query{})
	if err != nil {
		b.Fatal(err)
	}
	sample := page.Deliveries[0].Attempts[0].Request

	// The two take turns, so that whatever else the machine does falls on both.
	var ours, others time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= round {
		n := min(left, round)
		ours += timed(arrived, n, func() { emit(b, m, client.Event{Type: contract.BatchCompleted, Count: n}) })
		b.StopTimer()
		others += timed(arrived, n, func() { plainLoop(b, url, sample, n) })
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/ours.Seconds(), "deliveries/s")
	b.ReportMetric(float64(b.N)/others.Seconds(), "plain/s")
	b.ReportMetric(others.Seconds()/ours.Seconds(), "ratio")
}

// round is how many requests one side sends before it is the other's turn.
const round = 2000

// timed returns how long it takes until n requests have arrived that send makes.
func timed(arrived <-chan struct{}, n int, send func()) time.Duration {
	began := time.Now()
	var count sync.WaitGroup
	count.Go(func() {
		for range n {
			<-arrived
		}
	})
	send()
	count.Wait()
	return time.Since(began)
}

// plain is an ordinary client.
var plain = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}

// plainLoop sends n requests with a plain client.
func plainLoop(b *testing.B, url string, sample client.Request, n int) {
	var all sync.WaitGroup
	for lane := range lanes {
		all.Go(func() {
			for range n/lanes + min(1, max(0, n%lanes-lane)) {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(sample.Body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header = sample.Headers.Clone()
				resp, err := plain.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	all.Wait()
}
