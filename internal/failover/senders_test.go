package failover

import (
	"bytes"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/process"
	"github.com/darihook/darihook/internal/programs"
	"github.com/darihook/darihook/signature"
)

const (
	// rate is the time between two deliveries.
	rate = 10 * time.Millisecond
	// patience is how long a sender retries.
	patience = time.Minute
	// work is how long the receiver takes.
	work = 5 * time.Millisecond
)

// run is gates before a receiver, senders, and what they saw.
type run struct {
	t        *testing.T
	gates    []string
	programs []*process.Process
	signer   *signature.Signer

	mu      sync.Mutex
	runs    map[string]int // by the receiver
	sent    int
	refused int         // tries that were not answered with success
	told    []time.Time // when a sender was told success
	done    []string    // the ids of which one was
	lost    []string    // the ids of which none was
}

// newRun starts two gates and their receiver.
func newRun(t *testing.T, f *field, option string) *run {
	t.Helper()
	r := &run{t: t, runs: make(map[string]int)}
	receiver := httptest.NewServer(http.HandlerFunc(r.receive))
	t.Cleanup(receiver.Close)
	secret := contract.SecretPrefix + rand.Text()
	key, err := signature.NewSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	if r.signer, err = signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{key}}); err != nil {
		t.Fatal(err)
	}
	dedup := f.dedup
	if !strings.Contains(dedup, "{") {
		dedup += " {"
	}
	block := "dari_webhook {\nsecret {env.FAILOVER_SECRET}\ndedup " + dedup + "\n" + option + "\n}\n}\n" +
		"reverse_proxy " + strings.TrimPrefix(receiver.URL, "http://")
	for range 2 {
		address, program := programs.Site(t, block, "FAILOVER_SECRET="+secret)
		r.gates, r.programs = append(r.gates, address), append(r.programs, program)
	}
	return r
}

// receive counts what reaches the receiver.
func (r *run) receive(_ http.ResponseWriter, request *http.Request) {
	time.Sleep(work) // it does something
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs[request.Header.Get(contract.HeaderID)]++
}

// send sends new deliveries at a steady rate until stop is closed, and returns when each was told success or given up.
func (r *run) send(stop <-chan struct{}) {
	tick := time.NewTicker(rate)
	defer tick.Stop()
	var senders sync.WaitGroup
	defer senders.Wait()
	for {
		select {
		case <-tick.C:
			r.mu.Lock()
			id := fmt.Sprintf("evt_failover_%d", r.sent)
			r.sent++
			r.mu.Unlock()
			senders.Go(func() { r.deliver(id) })
		case <-stop:
			return
		}
	}
}

// deliver sends one delivery until a gate answers with success.
func (r *run) deliver(id string) {
	pause := 50 * time.Millisecond
	for began := time.Now(); time.Since(began) < patience; pause = min(2*pause, 2*time.Second) {
		if ok, _ := r.try(id, r.gates[mathrand.IntN(len(r.gates))]); ok {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told, r.done = append(r.told, time.Now()), append(r.done, id)
			return
		}
		r.mu.Lock()
		r.refused++
		r.mu.Unlock()
		time.Sleep(pause) // as senders do
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost = append(r.lost, id)
}

// try sends one delivery once, and reports whether it was told success, and whether from the record.
func (r *run) try(id, gate string) (ok, recorded bool) {
	body := fmt.Appendf(nil, `{"id":%q,"type":%q,"created_at":"2026-01-01T00:00:00Z","data":{}}`, id, contract.ToolCallRequested)
	fields, err := r.signer.Sign(signature.Message{ID: id, Time: time.Now(), Body: body})
	if err != nil {
		r.t.Error(err)
		return false, false
	}
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://"+gate+"/", bytes.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return false, false
	}
	request.Header.Set("Content-Type", "application/json")
	for _, field := range fields {
		request.Header.Set(field.Name, field.Value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK, response.Header.Get(contract.HeaderDuplicate) == "true"
}

// again sends a copy of every delivery that was told success, by both gates in turns, until it is told so once more.
func (r *run) again() {
	var copies sync.WaitGroup
	next := make(chan string)
	for range 16 {
		copies.Go(func() {
			for id := range next {
				for i := range 40 {
					if ok, _ := r.try(id, r.gates[i%len(r.gates)]); ok {
						break
					}
					time.Sleep(250 * time.Millisecond) // as senders do
				}
			}
		})
	}
	for _, id := range r.done {
		next <- id
	}
	close(next)
	copies.Wait()
}
