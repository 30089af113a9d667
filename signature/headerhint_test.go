package signature_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// TestHeaderHints shows what is told of a request that is refused before its signature could be compared.
func TestHeaderHints(t *testing.T) {
	t.Parallel()
	hex32, base32 := strings.Repeat("0a", 32), strings.Repeat("A", 43)+"="
	const stamp = "1767225600"
	for name, row := range map[string]struct {
		provider contract.Provider
		header   map[string]string
		want     []signature.HeaderHint
	}{
		"ok/as it should be":       {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ",v1=" + hex32}, nil},
		"ok/nothing":               {contract.Dari(), nil, nil},
		"ok/noise":                 {contract.Dari(), map[string]string{contract.HeaderSignature: ",,=;x y"}, nil},
		"ok/two keys of two kinds": {contract.StandardWebhooks(), map[string]string{"Webhook-Signature": "v1," + base32 + " v1a," + strings.Repeat("A", 86) + "=="}, nil},
		"milliseconds":             {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + "000,v1=" + hex32}, []signature.HeaderHint{signature.HintMilliseconds}},
		"milliseconds in a header": {contract.Slack(), map[string]string{"X-Slack-Signature": "v0=" + hex32, "X-Slack-Request-Timestamp": stamp + "000"}, []signature.HeaderHint{signature.HintMilliseconds}},
		"microseconds":             {contract.Stripe(), map[string]string{"Stripe-Signature": "t=" + stamp + "000000,v1=" + hex32}, []signature.HeaderHint{signature.HintFiner}},
		"fraction":                 {contract.Stripe(), map[string]string{"Stripe-Signature": "t=" + stamp + ".25,v1=" + hex32}, []signature.HeaderHint{signature.HintFraction}},
		"date":                     {contract.Slack(), map[string]string{"X-Slack-Request-Timestamp": "2026-01-01T00:00:00Z", "X-Slack-Signature": "v0=" + hex32}, []signature.HeaderHint{signature.HintDate}},
		"blank behind the comma":   {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ", v1=" + hex32}, []signature.HeaderHint{signature.HintBlank}},
		"blank and milliseconds":   {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + "000, v1=" + hex32}, []signature.HeaderHint{signature.HintMilliseconds, signature.HintBlank}},
		"base64":                   {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ",v1=" + base32}, []signature.HeaderHint{signature.HintBase64}},
		"capitals":                 {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ",v1=" + strings.ToUpper(hex32)}, []signature.HeaderHint{signature.HintUpperHex}},
		"hex":                      {contract.Shopify(), map[string]string{"X-Shopify-Hmac-Sha256": hex32}, []signature.HeaderHint{signature.HintHex}},
		"another tag":              {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ",sha256=" + hex32}, []signature.HeaderHint{signature.HintTag}},
		"no tag":                   {contract.GitHub(), map[string]string{"X-Hub-Signature-256": hex32}, []signature.HeaderHint{signature.HintTag}},
		"sha1":                     {contract.GitHub(), map[string]string{"X-Hub-Signature-256": "sha1=" + strings.Repeat("0a", 20)}, []signature.HeaderHint{signature.HintSHA1}},
		"sha1 alone":               {contract.GitHub(), map[string]string{"X-Hub-Signature": "sha1=" + strings.Repeat("0a", 20)}, []signature.HeaderHint{signature.HintSHA1}},
		"sha1 under another tag":   {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ",v1=" + strings.Repeat("0a", 20)}, []signature.HeaderHint{signature.HintSHA1}},
		"sha512":                   {contract.Dari(), map[string]string{contract.HeaderSignature: "t=" + stamp + ",v1=" + strings.Repeat("0a", 64)}, []signature.HeaderHint{signature.HintSHA512}},
		"svix":                     {contract.StandardWebhooks(), map[string]string{"Svix-Signature": "v1," + base32, "Svix-Timestamp": stamp}, []signature.HeaderHint{signature.HintSvix}},
		"another provider":         {contract.Dari(), map[string]string{"Stripe-Signature": "t=" + stamp + ",v1=" + hex32}, []signature.HeaderHint{"the request is signed as those of another provider are: provider stripe"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for name, value := range row.header {
				h.Set(name, value)
			}
			if got := signature.HeaderHints(row.provider.Scheme, h); !slices.Equal(got, row.want) {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}

// FuzzHeaderHints shows that no header, however odd, ends up in a hint, and that their number is bounded.
func FuzzHeaderHints(f *testing.F) {
	for _, seed := range []string{"t=1,v1=00", "sha1=00", "v1,AAAA v1a,AAAA", ", ,", "\xff=\x00"} {
		f.Add(seed)
	}
	known := map[signature.HeaderHint]bool{}
	for _, hint := range []signature.HeaderHint{signature.HintMilliseconds, signature.HintFiner, signature.HintFraction, signature.HintDate, signature.HintBlank,
		signature.HintBase64, signature.HintUpperHex, signature.HintHex, signature.HintSHA1, signature.HintSHA512, signature.HintTag, signature.HintSvix} {
		known[hint] = true
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, p := range contract.Providers() {
			h := http.Header{}
			for _, name := range []string{p.Scheme.Header, p.Scheme.TimestampHeader} {
				if name != "" {
					h.Set(name, line)
				}
			}
			got := signature.HeaderHints(p.Scheme, h)
			for _, hint := range got {
				if !known[hint] && !strings.HasPrefix(string(hint), "the request is signed as those of another provider are: ") {
					t.Errorf("%q", hint)
				}
			}
			if len(got) > len(known) {
				t.Errorf("%d hints", len(got))
			}
		}
	})
}
