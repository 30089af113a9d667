package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// TestDeliveriesAreWhatTheySay verifies one of each kind.
func TestDeliveriesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	s, err := signature.NewSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[traffic]contract.Code{valid: "", forged: contract.CodeSignatureMismatch, stale: contract.CodeTimestampStale} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			deliveries, err := signAhead(kind, minBody, 3)
			if err != nil {
				t.Fatal(err)
			}
			body := newBody(minBody)
			if len(body) != minBody {
				t.Fatalf("a body of %d bytes", len(body))
			}
			for _, d := range deliveries {
				r := newRequest("127.0.0.1:1")
				d.prepare(r, body, "")
				header := http.Header{}
				for _, f := range d.fields {
					header.Set(f.Name, string(r.Header.Peek(f.Name)))
				}
				var envelope struct{ ID string }
				if err := json.Unmarshal(r.Body(), &envelope); err != nil || envelope.ID != d.id {
					t.Errorf("id %q, want %q (%v)", envelope.ID, d.id, err)
				}
				_, err := verifier.Verify(header, r.Body(), time.Now())
				if broken, ok := errors.AsType[*signature.Error](err); ok != (want != "") || ok && broken.Code != want {
					t.Errorf("verify: %v, want %q", err, want)
				}
			}
		})
	}
}
