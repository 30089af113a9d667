package conformance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/conformance"
	"github.com/darihook/darihook/contract"
)

const greeted = "whsec_secret_of_a_greeted_receiver"

// speaking is a correct receiver of another of Dari's schemes than the default one.
func speaking(t *testing.T, change func(*contract.Scheme)) http.Handler {
	t.Helper()
	p := contract.Dari()
	change(&p.Scheme)
	return newCountingReceiver(t, p, greeted)
}

// upperCase takes signatures in upper case and no others.
func upperCase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := r.Header.Get(contract.HeaderSignature)
		if _, signature, _ := strings.Cut(value, "v1="); signature != strings.ToUpper(signature) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.Header.Set(contract.HeaderSignature, strings.ToLower(value))
		next.ServeHTTP(w, r)
	})
}

// TestReadingsAreRecognized judges receivers that read the contract in another way than the run does.
func TestReadingsAreRecognized(t *testing.T) {
	t.Parallel()
	body := func(s *contract.Scheme) { *s, _ = contract.Dari().SchemeFor("dari-body") }
	base64 := func(s *contract.Scheme) { s.Encoding = contract.Base64 }
	for name, row := range map[string]struct {
		target http.Handler
		scheme string
		result conformance.Outcome
		want   string
	}{
		"ok/this scheme":       {speaking(t, func(*contract.Scheme) {}), "", conformance.ResultConformant, ""},
		"ok/named scheme":      {speaking(t, body), "dari-body", conformance.ResultConformant, ""},
		"fail/open scheme":     {speaking(t, body), "", conformance.ResultUndetermined, "repeat the run with --scheme dari-body"},
		"fail/open encoding":   {speaking(t, base64), "", conformance.ResultUndetermined, `"encoding" is "base64"`},
		"fail/scheme insisted": {speaking(t, body), "dari", conformance.ResultNonConformant, "--scheme dari-body judges it by that"},
		"fail/mistake":         {upperCase(speaking(t, func(*contract.Scheme) {})), "", conformance.ResultNonConformant, "whose signature is in upper case"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := greet(t, row.target, func(c *conformance.Config) { c.Scheme = row.scheme })
			if report.Result != row.result {
				t.Errorf("result %s (%s), want %s", report.Result, report.Problem, row.result)
			}
			if text := report.Problem + report.Hint; !strings.Contains(text, row.want) {
				t.Errorf("the report says %q, want %q", text, row.want)
			}
		})
	}
}

// greet judges a receiver by the clause on right and wrong signatures.
func greet(t *testing.T, target http.Handler, change func(*conformance.Config)) *conformance.Report {
	t.Helper()
	server := httptest.NewServer(target)
	t.Cleanup(server.Close)
	cfg := quietly(conformance.Config{
		Role: contract.Receiver, Target: server.URL, Counter: server.URL, Secret: greeted, Clauses: ids("SIG-001"),
	})
	change(&cfg)
	report, err := conformance.Judge(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestSlowReceiversAreNotHurried judges a receiver that takes one delivery at a time.
func TestSlowReceiversAreNotHurried(t *testing.T) {
	t.Parallel()
	var one sync.Mutex
	next := speaking(t, func(*contract.Scheme) {})
	report := greet(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		<-time.After(time.Second) // far above what a busy machine adds
		next.ServeHTTP(w, r)
	}), func(c *conformance.Config) { c.Timeout, c.Parallel = 16*time.Second, 32 })
	if report.Result != conformance.ResultConformant || report.Configuration["parallel"] != "1" {
		t.Errorf("result %s (%s) with %s specs at a time", report.Result, report.Problem, report.Configuration["parallel"])
	}
	if !strings.Contains(report.Hint, "one at a time") {
		t.Errorf("the hint is %q", report.Hint)
	}
}

// TestCountersAreAskedAboutRefusals judges a receiver that refuses what is wrong, and counts it as processed all the same.
func TestCountersAreAskedAboutRefusals(t *testing.T) {
	t.Parallel()
	next := newCountingReceiver(t, contract.Dari(), greeted)
	report := greet(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("reading a delivery: %v", err)
			}
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			defer next.count(body)
		}
		next.ServeHTTP(w, r)
	}), func(*conformance.Config) {})
	if !isBroken(report, "SIG-001") {
		t.Errorf("result %s: %s", report.Result, report.Problem)
	}
}

// count marks the delivery of a body as processed, whatever its signature.
func (c *countingReceiver) count(body []byte) {
	var fields struct{ ID string }
	if json.Unmarshal(body, &fields) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[fields.ID] = 1
}
