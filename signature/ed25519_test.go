package signature_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// pair is a key pair in the form of Standard Webhooks.
type pair struct {
	key             ed25519.PrivateKey
	public, private string
}

func newPair(seed byte) pair {
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(seed), ed25519.SeedSize)))
	return pair{
		key, "whpk_" + base64.StdEncoding.EncodeToString(key[ed25519.SeedSize:]), "whsk_" + base64.StdEncoding.EncodeToString(key),
	}
}

// asymmetric is the scheme with a key pair.
func asymmetric(t testing.TB) contract.Scheme {
	t.Helper()
	s, ok := contract.StandardWebhooks().SchemeFor("standard-webhooks-ed25519")
	if !ok {
		t.Fatal("no scheme with a key pair")
	}
	return s
}

// TestEd25519AgainstTheStandardLibrary signs by crypto/ed25519 alone, and verifies what is signed here by it.
func TestEd25519AgainstTheStandardLibrary(t *testing.T) {
	t.Parallel()
	p, other := newPair('a'), newPair('b')
	body, at := []byte(`{"type":"contact.created"}`), time.Unix(1767225600, 0)
	sum := ed25519.Sign(p.key, []byte("msg_1.1767225600."+string(body)))
	h := http.Header{
		"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1767225600"}, "Webhook-Signature": {"v1a," + base64.StdEncoding.EncodeToString(sum)},
	}
	v := verifier(t, asymmetric(t), other.public, p.public)
	if got, err := v.Verify(h, body, at); err != nil || got.Secret != 1 || got.ID != "msg_1" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, private := range []string{p.private, "whsk_" + base64.StdEncoding.EncodeToString(p.key.Seed())} {
		m := signature.Message{ID: "msg_1", Time: at, Body: body}
		if got := headerOf(sign(t, asymmetric(t), m, private)); got.Get("Webhook-Signature") != h.Get("Webhook-Signature") {
			t.Errorf("signed %q", got)
		}
	}
}

func TestEd25519Refuses(t *testing.T) {
	t.Parallel()
	p, other := newPair('a'), newPair('b')
	at := time.Unix(1767225600, 0)
	m := signature.Message{ID: "msg_1", Time: at, Body: []byte(`{"type":"contact.created"}`)}
	for name, row := range map[string]struct {
		change func(h http.Header, body []byte) []byte
		want   error
	}{
		"ok/unchanged": {func(_ http.Header, b []byte) []byte { return b }, nil},
		"ok/another version beside": {func(h http.Header, b []byte) []byte {
			h.Set("Webhook-Signature", "v1,"+strings.Repeat("A", 43)+"= "+h.Get("Webhook-Signature"))
			return b
		}, nil},
		"fail/body": {func(_ http.Header, b []byte) []byte { return append(b, ' ') }, signature.ErrMismatch},
		"fail/id":   {func(h http.Header, b []byte) []byte { h.Set("Webhook-Id", "msg_2"); return b }, signature.ErrMismatch},
		"fail/time": {func(h http.Header, b []byte) []byte { h.Set("Webhook-Timestamp", "1767225601"); return b }, signature.ErrMismatch},
		"fail/other key": {func(h http.Header, b []byte) []byte {
			h.Set("Webhook-Signature", headerOf(sign(t, asymmetric(t), m, other.private)).Get("Webhook-Signature"))
			return b
		}, signature.ErrMismatch},
		"fail/a version of HMAC's length": {func(h http.Header, b []byte) []byte {
			h.Set("Webhook-Signature", "v1a,"+strings.Repeat("A", 43)+"=")
			return b
		}, signature.ErrMalformed},
		"fail/the symmetric version only": {func(h http.Header, b []byte) []byte {
			h.Set("Webhook-Signature", "v1,"+strings.Repeat("A", 43)+"=")
			return b
		}, signature.ErrMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := headerOf(sign(t, asymmetric(t), m, p.private))
			body := row.change(h, append([]byte(nil), m.Body...))
			if _, err := verifier(t, asymmetric(t), p.public).Verify(h, body, at); !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
		})
	}
}

// TestEd25519DigestForgets shows that a digest's second request does not see what the first has written.
func TestEd25519DigestForgets(t *testing.T) {
	p := newPair('a')
	v, at := verifier(t, asymmetric(t), p.public), time.Unix(1767225600, 0)
	for _, size := range []int{10, 1 << 20, 0, 100} {
		m := signature.Message{ID: "msg_1", Time: at, Body: []byte(strings.Repeat("x", size))}
		if _, err := v.Verify(headerOf(sign(t, asymmetric(t), m, p.private)), m.Body, at); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestKeysOfTheWrongKind(t *testing.T) {
	t.Parallel()
	p := newPair('a')
	wrongHalf := append(append([]byte(nil), p.key.Seed()...), newPair('b').key[ed25519.SeedSize:]...)
	for name, text := range map[string]string{
		"private": p.private, "short": "whpk_" + base64.StdEncoding.EncodeToString([]byte("short")), "symmetric": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	} {
		_, err := signature.NewVerifier(signature.Options{Scheme: asymmetric(t), Secrets: secrets(t, text)})
		if !errors.Is(err, signature.ErrSecretKind) && !errors.Is(err, signature.ErrSecretEncoding) {
			t.Errorf("verifying with a %s key: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"public": p.public, "short": "whsk_" + base64.StdEncoding.EncodeToString([]byte("short")),
		"private key with another's public one": "whsk_" + base64.StdEncoding.EncodeToString(wrongHalf),
	} {
		_, err := signature.NewSigner(signature.SignerOptions{Scheme: asymmetric(t), Secrets: secrets(t, text)})
		if !errors.Is(err, signature.ErrSecretKind) {
			t.Errorf("signing with a %s: %v", name, err)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	p := newPair('a')
	const symmetric = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	for name, row := range map[string]struct {
		schemes []contract.Scheme
		secrets []string
		want    string
		err     error
	}{
		"ok/shared":     {contract.StandardWebhooks().Schemes(), []string{symmetric}, "standard-webhooks", nil},
		"ok/public":     {contract.StandardWebhooks().Schemes(), []string{p.public, p.public}, "standard-webhooks-ed25519", nil},
		"ok/private":    {contract.StandardWebhooks().Schemes(), []string{p.private}, "standard-webhooks-ed25519", nil},
		"ok/no prefix":  {contract.StandardWebhooks().Schemes(), []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "standard-webhooks", nil},
		"ok/candidates": {contract.Dari().Schemes(), []string{symmetric}, "dari", nil},
		"ok/none yet":   {contract.Dari().Schemes(), nil, "dari", nil},
		"fail/mixed":    {contract.StandardWebhooks().Schemes(), []string{symmetric, p.public}, "", signature.ErrMixedSecrets},
		"fail/unsigned": {contract.Tess().Schemes(), []string{symmetric}, "", signature.ErrScheme},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := signature.Choose(row.schemes, secrets(t, row.secrets...))
			if got.Name != row.want || !errors.Is(err, row.err) {
				t.Errorf("%q, %v, want %q, %v", got.Name, err, row.want, row.err)
			}
		})
	}
}

func TestExplainFindsAPublicKeysReading(t *testing.T) {
	t.Parallel()
	p, at := newPair('a'), time.Unix(1767225600, 0)
	m := signature.Message{ID: "msg_1", Time: at, Body: []byte(`{"a":1}`)}
	h := headerOf(sign(t, asymmetric(t), m, p.private))
	got := signature.Explain(contract.StandardWebhooks().Schemes(), secrets(t, p.public), h, []byte(`{"a": 1}`), at)
	if len(got) != 1 || got[0].Scheme != "standard-webhooks-ed25519" || got[0].BodyChange != signature.BodyCompact {
		t.Errorf("findings %v", got)
	}
	if got := signature.Explain(contract.StandardWebhooks().Schemes(), secrets(t, newPair('b').public), h, m.Body, at); len(got) != 0 {
		t.Errorf("another key: findings %v", got)
	}
}

// TestUnsignedBody shows a scheme that signs its id and timestamp alone.
func TestUnsignedBody(t *testing.T) {
	t.Parallel()
	s := contract.Scheme{
		Name: "token", Algorithm: contract.HMACSHA256, Header: "X-Token", Encoding: contract.Hex, Content: "{id}.{timestamp}",
		UnsignedBody: true, TimestampHeader: "X-Time", IDHeader: "X-Id", KeyForm: contract.KeyWhole,
	}
	at := time.Unix(1767225600, 0)
	h := headerOf(sign(t, s, signature.Message{ID: "a", Time: at, Body: []byte("one")}, hidden))
	for _, body := range []string{"one", "another", ""} {
		if _, err := verifier(t, s, hidden).Verify(h, []byte(body), at); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	}
	h.Set("X-Id", "b")
	if _, err := verifier(t, s, hidden).Verify(h, nil, at); !errors.Is(err, signature.ErrMismatch) {
		t.Errorf("another id: %v", err)
	}
	s.UnsignedBody = false
	if err := signature.CheckScheme(s); !errors.Is(err, signature.ErrScheme) {
		t.Errorf("without the word for it: %v", err)
	}
	s.UnsignedBody, s.Content = true, "{id}.{timestamp}.{body}"
	if err := signature.CheckScheme(s); !errors.Is(err, signature.ErrScheme) {
		t.Errorf("with the body after all: %v", err)
	}
}
