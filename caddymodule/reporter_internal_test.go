package caddymodule

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/time/rate"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// observed returns a reporter whose log is kept.
func observed() (*reporter, *observer.ObservedLogs) {
	core, logs := observer.New(zap.InfoLevel)
	return newReporter(&Handler{logger: zap.New(core), events: new(events), provider: contract.Dari()}), logs
}

// TestHintsNameTheOption shows which findings one option of the gate would turn into accepted deliveries.
func TestHintsNameTheOption(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]string{
		"dari": "; option: signed_content timestamp.body", "dari-body": "; option: signed_content body", "dari-id": "; option: signed_content id.timestamp.body",
		"dari-timestamp-tag": "", "dari-body-timestamp-header": "",
	} {
		if _, known := contract.Dari().SchemeFor(scheme); !known {
			t.Fatalf("no scheme %s", scheme)
		}
		if got := optionFor(contract.Dari(), signature.Finding{Scheme: scheme}); got != want {
			t.Errorf("%s: %q, want %q", scheme, got, want)
		}
	}
	if got := optionFor(contract.Dari(), signature.Finding{Scheme: "stripe"}); got != "" {
		t.Errorf("another platform's scheme: %q", got)
	}
}

// TestRefusalsAreLogged shows that every code has a line, and a flood of one code no second line.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	p, logs := observed()
	r := httptest.NewRequest("POST", "/", nil)
	for range 3 {
		for _, refusal := range contract.Refusals() {
			p.refused(r, gate.Verdict{Code: refusal.Code})
		}
	}
	got := make(map[string]int)
	for _, line := range logs.All() {
		fields := line.ContextMap()
		if fields["detail"] == "" || fields["client_ip"] != "192.0.2.1" {
			t.Errorf("a line says %v", fields)
		}
		got[fields["code"].(string)]++
	}
	for _, refusal := range contract.Refusals() {
		want := 1
		if refusal.Code == contract.CodeStoreUnavailable { // "store unavailable" is its line
			want = 0
		}
		if got[string(refusal.Code)] != want {
			t.Errorf("%d lines on %s, want %d", got[string(refusal.Code)], refusal.Code, want)
		}
	}
}

// TestCopyInFlightNamesItsHolder shows what an operator looks for when a delivery is refused for its own copy.
func TestCopyInFlightNamesItsHolder(t *testing.T) {
	t.Parallel()
	until := time.Unix(1_790_000_000, 0)
	for holder, here := range map[string]bool{"this process": true, "another process": false} {
		p, logs := observed()
		p.refused(httptest.NewRequest("POST", "/", nil), gate.Verdict{
			Code: contract.CodeInFlight, Delivery: gate.Delivery{ID: "evt_1"}, HeldUntil: until, HeldHere: here,
		})
		if got := logs.All()[0].ContextMap(); got["id"] != "evt_1" || got["holder"] != holder || got["lease_until"] != until {
			t.Errorf("the line says %v, want evt_1 held by %s until %s", got, holder, until)
		}
	}
}

// TestFewCopiesDoNotFillTheLog has every delivery recorded on the primary alone.
func TestFewCopiesDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	p, logs := observed()
	for i := range 1000 {
		p.OutcomeRecorded(gate.Delivery{ID: fmt.Sprintf("evt_%d", i)}, dedup.ErrTooFewCopies)
	}
	if n := logs.Len(); n == 0 || n > 5 {
		t.Errorf("%d lines, want a few", n)
	}
	p.fewer.limit = rate.NewLimiter(rate.Inf, 1)
	p.OutcomeRecorded(gate.Delivery{ID: "evt_last"}, dedup.ErrTooFewCopies)
	if got := logs.All()[logs.Len()-1].ContextMap(); got["not_logged"].(int64) < 990 {
		t.Errorf("the next line says %v, want the number of those left out", got)
	}
}

// TestForgeriesLeaveTheHint shows that requests which fit nothing do not use up the line on one that fits otherwise.
func TestForgeriesLeaveTheHint(t *testing.T) {
	t.Parallel()
	p, logs := observed()
	p.searches = rate.NewLimiter(rate.Inf, 1)
	p.Mismatched(func() []signature.Finding { return nil })
	if logs.Len() != 0 {
		t.Fatalf("a forgery has a hint: %v", logs.All())
	}
	fits := func() []signature.Finding { return []signature.Finding{{Scheme: "dari-body"}} }
	p.Mismatched(fits)
	p.Mismatched(fits)
	if logs.Len() != 2 {
		t.Errorf("%d lines, want one for each search that found something", logs.Len())
	}
}

// TestHeaderHintsAreLogged shows that a header which departs from the scheme is told of, once in a while, and that a flood of
// headers which say nothing does not use up its line.
func TestHeaderHintsAreLogged(t *testing.T) {
	t.Parallel()
	p, logs := observed()
	p.scheme = contract.Dari().Scheme
	send := func(header string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set(contract.HeaderSignature, header)
		p.refused(r, gate.Verdict{Code: contract.CodeSignatureMalformed})
	}
	for range 100 {
		send("x")
	}
	const ms = "t=1767225600000, v1=00"
	send(ms)
	send(ms)
	explained := logs.FilterMessageSnippet("explained").All()
	if len(explained) != 1 {
		t.Fatalf("%d lines, want one", len(explained))
	}
	fields := explained[0].ContextMap()
	if got := fmt.Sprint(fields["findings"]); !strings.Contains(got, string(signature.HintMilliseconds)) || !strings.Contains(got, string(signature.HintBlank)) {
		t.Errorf("findings %s", got)
	}
	if !strings.HasPrefix(explained[0].Message, "signature malformed explained") || fields["client_ip"] != "192.0.2.1" {
		t.Errorf("%s: %v", explained[0].Message, fields)
	}
}

// TestSearchesAreBounded shows that a flood of forgeries buys one search.
func TestSearchesAreBounded(t *testing.T) {
	t.Parallel()
	p, _ := observed()
	searches := 0
	for range 100 {
		p.Mismatched(func() []signature.Finding { searches++; return nil })
	}
	if searches != 1 {
		t.Errorf("%d searches", searches)
	}
}
