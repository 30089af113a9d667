package vendortest

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// vendor is a library.
type vendor struct {
	name   string
	scheme contract.Scheme
	// secret signs, and other is one that nobody expects.
	secret, other string
	// need ends the test where the library cannot run here; nil: it always can.
	need func(t testing.TB)
	// verify judges a request by the library and the real clock.
	verify func(t testing.TB, h http.Header, body []byte) error
	// sign signs by the library; nil where it cannot. Error: the library does not sign such a body.
	sign func(t testing.TB, id string, at time.Time, body []byte) (http.Header, error)
}

// The secrets are made up and open nothing.
const (
	textSecret, otherText   = "whsec_5c0ffee15b0a7ab1e5eed", "whsec_0ddba11deadbeefcafe0"
	base64Secret, otherCode = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

// vendors lists the libraries.
func vendors(t testing.TB) []vendor {
	t.Helper()
	return slices.Concat(goLibraries(t), npmLibraries())
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
