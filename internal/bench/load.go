package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

const (
	// minBody leaves room for the envelope.
	minBody = 256
	// maxBody is the gate's default limit.
	maxBody = contract.MaxBody
	// requestTimeout ends a request that would hold up a slice.
	requestTimeout = 20 * time.Second
)

// secret signs the deliveries of this process and is known to the gates it starts.
var secret = func() string {
	b := make([]byte, 24)
	rand.Read(b)
	return contract.SecretPrefix + hex.EncodeToString(b)
}()

// slice is what one target did in one turn.
type slice struct {
	requests int
	elapsed  time.Duration
	cpu      time.Duration
	// latencies are sorted.
	latencies []time.Duration
}

// rate returns requests per second.
func (s slice) rate() float64 { return float64(s.requests) / s.elapsed.Seconds() }

// load sends signed deliveries of one size, every one with an id of its own.
type load struct {
	size    int
	conns   int
	signer  *signature.Signer
	next    atomic.Uint64
	runID   string
	padding []byte
}

// newLoad prepares deliveries of a size over a number of connections.
func newLoad(size, conns int) *load {
	s, err := signature.NewSecret(secret)
	if err != nil {
		panic(err) // the secret is made by this process
	}
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
	if err != nil {
		panic(err) // the scheme is the contract's own
	}
	return &load{size: size, conns: conns, signer: signer, runID: rand.Text(), padding: bytes.Repeat([]byte("x"), size)}
}

// run loads one target for a while.
func (l *load) run(ctx context.Context, t *target, length time.Duration) (slice, error) {
	client := &fasthttp.HostClient{
		Addr: t.address, MaxConns: l.conns, ReadTimeout: requestTimeout, WriteTimeout: requestTimeout,
		NoDefaultUserAgentHeader: true, DisableHeaderNamesNormalizing: true,
	}
	defer client.CloseIdleConnections()
	before, err := t.cpu()
	if err != nil {
		return slice{}, err
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		total   slice
		failure error
	)
	started := time.Now()
	for range l.conns {
		wg.Go(func() {
			latencies, err := l.worker(ctx, client, started.Add(length))
			mu.Lock()
			defer mu.Unlock()
			total.latencies = append(total.latencies, latencies...)
			if err != nil {
				failure = err
			}
		})
	}
	wg.Wait()
	total.elapsed = time.Since(started)
	after, err := t.cpu()
	if failure != nil || err != nil {
		return slice{}, cmp.Or(failure, err)
	}
	total.requests, total.cpu = len(total.latencies), after-before
	slices.Sort(total.latencies)
	return total, nil
}

// worker sends one delivery after the other until the slice is over.
func (l *load) worker(ctx context.Context, client *fasthttp.HostClient, until time.Time) ([]time.Duration, error) {
	var (
		request   fasthttp.Request
		response  fasthttp.Response
		latencies []time.Duration
		body      = make([]byte, 0, l.size)
	)
	for time.Now().Before(until) && ctx.Err() == nil {
		var err error
		if body, err = l.fill(&request, client.Addr, body[:0]); err != nil {
			return nil, err
		}
		sent := time.Now()
		if err := client.DoTimeout(&request, &response, requestTimeout); err != nil {
			return nil, fmt.Errorf("sending: %w", err)
		}
		latencies = append(latencies, time.Since(sent))
		if response.StatusCode() != http.StatusOK || len(response.Header.Peek(receiverHeader)) == 0 {
			return nil, fmt.Errorf("not answered by the receiver: %d %s", response.StatusCode(), response.Body())
		}
	}
	return latencies, ctx.Err()
}

// fill makes the next delivery to an address.
func (l *load) fill(request *fasthttp.Request, address string, body []byte) ([]byte, error) {
	id := "evt_" + l.runID + strconv.FormatUint(l.next.Add(1), 10)
	body = fmt.Appendf(body, `{"id":%q,"type":"tool.call_requested","created_at":"2026-01-01T00:00:00Z","data":{"session_id":"sess_1","text":"`, id)
	body = append(body, l.padding[:l.size-len(body)-len(`"}}`)]...)
	body = append(body, `"}}`...)
	fields, err := l.signer.Sign(signature.Message{ID: id, Time: time.Now(), Body: body})
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	request.Reset()
	request.SetRequestURI("http://" + address + "/")
	request.Header.SetMethod(http.MethodPost)
	request.Header.SetContentType("application/json")
	for _, f := range fields {
		request.Header.Set(f.Name, f.Value)
	}
	request.SetBodyRaw(body)
	return body, nil
}
