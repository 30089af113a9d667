package gate_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// schemesToChange are every scheme of every provider, and those that only a provider of the operator's own can have.
func schemesToChange(t *testing.T) map[string]contract.Provider {
	t.Helper()
	all := make(map[string]contract.Provider)
	for _, p := range contract.Providers() {
		for _, s := range p.Schemes() {
			if s.Algorithm == contract.HMACSHA256 { // the other signs the same content
				p.Scheme = s
				all[p.Name+" "+s.Name] = p
			}
		}
	}
	bare := contract.Dari()
	bare.Envelope = contract.Envelope{Type: "type", AnyBody: true}
	bare.Scheme.IDHeader, bare.Scheme.TimestampTag = "X-Id", ""
	for name, content := range map[string]contract.Content{"id": "{id}", "id and time": "{id}.{timestamp}"} {
		bare.Scheme.Content, bare.Scheme.UnsignedBody = content, true
		all["custom signing "+name] = bare
	}
	if len(all) < 15 {
		t.Fatalf("%d schemes", len(all))
	}
	return all
}

// TestDeliveryHoldsOnlyWhatWasSigned changes one thing after the other in a signed request. Where it passes all the same,
// nothing that headers, placeholders, events and lines of the log are made of may have changed.
func TestDeliveryHoldsOnlyWhatWasSigned(t *testing.T) {
	t.Parallel()
	now := time.Now()
	later := now.Add(200 * time.Second)
	text := fmt.Sprintf(`{"id":"evt_1","event_id":"evt_1","type":"a.b","created_at":%q,"data":{"session_id":"s","batch_id":"b","agent_id":"a"}}`,
		now.UTC().Format(time.RFC3339))
	changes := map[string]func(contract.Scheme, http.Header, *string){
		"timestamp in the header": func(s contract.Scheme, h http.Header, _ *string) {
			if s.TimestampHeader != "" {
				h.Set(s.TimestampHeader, fmt.Sprint(later.Unix()))
			}
		},
		"timestamps": func(s contract.Scheme, h http.Header, _ *string) {
			if s.TimestampHeader != "" {
				h.Set(s.TimestampHeader, fmt.Sprint(later.Unix()))
			}
			if s.TimestampTag != "" {
				before := s.TimestampTag + s.TagSeparator + fmt.Sprint(now.Unix())
				h.Set(s.Header, strings.Replace(h.Get(s.Header), before, s.TimestampTag+s.TagSeparator+fmt.Sprint(later.Unix()), 1))
			}
		},
		"id": func(s contract.Scheme, h http.Header, _ *string) {
			if s.IDHeader != "" {
				h.Set(s.IDHeader, "evt_2")
			}
		},
		"no id": func(s contract.Scheme, h http.Header, _ *string) { h.Del(s.IDHeader) },
		"body":  func(_ contract.Scheme, _ http.Header, body *string) { *body = strings.Replace(*body, "a.b", "x.y", 1) },
		"what the gate sets": func(_ contract.Scheme, h http.Header, _ *string) {
			h.Set(contract.HeaderVerified, "true")
			h.Set(contract.HeaderEvent, "x.y")
		},
		"other platforms' fields": func(_ contract.Scheme, h http.Header, _ *string) {
			h.Set("X-GitHub-Event", "x.y")
			h.Set("X-Shopify-Topic", "x.y")
		},
	}
	for name, p := range schemesToChange(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := p.Scheme
			secret, err := signature.NewSecret("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
			if err != nil {
				t.Fatal(err)
			}
			g := newGate(t, func(o *gate.Options) { o.Provider, o.Scheme, o.Secrets = p, s, []signature.Secret{secret} })
			signer, err := signature.NewSigner(signature.SignerOptions{Scheme: s, Secrets: []signature.Secret{secret}})
			if err != nil {
				t.Fatal(err)
			}
			judge := func(change func(contract.Scheme, http.Header, *string)) gate.Verdict {
				body := text
				fields, err := signer.Sign(signature.Message{ID: "evt_1", Time: now, Body: []byte(body)})
				if err != nil {
					t.Fatal(err)
				}
				h := make(http.Header)
				for _, f := range fields {
					h.Set(f.Name, f.Value)
				}
				if change != nil {
					change(s, h, &body)
				}
				a, v := g.Admit(t.Context(), gate.Request{Method: http.MethodPost, Header: h, Body: io.NopCloser(strings.NewReader(body)), Length: int64(len(body))})
				if a != nil {
					_ = a.Release() // there is no store
				}
				return v
			}
			want := judge(nil)
			if !want.Verified || want.Delivery.ID == "" {
				t.Fatalf("as it was signed: %+v", want)
			}
			if s.Content.Signs("timestamp") && !want.Delivery.Time.Equal(now.Truncate(time.Second)) {
				t.Errorf("dated %s, signed at %s", want.Delivery.Time, now)
			}
			for what, change := range changes {
				if got := judge(change); got.Verified && got.Delivery != want.Delivery {
					t.Errorf("with another %s it passes as %+v, and was signed as %+v", what, got.Delivery, want.Delivery)
				}
			}
		})
	}
}
