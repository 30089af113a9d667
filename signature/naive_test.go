package signature_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// naive computes a signature as plainly as can be.
func naive(tb testing.TB, s contract.Scheme, secret, timestamp, id string, body []byte) string {
	tb.Helper()
	key := []byte(secret)
	if s.KeyForm == contract.KeyBase64 {
		var err error
		if key, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, s.KeyPrefix)); err != nil {
			tb.Fatal(err)
		}
	}
	head := strings.NewReplacer("{id}", id, "{timestamp}", timestamp, "{body}", "").Replace(string(s.Content))
	mac := hmac.New(sha256.New, key)
	mac.Write(append([]byte(head), body...))
	if s.Encoding == contract.Base64 {
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// fill puts a signature into the place that is left for it.
func fill(value, signature string) string {
	return strings.NewReplacer("HEX", signature, "BASE64", signature).Replace(value)
}

// sign signs a message.
func sign(tb testing.TB, s contract.Scheme, m signature.Message, texts ...string) []signature.Field {
	tb.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: s, Secrets: secrets(tb, texts...)})
	if err != nil {
		tb.Fatal(err)
	}
	fields, err := signer.Sign(m)
	if err != nil {
		tb.Fatal(err)
	}
	return fields
}

// headerOf returns fields as net/http has them.
func headerOf(fields []signature.Field) http.Header {
	h := http.Header{}
	for _, f := range fields {
		h.Add(f.Name, f.Value)
	}
	return h
}

// verifier returns a verifier with the default window.
func verifier(tb testing.TB, s contract.Scheme, texts ...string) *signature.Verifier {
	tb.Helper()
	v, err := signature.NewVerifier(signature.Options{Scheme: s, Secrets: secrets(tb, texts...)})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
