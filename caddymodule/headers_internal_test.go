package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/contract"
)

func TestSpellingsOfTheGatesFields(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]bool{
		contract.HeaderVerified:    true,
		"dari-webhook-id":          true,
		"DARI_WEBHOOK.EVENT":       true,
		"Dari!Webhook!Verified":    true,
		"Dari~Webhook~Id":          true,
		"Dari+Webhook+Event":       true,
		"Dari Webhook/Timestamp":   true,
		"Dari-Webhook-Duplicate":   true,
		"Dari-Webhook-Error":       true,
		"Dari-Webhook-Verified  ":  true,
		contract.HeaderSignature:   false,
		"Dari-Webhook-Idx":         false,
		"Dari-Webhook--Id":         false,
		"DariWebhookVerified":      false,
		"X-Dari-Webhook-Verified":  false,
		"Dari-Webhook-Ve\x00ified": false,
		"Dari":                     false,
		"":                         false,
	} {
		if got := isOurs(field); got != want {
			t.Errorf("%q: %v, want %v", field, got, want)
		}
	}
}

// TestSaidIsForTheGateAlone shows what becomes of the fields that a sender may send and a gate sets.
func TestSaidIsForTheGateAlone(t *testing.T) {
	t.Parallel()
	r := plainRequest()
	r.Header[contract.HeaderID] = []string{"evt_1", "evt_2"}
	r.Header["Dari_webhook_id"] = []string{"evt_3"}
	setAside(r)
	if len(r.Header) != len(plainRequest().Header) {
		t.Errorf("set aside: %v", r.Header)
	}
	takeBack(r)
	if got := strings.Join(r.Header[contract.HeaderID], " "); got != "evt_1 evt_2" || r.Header["Dari_webhook_id"] != nil {
		t.Errorf("taken back: %v", r.Header)
	}
	r.Header.Set(contract.HeaderID, "verified")
	takeBack(r)
	if got := r.Header.Get(contract.HeaderID); got != "verified" {
		t.Errorf("taken back twice: %q", got)
	}
}

// TestGuardCostsNothing holds what a server with a gate pays for every request, and bounds what a hostile one costs.
func TestGuardCostsNothing(t *testing.T) {
	r := plainRequest()
	if n := testing.AllocsPerRun(100, func() { _, _ = guard{}.MatchWithError(r) }); n != 0 {
		t.Errorf("%v allocations for an ordinary request", n)
	}
	for i := range 400_000 {
		r.Header[fmt.Sprintf("Dari-Webhook-Verifie%d", i)] = []string{""}
	}
	start := time.Now()
	_, _ = guard{}.MatchWithError(r)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("400,000 fields took %s", took)
	}
}

func BenchmarkGuard(b *testing.B) {
	b.Run("ordinary", func(b *testing.B) {
		r := plainRequest()
		b.ReportAllocs()
		for b.Loop() {
			_, _ = guard{}.MatchWithError(r)
		}
	})
	b.Run("delivery", func(b *testing.B) {
		r := plainRequest()
		id, timestamp := []string{"evt_1"}, []string{"1767225600"}
		b.ReportAllocs()
		for b.Loop() {
			r.Header[contract.HeaderID], r.Header[contract.HeaderTimestamp] = id, timestamp
			_, _ = guard{}.MatchWithError(r)
			takeBack(r)
		}
	})
	b.Run("400000 fields", func(b *testing.B) {
		r := plainRequest()
		for i := range 400_000 {
			r.Header[fmt.Sprintf("Dari-Webhook-Verifie%d", i)] = []string{""}
		}
		for b.Loop() {
			_, _ = guard{}.MatchWithError(r)
		}
	})
}

// plainRequest is a request as a browser sends it, with Caddy's variables.
func plainRequest() *http.Request {
	r := (&http.Request{Header: http.Header{}}).WithContext(context.WithValue(context.Background(), caddyhttp.VarsCtxKey, make(map[string]any)))
	for name := range strings.FieldsSeq("Accept Accept-Encoding Accept-Language Cache-Control Connection Content-Length Content-Type Cookie" +
		" Dnt Date Origin Referer User-Agent Sec-Fetch-Dest Sec-Fetch-Mode X-Forwarded-For") {
		r.Header[name] = []string{"x"}
	}
	return r
}
