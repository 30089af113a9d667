package signature_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/fixtures"
	"github.com/darihook/darihook/signature"
)

// TestVectors judges every vector as far as this package goes: what the method, the length or the body decide must
// have passed here.
func TestVectors(t *testing.T) {
	t.Parallel()
	seen := map[contract.Code]int{}
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			got, err := verifierOf(t, v).Verify(headersOf(v), v.Request.Body, v.Now)
			switch {
			case v.Expect.Verdict == fixtures.Accept:
				if err != nil || got.Secret != *v.Expect.Secret {
					t.Errorf("secret %d, error %v; want secret %d", got.Secret, err, *v.Expect.Secret)
				}
			case decidedHere(v):
				want := &signature.Error{Code: v.Expect.Code}
				if !errors.Is(err, want) {
					t.Errorf("error %v, want %s", err, v.Expect.Code)
				}
			case v.Expect.Matches:
				if err != nil {
					t.Errorf("error %v, want none: the signature is right and the verdict comes from the %s", err, v.Expect.DecidedBy)
				}
			}
		})
		if decidedHere(v) {
			seen[v.Expect.Code]++
		}
	}
	for _, code := range []contract.Code{
		contract.CodeSignatureMissing, contract.CodeSignatureAmbiguous, contract.CodeSignatureMalformed,
		contract.CodeSignatureMismatch, contract.CodeTimestampMissing, contract.CodeTimestampMalformed,
		contract.CodeTimestampStale, contract.CodeTimestampFuture, contract.CodeIDMissing, contract.CodeIDMismatch,
	} {
		if seen[code] == 0 {
			t.Errorf("no vector is refused with %s", code)
		}
	}
}

// decidedHere reports whether a vector is refused by what this package judges.
func decidedHere(v fixtures.Vector) bool {
	return v.Expect.Verdict == fixtures.Refuse &&
		(v.Expect.DecidedBy == fixtures.ByHeaders || v.Expect.DecidedBy == fixtures.BySignature)
}

// vectors returns all vectors.
func vectors(tb testing.TB) []fixtures.Vector {
	tb.Helper()
	all, err := fixtures.Vectors()
	if err != nil || len(all) == 0 {
		tb.Fatalf("%d vectors, error %v", len(all), err)
	}
	return all
}

// verifierOf returns a vector's receiver.
func verifierOf(tb testing.TB, v fixtures.Vector) *signature.Verifier {
	tb.Helper()
	past, future := v.Tolerance.Window()
	verifier, err := signature.NewVerifier(signature.Options{
		Scheme:  v.Scheme,
		Secrets: secrets(tb, v.Secrets...),
		Window:  signature.Window{Past: past, Future: future},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return verifier
}

// secrets returns the secrets of some texts.
func secrets(tb testing.TB, texts ...string) []signature.Secret {
	tb.Helper()
	all := make([]signature.Secret, len(texts))
	for i, text := range texts {
		var err error
		if all[i], err = signature.NewSecret(text); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

// headersOf returns a vector's headers as net/http has them.
func headersOf(v fixtures.Vector) http.Header {
	h := http.Header{}
	for _, line := range v.Request.Headers {
		h.Add(line[0], line[1])
	}
	return h
}
