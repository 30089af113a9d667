package signature_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// The vectors judge headers of Dari's schemes; these are those of other grammars.
func TestParseOtherGrammars(t *testing.T) {
	t.Parallel()
	const right, upper = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "757107EA0EB2509FC211221CCE984B8A37570B6D7586C22C46F4379C8B043E17"
	lower := strings.ToLower(upper)
	for name, c := range map[string]struct {
		scheme, line string
		want         error
	}{
		"ok/list of blanks":          {"standard-webhooks", "v1," + right, nil},
		"ok/two in list of blanks":   {"standard-webhooks", "v1," + right + " v1," + right, nil},
		"ok/asymmetric beside":       {"standard-webhooks", "v1a,ed25519== v1," + right, nil},
		"fail/two blanks":            {"standard-webhooks", "v1," + right + "  v1," + right, signature.ErrMalformed},
		"fail/asymmetric only":       {"standard-webhooks", "v1a,ed25519==", signature.ErrMissing},
		"fail/padding bits":          {"standard-webhooks", "v1," + strings.Replace(right, "E=", "F=", 1), signature.ErrMalformed},
		"fail/no padding":            {"standard-webhooks", "v1," + strings.TrimSuffix(right, "="), signature.ErrMalformed},
		"fail/two padded":            {"standard-webhooks", "v1," + right[:42] + "==", signature.ErrMalformed},
		"fail/URL alphabet":          {"standard-webhooks", "v1," + strings.Replace(right, "+", "-", 1), signature.ErrMalformed},
		"fail/hex in base64":         {"standard-webhooks", "v1," + lower, signature.ErrMalformed},
		"ok/bare":                    {"shopify", right, nil},
		"fail/bare with newline":     {"shopify", right[:20] + "\n" + right[21:], signature.ErrMalformed},
		"fail/bare with 4 newlines":  {"shopify", right[:20] + "\n\n\n\n" + right[24:], signature.ErrMalformed},
		"fail/bare with more":        {"shopify", right + "A", signature.ErrMalformed},
		"fail/bare with blank":       {"shopify", right + " ", signature.ErrMalformed},
		"fail/bare with tag":         {"shopify", "v1=" + right, signature.ErrMalformed},
		"ok/one item":                {"github", "sha256=" + lower, nil},
		"fail/one item in capitals":  {"github", "sha256=" + upper, signature.ErrMalformed},
		"fail/list where one is due": {"github", "sha256=" + lower + ",sha256=" + lower, signature.ErrMalformed},
		"fail/older hash":            {"github", "sha1=" + lower[:40], signature.ErrMissing},
		"fail/no tag":                {"github", lower, signature.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := neighbor(t, c.scheme)
			h := http.Header{}
			h.Set(s.Header, c.line)
			setIfNotEmpty(h, s.TimestampHeader, "1767225600")
			setIfNotEmpty(h, s.IDHeader, "msg_1")
			if _, err := verifier(t, s, hidden).Parse(h); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// TestFirstFaultIsReported makes two faults of one code.
func TestFirstFaultIsReported(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("v1="+strings.Repeat("0", 64)+",", contract.MaxSignatures+1)
	for line, want := range map[string]string{
		many + "v1=00":   "more than 16 signatures",
		many:             "more than 16 signatures",
		"v1=00," + many:  "a signature is not written in the scheme's encoding or has another length",
		"," + many:       "the signature header is not a list of tagged values",
		",v1=00":         "the signature header is not a list of tagged values",
		"v1=00,":         "a signature is not written in the scheme's encoding or has another length",
		"v1=00,t=1,t=1,": "the timestamp is given more than once",
	} {
		_, err := verifier(t, contract.Dari().Scheme, hidden).Parse(http.Header{contract.HeaderSignature: {line}})
		if err == nil || !strings.HasSuffix(err.Error(), ": "+want) {
			t.Errorf("%q: error %v, want %s", line, err, want)
		}
	}
}
