package vendortest

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-github/v74/github"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stripe/stripe-go/v82/webhook"
	svix "github.com/svix/svix-webhooks/go"

	"github.com/darihook/darihook/contract"
)

// goLibraries are the libraries for Go.
func goLibraries(t testing.TB) []vendor {
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
			name: "standard-webhooks (Go)", scheme: contract.StandardWebhooks().Scheme, secret: base64Secret, other: otherCode,
			verify: func(_ testing.TB, h http.Header, body []byte) error { return standard.Verify(body, h) },
			sign: func(_ testing.TB, id string, at time.Time, body []byte) (http.Header, error) {
				sig, err := standard.Sign(id, at, body)
				return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {unix(at)}, "Webhook-Signature": {sig}}, err
			},
		},
		{
			name: "svix (Go)", scheme: contract.StandardWebhooks().Scheme, secret: base64Secret, other: otherCode,
			verify: func(_ testing.TB, h http.Header, body []byte) error { return svixLibrary.Verify(body, h) },
			sign: func(_ testing.TB, id string, at time.Time, body []byte) (http.Header, error) {
				sig, err := svixLibrary.Sign(id, at, body)
				return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {unix(at)}, "Webhook-Signature": {sig}}, err
			},
		},
		{
			name: "stripe-go", scheme: contract.Stripe().Scheme, secret: textSecret, other: otherText,
			verify: func(_ testing.TB, h http.Header, body []byte) error {
				return webhook.ValidatePayload(body, h.Get("Stripe-Signature"), textSecret)
			},
			sign: func(_ testing.TB, _ string, at time.Time, body []byte) (http.Header, error) {
				sum := hex.EncodeToString(webhook.ComputeSignature(at, body, textSecret))
				return http.Header{"Stripe-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), sum)}}, nil
			},
		},
		{
			name: "slack-go", scheme: contract.Slack().Scheme, secret: textSecret, other: otherText,
			verify: func(_ testing.TB, h http.Header, body []byte) error {
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
			verify: func(_ testing.TB, h http.Header, body []byte) error {
				return github.ValidateSignature(h.Get("X-Hub-Signature-256"), body, []byte(textSecret))
			},
		},
	}
}
