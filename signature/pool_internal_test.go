package signature

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// TestPooledStatesHoldNothing looks into what a closed digest leaves behind.
func TestPooledStatesHoldNothing(t *testing.T) {
	t.Parallel()
	secret, err := NewSecret("whsec_cG9vbGVkLXBvb2xlZC1wb29sZWQtcG9vbGVkIQ==")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := contract.Dari().SchemeFor("dari-id")
	signer, err := NewSigner(SignerOptions{s, []Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := signer.Sign(Message{"evt_residue", time.Unix(1767225600, 0), []byte("body")})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	v, err := NewVerifier(Options{Scheme: s, Secrets: []Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := v.Parse(h)
	if err != nil {
		t.Fatal(err)
	}
	d := v.Digest(&parsed)
	st := d.state
	_, _ = d.Write([]byte("body"))
	if _, ok := d.Match(); !ok || st.sum == [maxSize]byte{} || len(st.head) == 0 {
		t.Fatal("the digest was not used, so that nothing could be left behind")
	}
	d.Close()
	if st.count != 0 || st.values != parsedZero.values || st.sum != [maxSize]byte{} {
		t.Error("signatures are left in the state")
	}
	if head := st.head[:cap(st.head)]; !bytes.Equal(head, make([]byte, len(head))) {
		t.Errorf("%q is left in the state", head)
	}
	fresh := newState(nil, contract.HMACSHA256, [][]byte{[]byte(secret.reveal())})
	if !bytes.Equal(st.macs[0].Sum(nil), fresh.macs[0].Sum(nil)) {
		t.Error("the body is left in the hash")
	}
}

var parsedZero Signature

func TestPlanKeepsTheGrammarOfHeaders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"dari-webhook-signature": "Dari-Webhook-Signature",
		"X-GitHub-Delivery":      "X-Github-Delivery",
		"x-hub-signature-256":    "X-Hub-Signature-256",
		"STRIPE":                 "Stripe",
		"":                       "",
	} {
		if got := canonicalName(name); got != want || got != http.CanonicalHeaderKey(name) {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}
