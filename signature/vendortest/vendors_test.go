package vendortest

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-github/v74/github"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stripe/stripe-go/v82/webhook"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// vendor is a library.
type vendor struct {
	name   string
	scheme contract.Scheme
	// secret signs, and other is one that nobody expects.
	secret, other string
	// verify judges a request by the library and the real clock.
	verify func(h http.Header, body []byte) error
	// sign signs by the library; nil where it cannot.
	sign func(id string, at time.Time, body []byte) (http.Header, error)
}

// The secrets are made up and open nothing.
const (
	textSecret, otherText   = "whsec_5c0ffee15b0a7ab1e5eed", "whsec_0ddba11deadbeefcafe0"
	base64Secret, otherCode = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// vendors lists the libraries.
func vendors(t testing.TB) []vendor {
	t.Helper()
	standard, err := standardwebhooks.NewWebhook(base64Secret)
	if err != nil {
		t.Fatal(err)
	}
	svixLibrary, err := svix.NewWebhook(base64Secret)
	if err != nil {
		t.Fatal(err)
	}
	return []vendor{
		{
			name: "standard-webhooks", scheme: contract.StandardWebhooks().Scheme, secret: base64Secret, other: otherCode,
			verify: func(h http.Header, body []byte) error { return standard.Verify(body, h) },
			sign: func(id string, at time.Time, body []byte) (http.Header, error) {
				sig, err := standard.Sign(id, at, body)
				return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {unix(at)}, "Webhook-Signature": {sig}}, err
			},
		},
		{
			name: "svix", scheme: contract.StandardWebhooks().Scheme, secret: base64Secret, other: otherCode,
			verify: func(h http.Header, body []byte) error { return svixLibrary.Verify(body, h) },
			sign: func(id string, at time.Time, body []byte) (http.Header, error) {
				sig, err := svixLibrary.Sign(id, at, body)
				return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {unix(at)}, "Webhook-Signature": {sig}}, err
			},
		},
		{
			name: "stripe-go", scheme: contract.Stripe().Scheme, secret: textSecret, other: otherText,
			verify: func(h http.Header, body []byte) error {
				return webhook.ValidatePayload(body, h.Get("Stripe-Signature"), textSecret)
			},
			sign: func(_ string, at time.Time, body []byte) (http.Header, error) {
				sum := hex.EncodeToString(webhook.ComputeSignature(at, body, textSecret))
				return http.Header{"Stripe-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), sum)}}, nil
			},
		},
		{
			name: "slack-go", scheme: contract.Slack().Scheme, secret: textSecret, other: otherText,
			verify: func(h http.Header, body []byte) error {
				v, err := slack.NewSecretsVerifier(h, textSecret)
				if err != nil {
					return err
				}
				if _, err := v.Write(body); err != nil {
					return err
				}
				return v.Ensure()
			},
		},
		{
			name: "go-github", scheme: contract.GitHub().Scheme, secret: textSecret, other: otherText,
			verify: func(h http.Header, body []byte) error {
				return github.ValidateSignature(h.Get("X-Hub-Signature-256"), body, []byte(textSecret))
			},
		},
	}
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// ours judges a request by this project, with the same clock.
func (v vendor) ours(t testing.TB, h http.Header, body []byte) error {
	t.Helper()
	verifier, err := signature.NewVerifier(signature.Options{Scheme: v.scheme, Secrets: []signature.Secret{newSecret(t, v.secret)}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = verifier.Verify(h, body, time.Now())
	return err
}

// signed signs by this project.
func (v vendor) signed(t testing.TB, secret, id string, at time.Time, body []byte) http.Header {
	t.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: v.scheme, Secrets: []signature.Secret{newSecret(t, secret)}})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{ID: id, Time: at, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	return h
}

func newSecret(t testing.TB, text string) signature.Secret {
	t.Helper()
	s, err := signature.NewSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bodies are what is signed: text, bytes that are no text, and nothing.
var bodies = map[string][]byte{
	"JSON": []byte(`{"id":"evt_1","text":"grüße"}` + "\n"), "form": []byte("a=1&b=%20"), "bytes": {0, 0xff, '\r', '\n'}, "nothing": {},
}

func TestTheySignWeVerify(t *testing.T) {
	t.Parallel()
	signers := 0
	for _, v := range vendors(t) {
		if v.sign == nil {
			continue
		}
		signers++
		for name, body := range bodies {
			h, err := v.sign("msg_1", time.Now(), body)
			if err != nil {
				t.Fatal(err)
			}
			if err := v.ours(t, h, body); err != nil {
				t.Errorf("%s, %s: %v", v.name, name, err)
			}
		}
	}
	if signers == 0 {
		t.Fatal("no library signs")
	}
}

func TestWeSignTheyVerify(t *testing.T) {
	t.Parallel()
	for _, v := range vendors(t) {
		for name, body := range bodies {
			if err := v.verify(v.signed(t, v.secret, "msg_1", time.Now(), body), body); err != nil {
				t.Errorf("%s, %s: %v", v.name, name, err)
			}
		}
	}
}
