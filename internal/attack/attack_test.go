package attack_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/attack"
	"github.com/darihook/darihook/internal/process"
	"github.com/darihook/darihook/internal/programs"
	"github.com/darihook/darihook/signature"
)

func TestMain(m *testing.M) { os.Exit(programs.Run(m, "caddy")) }

const (
	kib = 1 << 10
	mib = 1 << 20
	// perConnection is what a connection may take beside its body: two buffers of the server's, a stack, the request.
	perConnection = 32 * kib
)

// gate is one that runs, with a receiver that counts behind it.
type gate struct {
	address string
	process *process.Process
	budget  int64
	idle    int64 // what it resides in before the attack, in bytes
	signer  *signature.Signer
	forger  *signature.Signer

	mu   sync.Mutex
	hits map[string]int // by id
}

// start runs a gate with a budget for its bodies. Its receiver answers what hold returns, or at once where it is nil.
func start(t *testing.T, budget int64, hold func()) *gate {
	t.Helper()
	g := &gate{budget: budget, hits: map[string]int{}}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.hits[r.Header.Get(contract.HeaderID)]++
		g.mu.Unlock()
		if hold != nil {
			hold()
		}
	}))
	t.Cleanup(receiver.Close)
	secret := newSecret()
	g.signer, g.forger = signer(t, secret), signer(t, newSecret())
	g.address, g.process = programs.Site(t, fmt.Sprintf("dari_webhook {\nsecret {env.ATTACK_SECRET}\nbody_budget %d\nmax_body 1MiB\n}\nreverse_proxy %s",
		budget, strings.TrimPrefix(receiver.URL, "http://")), "ATTACK_SECRET="+secret)
	g.idle = g.peak(t)
	return g
}

func newSecret() string {
	b := make([]byte, 24)
	rand.Read(b)
	return contract.SecretPrefix + hex.EncodeToString(b)
}

func signer(t *testing.T, secret string) *signature.Signer {
	t.Helper()
	s, err := signature.NewSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// request is a delivery of a size that was signed some time ago.
func (g *gate) request(t *testing.T, signer *signature.Signer, id string, size int, ago time.Duration) attack.Request {
	t.Helper()
	start, end := `{"id":"`+id+`","type":"session.completed","data":{"text":"`, `"}}`
	body := []byte(start + strings.Repeat("x", size-len(start)-len(end)) + end)
	fields, err := signer.Sign(signature.Message{ID: id, Time: time.Now().Add(-ago), Body: body})
	if err != nil {
		t.Error(err) // it is not always the test's own goroutine
	}
	return attack.Request{Address: g.address, Fields: fields, Body: body}
}

// received returns how often the receiver has got an id.
func (g *gate) received(id string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hits[id]
}

// peak returns the most memory that the gate has resided in so far.
func (g *gate) peak(t *testing.T) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	p, err := procfs.NewProc(g.process.PID())
	if err != nil {
		t.Fatal(err)
	}
	status, err := p.NewStatus()
	if err != nil {
		t.Fatal(err)
	}
	return int64(status.VmHWM)
}

// holdMemory fails the test when the gate has taken more than its bodies' budget allows. The collector lets the heap grow
// to twice of what lives.
func (g *gate) holdMemory(t *testing.T, connections int) {
	t.Helper()
	bound := g.idle + 2*(g.budget+int64(connections)*perConnection)
	if peak := g.peak(t); peak > bound {
		t.Errorf("the gate has taken %d MiB, want at most %d MiB: %d MiB at the start, a budget of %d MiB, %d connections",
			peak/mib, bound/mib, g.idle/mib, g.budget/mib, connections)
	} else {
		t.Logf("the gate has taken %d MiB of at most %d MiB; %d MiB at the start", peak/mib, bound/mib, g.idle/mib)
	}
}

// TestOneDeliveryOverAThousandConnections sends one id a thousand times at the same instant: it reaches the receiver once,
// and nobody is told success before it has succeeded.
func TestOneDeliveryOverAThousandConnections(t *testing.T) {
	t.Parallel()
	const connections = 1000
	sent := make(chan struct{})
	g := start(t, 64*mib, func() { <-sent })
	answers, err := attack.AtOnce(t.Context(), g.request(t, g.signer, "evt_1", 20*kib, 0), connections, func() { close(sent) })
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, a := range answers {
		count[fmt.Sprint(a.Status, " ", a.Header.Get(contract.HeaderDuplicate), a.Header.Get(contract.HeaderError))]++
	}
	if got := g.received("evt_1"); got != 1 {
		t.Errorf("the receiver got it %d times", got)
	}
	if count["200 "] != 1 || count["200 "]+count["200 true"]+count["409 in_flight"] != connections {
		t.Errorf("answers %v, want one 200, and duplicates of it or 409", count)
	}
	g.holdMemory(t, connections)
}

// TestBodiesThatAreWithheld announces more bodies than the budget has room for and never ends them. Large ones get what the
// budget has for such, and small deliveries pass beside them; small ones as well get the rest of it, and no more. When their
// senders hang up it is whole again.
func TestBodiesThatAreWithheld(t *testing.T) {
	t.Parallel()
	const large, small, budget = 600, 400, 16 * mib
	g := start(t, budget, nil)
	hangUpLarge := g.withhold(t, large, 512*kib, 128*kib)
	refused := g.until(t, "overloaded", "evt_large", 128*kib)
	t.Logf("the part for large bodies was used up after %d deliveries", refused)
	for i := range 200 {
		g.delivered(t, fmt.Sprint("evt_beside_large", i), 4*kib)
	}
	hangUpSmall := g.withhold(t, small, 512*kib, 5*kib)
	refused = g.until(t, "overloaded", "evt_beside", kib)
	t.Logf("the budget was used up after %d deliveries", refused)
	hangUpSmall()
	g.until(t, "", "evt_small_after", kib)
	hangUpLarge()
	g.until(t, "", "evt_large_after", 128*kib)
	if g.received("evt_slow") != 0 {
		t.Error("an unfinished delivery has reached the receiver")
	}
	g.holdMemory(t, large+small)
}

// withhold begins bodies that are never ended, and returns what hangs up on them.
func (g *gate) withhold(t *testing.T, connections, declared, sent int) (hangUp func()) {
	t.Helper()
	slow := g.request(t, g.forger, "evt_slow", declared, 0)
	slow.Declared, slow.Body = declared, slow.Body[:sent]
	held, err := attack.Hold(t.Context(), slow, connections)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Close)
	return held.Close
}

// delivered sends a delivery that must reach the receiver.
func (g *gate) delivered(t *testing.T, id string, size int) {
	t.Helper()
	a, err := attack.Send(t.Context(), g.request(t, g.signer, id, size, 0))
	if err != nil || a.Status != http.StatusOK || g.received(id) != 1 {
		t.Fatalf("%s: %d %v, received %d times, %v", id, a.Status, a.Header, g.received(id), err)
	}
}

// until sends deliveries until one gets a code, or none; every one of them gets that, or the other of overloaded and
// success.
func (g *gate) until(t *testing.T, code, id string, size int) (sent int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); sent++ {
		id := fmt.Sprint(id, sent)
		a, err := attack.Send(t.Context(), g.request(t, g.signer, id, size, 0))
		if err != nil {
			t.Fatal(err)
		}
		got := a.Header.Get(contract.HeaderError)
		switch {
		case got == "" && (a.Status != http.StatusOK || g.received(id) != 1),
			got != "" && (got != string(contract.CodeOverloaded) || a.Header.Get("Retry-After") == "" || g.received(id) != 0):
			t.Fatalf("%s: %d %s, received %d times", id, a.Status, got, g.received(id))
		case got == code:
			return sent
		}
	}
	t.Fatalf("no delivery got %q within a minute", code)
	return 0
}

// TestSlowBodiesWithinTheBudget holds half the budget with bodies that are withheld: no delivery beside them is refused.
func TestSlowBodiesWithinTheBudget(t *testing.T) {
	t.Parallel()
	const connections, budget = 512, 16 * mib
	g := start(t, budget, nil)
	g.withhold(t, connections, 512*kib, 5*kib) // each is given 16 KiB
	for i := range 200 {
		g.delivered(t, fmt.Sprint("evt_", i), 4*kib)
	}
	g.holdMemory(t, connections)
}

// TestFlood sends ten bad requests for every delivery, each over a connection of its own, while the deliveries go on: every
// delivery reaches the receiver once, every other request gets its refusal, and nothing of it stays.
func TestFlood(t *testing.T) {
	t.Parallel()
	const senders, deliveries, bad = 4, 50, 10
	g := start(t, 16*mib, nil)
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := range deliveries {
				id := fmt.Sprintf("evt_%d_%d", sender, i)
				g.want(t, g.request(t, g.signer, id, 4*kib, 0), http.StatusOK, "")
				if g.received(id) != 1 {
					t.Errorf("the receiver got %s %d times", id, g.received(id))
				}
			}
		})
		for range bad {
			all.Go(func() {
				for i := range deliveries {
					g.abuse(t, fmt.Sprintf("evt_bad_%d", i), i)
				}
			})
		}
	}
	all.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.hits) != senders*deliveries {
		t.Errorf("%d ids have reached the receiver, want the %d that were valid", len(g.hits), senders*deliveries)
	}
	g.holdMemory(t, senders*(bad+1))
}

// abuse sends one of the bad requests.
func (g *gate) abuse(t *testing.T, id string, turn int) {
	t.Helper()
	switch turn % 3 {
	case 0:
		g.want(t, g.request(t, g.forger, id, 64*kib, 0), http.StatusUnauthorized, contract.CodeSignatureMismatch)
	case 1:
		g.want(t, g.request(t, g.signer, id, 64*kib, time.Hour), http.StatusUnauthorized, contract.CodeTimestampStale)
	default:
		large := g.request(t, g.signer, id, 16*kib, 0)
		large.Declared = 2 * mib
		g.want(t, large, http.StatusRequestEntityTooLarge, contract.CodeBodyTooLarge)
	}
}

// want sends a request and compares the answer.
func (g *gate) want(t *testing.T, r attack.Request, status int, code contract.Code) {
	t.Helper()
	a, err := attack.Send(t.Context(), r)
	if err != nil || a.Status != status || a.Header.Get(contract.HeaderError) != string(code) {
		t.Errorf("%d %s, %v; want %d %s", a.Status, a.Header.Get(contract.HeaderError), err, status, code)
	}
}
