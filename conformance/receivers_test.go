package conformance_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// countingReceiver is a correct receiver of any provider that signs, with the library. It processes a delivery once and says
// at GET ?id= how often it did.
type countingReceiver struct {
	provider contract.Provider
	verifier *signature.Verifier
	mu       sync.Mutex
	done     map[string]int
}

func newCountingReceiver(t *testing.T, p contract.Provider, secrets ...string) *countingReceiver {
	t.Helper()
	o := signature.Options{Scheme: p.Scheme}
	for _, text := range secrets {
		s, err := signature.NewSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Secrets = append(o.Secrets, s)
	}
	v, err := signature.NewVerifier(o)
	if err != nil {
		t.Fatal(err)
	}
	return &countingReceiver{provider: p, verifier: v, done: map[string]int{}}
}

func (c *countingReceiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		c.mu.Lock()
		defer c.mu.Unlock()
		fmt.Fprintf(w, `{"count":%d}`, c.done[r.URL.Query().Get("id")])
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, contract.MaxBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	verified, err := c.verifier.Verify(r.Header, body, time.Now())
	if err != nil {
		w.WriteHeader(refusalStatus(err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[cmp.Or(verified.ID, c.idIn(body), hashed(body))] = 1
}

// refusalStatus is what the contract answers an error of the library with.
func refusalStatus(err error) int {
	if e, ok := errors.AsType[*signature.Error](err); ok {
		if r, ok := contract.RefusalFor(e.Code); ok {
			return r.Status
		}
	}
	return http.StatusUnauthorized
}

// idIn is the id in a body, or "" where there is none.
func (c *countingReceiver) idIn(body []byte) string {
	var fields map[string]any
	_ = json.Unmarshal(body, &fields) // a web form has no id
	id, _ := fields[c.provider.Envelope.ID].(string)
	return id
}

func hashed(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// TestReceiversOfEveryProvider judges a correct receiver of each provider whose deliveries ask for no result. What needs a
// receiver that waits or fails cannot be seen there; all else that decides must be.
func TestReceiversOfEveryProvider(t *testing.T) {
	t.Parallel()
	for _, p := range contract.Providers() {
		if _, calls := p.EventFor(contract.ToolCallRequested); calls || p.Unsigned() {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			first, second := secretFor(p.Scheme, '1'), secretFor(p.Scheme, '2')
			server := httptest.NewServer(newCountingReceiver(t, p, first, second))
			t.Cleanup(server.Close)
			report, err := conformance.Judge(t.Context(), quietly(conformance.Config{
				Role: contract.Receiver, Provider: p.Name, Target: server.URL, Counter: server.URL, Secret: first, SecondSecret: second,
			}))
			if err != nil {
				t.Fatalf("judging: %v", err)
			}
			checkReceiver(t, report)
		})
	}
}

// checkReceiver insists that nothing is broken or unclear, and that only what cannot be seen or does not apply was skipped.
func checkReceiver(t *testing.T, report *conformance.Report) {
	t.Helper()
	if report.Result != conformance.ResultPartial {
		t.Errorf("result %s: %s", report.Result, report.Problem)
	}
	var unseen []contract.ClauseID
	for _, c := range report.Clauses {
		switch {
		case c.Verdict == conformance.Skipped && c.Cause == conformance.CauseUnobservable:
			unseen = append(unseen, c.ID)
		case c.Verdict != conformance.Conformant && c.Cause != conformance.CauseScheme:
			t.Errorf("%s (%s) is %s: %s", c.ID, c.Level, c.Verdict, c.Reason)
			explain(t, report, []contract.ClauseID{c.ID})
		}
	}
	if want := []contract.ClauseID{"DUP-002", "DUP-003"}; !slices.Equal(unseen, want) {
		t.Errorf("not seen: %v, want %v", unseen, want)
	}
}
