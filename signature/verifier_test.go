package signature_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

func TestNewVerifierRefuses(t *testing.T) {
	t.Parallel()
	whole, decoded := contract.Dari().Scheme, neighbor(t, "standard-webhooks")
	for name, c := range map[string]struct {
		options signature.Options
		want    error
	}{
		"fail/no secret":       {signature.Options{Scheme: whole}, signature.ErrNoSecret},
		"fail/zero secret":     {signature.Options{Scheme: whole, Secrets: make([]signature.Secret, 1)}, signature.ErrEmptySecret},
		"fail/17 secrets":      {signature.Options{Scheme: whole, Secrets: secrets(t, slices.Repeat([]string{hidden}, 17)...)}, signature.ErrTooManySecrets},
		"fail/not base64":      {signature.Options{Scheme: decoded, Secrets: secrets(t, "whsec_hidden-in-words")}, signature.ErrSecretEncoding},
		"fail/unpadded base64": {signature.Options{Scheme: decoded, Secrets: secrets(t, strings.TrimRight(hidden, "="))}, signature.ErrSecretEncoding},
		"fail/padding bits":    {signature.Options{Scheme: decoded, Secrets: secrets(t, "whsec_aGVsbG9=")}, signature.ErrSecretEncoding},
		"fail/prefix alone":    {signature.Options{Scheme: decoded, Secrets: secrets(t, "whsec_")}, signature.ErrEmptySecret},
		"fail/one of two":      {signature.Options{Scheme: decoded, Secrets: secrets(t, hidden, "hidden")}, signature.ErrSecretEncoding},
		"fail/negative past":   {signature.Options{Scheme: whole, Secrets: secrets(t, hidden), Window: signature.Window{Past: -1}}, signature.ErrWindow},
		"fail/negative future": {signature.Options{Scheme: whole, Secrets: secrets(t, hidden), Window: signature.Window{Future: -1}}, signature.ErrWindow},
		"ok/16 secrets":        {signature.Options{Scheme: whole, Secrets: secrets(t, slices.Repeat([]string{hidden}, 16)...)}, nil},
		"ok/without prefix":    {signature.Options{Scheme: decoded, Secrets: secrets(t, strings.TrimPrefix(hidden, "whsec_"))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := signature.NewVerifier(c.options)
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
}

// fold is a map of headers that finds names in any case, as some frameworks have it.
type fold map[string][]string

func (f fold) Values(name string) []string { return f[strings.ToLower(name)] }

func TestVerifyAndItsSteps(t *testing.T) {
	t.Parallel()
	now := time.Unix(1767225600, 0)
	for _, s := range append(contract.Dari().Schemes(), neighbors()...) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			v := verifier(t, s, "whsec_b3RoZXI=", hidden)
			m := signature.Message{ID: "evt_1", Time: now, Body: []byte(`{"id":"evt_1"}`)}
			h := headerOf(sign(t, s, m, hidden))
			got, err := v.Verify(h, m.Body, now)
			if err != nil {
				t.Fatal(err)
			}
			dated := s.TimestampTag != "" || s.TimestampHeader != ""
			if got.Secret != 1 || got.Timestamp.Equal(now) != dated || got.Timestamp.IsZero() == dated || (got.ID == "evt_1") != s.Content.Signs("id") {
				t.Errorf("verified %+v", got)
			}
			folded := fold{}
			for name, values := range h {
				folded[strings.ToLower(name)] = values
			}
			if again, err := v.Verify(folded, m.Body, now); again != got || err != nil {
				t.Errorf("other headers: verified %+v, error %v", again, err)
			}
			parsed, err := v.Parse(h)
			if err != nil || parsed.Len() != 1 || parsed.ID() != got.ID {
				t.Errorf("parsed %d signatures and id %q, error %v", parsed.Len(), parsed.ID(), err)
			}
			if at, ok := parsed.Timestamp(); ok != dated || !at.Equal(got.Timestamp) {
				t.Errorf("parsed time %v, %v", at, ok)
			}
			if err := v.Fresh(&parsed, now.Add(time.Hour)); errors.Is(err, signature.ErrStale) != dated {
				t.Errorf("an hour later: error %v", err)
			}
			if _, err := v.Verify(h, append(m.Body, ' '), now); !errors.Is(err, signature.ErrMismatch) {
				t.Errorf("another body: error %v, want %v", err, signature.ErrMismatch)
			}
		})
	}
}

// TestEverySignatureMeetsEverySecret tries all pairs.
func TestEverySignatureMeetsEverySecret(t *testing.T) {
	t.Parallel()
	s, now := contract.Dari().Scheme, time.Unix(1767225600, 0)
	m := signature.Message{ID: "evt_1", Time: now, Body: []byte("{}")}
	names := func(prefix string) []string {
		all := make([]string, contract.MaxSignatures)
		for i := range all {
			all[i] = prefix + string(rune('a'+i))
		}
		return all
	}
	for place := range contract.MaxSignatures {
		signing := names("sender")
		signing[place] = hidden
		h := headerOf(sign(t, s, m, signing...))
		for index := range signature.MaxSecrets {
			known := names("receiver")
			known[index] = hidden
			if got, err := verifier(t, s, known...).Verify(h, m.Body, now); err != nil || got.Secret != index {
				t.Fatalf("signature %d under secret %d: verified %+v, error %v", place, index, got, err)
			}
		}
	}
}

func TestErrorsTellCodeClauseAndCause(t *testing.T) {
	t.Parallel()
	v := verifier(t, contract.Dari().Scheme, hidden)
	_, err := v.Parse(http.Header{"Dari-Webhook-Signature": {strings.Repeat("x", contract.MaxSignatureHeader+1)}})
	e, ok := errors.AsType[*signature.Error](err)
	if !ok || e.Code != contract.CodeSignatureMalformed || e.Clause != "SIG-010" || errors.Unwrap(err) == nil {
		t.Fatalf("error %#v", err)
	}
	if want := "signature_malformed (SIG-010): the signature header is longer than 4096 bytes"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if !errors.Is(err, signature.ErrMalformed) || errors.Is(err, signature.ErrMissing) {
		t.Error("errors are the same when their codes are")
	}
	if want := "signature_missing (SIG-003)"; signature.ErrMissing.Error() != want {
		t.Errorf("error %q, want %q", signature.ErrMissing, want)
	}
}
