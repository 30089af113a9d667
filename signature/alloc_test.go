//go:build !race

package signature_test

import (
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/fixtures"
	"github.com/darihook/darihook/signature"
)

// The race detector empties pools at random, so that these tests run without it.

func TestAcceptingAllocatesNothing(t *testing.T) {
	now := time.Unix(1767225600, 0)
	for _, s := range append(contract.Dari().Schemes(), neighbors()...) {
		v := verifier(t, s, hidden, hidden)
		m := signature.Message{ID: "evt_1", Time: now, Body: make([]byte, 1024)}
		h := headerOf(sign(t, s, m, hidden))
		if n := testing.AllocsPerRun(100, func() {
			if _, err := v.Verify(h, m.Body, now); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: Verify allocates %v times", s.Name, n)
		}
		if n := testing.AllocsPerRun(100, func() { inSteps(t, v, h, m.Body, now) }); n != 0 {
			t.Errorf("%s: the steps allocate %v times", s.Name, n)
		}
	}
}

// inSteps judges a request as one who reads the body himself.
func inSteps(t *testing.T, v *signature.Verifier, h signature.Headers, body []byte, now time.Time) {
	t.Helper()
	s, err := v.Parse(h)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Fresh(&s, now); err != nil {
		t.Fatal(err)
	}
	d := v.Digest(&s)
	defer d.Close()
	if _, err := d.Write(body); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.Match(); !ok {
		t.Fatal("no match")
	}
}

func TestRefusingAllocatesNothing(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Expect.Verdict != fixtures.Refuse {
			continue
		}
		verifier, h := verifierOf(t, v), headersOf(v)
		if n := testing.AllocsPerRun(10, func() { _, _ = verifier.Verify(h, v.Request.Body, v.Now) }); n != 0 {
			t.Errorf("%s: refusing allocates %v times", v.Name, n)
		}
	}
}
