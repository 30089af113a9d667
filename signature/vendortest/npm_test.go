package vendortest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// npmLibraries are the libraries for npm.
func npmLibraries() []vendor {
	standard := vendor{scheme: contract.StandardWebhooks().Scheme, secret: base64Secret, other: otherCode}
	stripe := vendor{scheme: contract.Stripe().Scheme, secret: textSecret, other: otherText}
	github := vendor{scheme: contract.GitHub().Scheme, secret: textSecret, other: otherText}
	slack := vendor{scheme: contract.Slack().Scheme, secret: textSecret, other: otherText}
	shopify := vendor{scheme: contract.Shopify().Scheme, secret: textSecret, other: otherText}
	return []vendor{
		standard.verifiedBy("standardwebhooks").signedBy("standardwebhooks").named("standardwebhooks (npm)"),
		standard.verifiedBy("svix").signedBy("svix").named("svix (npm)"),
		stripe.verifiedBy("stripe").signedBy("stripe").named("stripe (npm)"),
		github.verifiedBy("@octokit/webhooks-methods").signedBy("@octokit/webhooks-methods"),
		slack.verifiedBy("@slack/bolt"),
		shopify.verifiedBy("@shopify/shopify-api"),
	}
}

func (v vendor) named(name string) vendor {
	v.name = name
	return v
}

// verifiedBy returns the vendor with a library that npm/vendors.mjs calls to verify.
func (v vendor) verifiedBy(library string) vendor {
	v.name = library
	v.need = func(t testing.TB) { running(t) }
	v.verify = func(t testing.TB, h http.Header, body []byte) error {
		_, err := v.call(t, call{Library: library, Call: "verify", Headers: inLowerCase(h), Body: body})
		return err
	}
	return v
}

// signedBy returns the vendor with a library that npm/vendors.mjs calls to sign.
func (v vendor) signedBy(library string) vendor {
	v.sign = func(t testing.TB, id string, at time.Time, body []byte) (http.Header, error) {
		return v.call(t, call{Library: library, Call: "sign", ID: id, Timestamp: at.Unix(), Body: body})
	}
	return v
}

// call makes a call with the vendor's secret. Error: the library refuses.
func (v vendor) call(t testing.TB, c call) (http.Header, error) {
	t.Helper()
	c.Secret, c.Body = v.secret, append([]byte{}, c.Body...) // no body is empty, not null
	a, err := running(t).ask(c)
	if err != nil {
		t.Fatalf("calling %s: %v", v.name, err)
	}
	if a.Refused != "" {
		return nil, errors.New(a.Refused)
	}
	h := http.Header{}
	for name, value := range a.Headers {
		h.Set(name, value)
	}
	return h, nil
}

// inLowerCase returns the headers that have a value under their names in lower case.
func inLowerCase(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		if len(values) > 0 {
			out[strings.ToLower(name)] = values
		}
	}
	return out
}
