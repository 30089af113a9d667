package signature_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// neighbors are the schemes of the other platforms whose secrets are shared.
func neighbors() (all []contract.Scheme) {
	for _, p := range contract.Providers()[1:] {
		for _, s := range p.Schemes() {
			if s.Algorithm == contract.HMACSHA256 {
				all = append(all, s)
			}
		}
	}
	return all
}

// neighbor returns one of the neighbors.
func neighbor(tb testing.TB, name string) contract.Scheme {
	tb.Helper()
	for _, s := range neighbors() {
		if s.Name == name {
			return s
		}
	}
	tb.Fatalf("no scheme %s", name)
	return contract.Scheme{}
}

// TestPublishedExamples verifies requests that platforms show in their own documentation and tests.
func TestPublishedExamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scheme, source, secret string
		at                     int64
		header                 map[string]string
		body                   string
	}{
		{
			"github", "GitHub documentation, validating webhook deliveries", "It's a Secret to Everybody", 0,
			map[string]string{"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
			"Hello, World!",
		},
		{
			"slack", "Slack documentation, verifying requests", "8f742231b10e8888abcd99yyyzzz85a5", 1531420618,
			map[string]string{
				"X-Slack-Signature":         "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
				"X-Slack-Request-Timestamp": "1531420618",
			},
			"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar" +
				"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com" +
				"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
		},
		{
			"standard-webhooks", "Standard Webhooks, tests of the reference libraries", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 1614265330,
			map[string]string{
				"Webhook-Id":        "msg_p5jXN8AQM9LWM0D4loKWxJek",
				"Webhook-Timestamp": "1614265330",
				"Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
			},
			`{"test": 2432232314}`,
		},
	} {
		t.Run(c.scheme, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for name, value := range c.header {
				h.Set(name, value)
			}
			v, err := signature.NewVerifier(signature.Options{Scheme: neighbor(t, c.scheme), Secrets: secrets(t, c.secret)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(h, []byte(c.body), time.Unix(c.at, 0))
			if err != nil {
				t.Fatalf("%s: %v", c.source, err)
			}
			if want := h.Get("Webhook-Id"); got.ID != want || !got.Timestamp.IsZero() && got.Timestamp.Unix() != c.at {
				t.Errorf("verified %+v, want id %q and time %d", got, want, c.at)
			}
		})
	}
}

// TestNeighborsOnTheWire holds what the signer writes against what the platforms show.
func TestNeighborsOnTheWire(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]signature.Field{
		"stripe": {{"Stripe-Signature", "t=1767225600,v1=HEX"}},
		"danube": {{"X-Danube-Signature", "t=1767225600,sha256=HEX"}},
		"slack":  {{"X-Slack-Signature", "v0=HEX"}, {"X-Slack-Request-Timestamp", "1767225600"}},
		"github": {{"X-Hub-Signature-256", "sha256=HEX"}, {"X-GitHub-Delivery", "evt_1"}},
		"standard-webhooks": {
			{"Webhook-Signature", "v1,BASE64"}, {"Webhook-Timestamp", "1767225600"}, {"Webhook-Id", "evt_1"},
		},
		"shopify": {{"X-Shopify-Hmac-Sha256", "BASE64"}, {"X-Shopify-Webhook-Id", "evt_1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := neighbor(t, name)
			m := signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0), Body: []byte("{}")}
			got := sign(t, s, m, hidden)
			if len(got) != len(want) {
				t.Fatalf("%d fields, want %d", len(got), len(want))
			}
			expected := naive(t, s, hidden, "1767225600", m.ID, m.Body)
			for i, w := range want {
				if value := fill(w.Value, expected); got[i].Name != w.Name || got[i].Value != value {
					t.Errorf("field %s: %q, want %s: %q", got[i].Name, got[i].Value, w.Name, value)
				}
			}
		})
	}
}
