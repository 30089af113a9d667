package signature_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// benchmarkSizes are the lengths of bodies in bytes.
var benchmarkSizes = []int{1 << 10, 20 << 10, 256 << 10, 1 << 20}

func BenchmarkVerify(b *testing.B) {
	now := time.Unix(1767225600, 0)
	for _, size := range benchmarkSizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			v, h, body := benchmarkRequest(b, size, hidden)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(h, body, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBareHMAC is what the same bytes cost under crypto/hmac alone.
func BenchmarkBareHMAC(b *testing.B) {
	for _, size := range benchmarkSizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			head, body := []byte("1767225600."), make([]byte, size)
			mac, sum := hmac.New(sha256.New, []byte(hidden)), make([]byte, 0, sha256.Size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				mac.Reset()
				mac.Write(head)
				mac.Write(body)
				sum = mac.Sum(sum[:0])
			}
		})
	}
}

func BenchmarkVerifyTwoSecrets(b *testing.B) {
	now := time.Unix(1767225600, 0)
	v, h, body := benchmarkRequest(b, 1<<10, "whsec_b3RoZXI=", hidden)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(h, body, now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	v, h, _ := benchmarkRequest(b, 0, hidden)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Parse(h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuseMalformed(b *testing.B) {
	v, h, _ := benchmarkRequest(b, 0, hidden)
	h.Set(contract.HeaderSignature, h.Get(contract.HeaderSignature)+",")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Parse(h); err == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkSign(b *testing.B) {
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: secrets(b, hidden)})
	if err != nil {
		b.Fatal(err)
	}
	m := signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0), Body: make([]byte, 1<<10)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Sign(m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExplainNothing is the most that a forged request buys.
func BenchmarkExplainNothing(b *testing.B) {
	for _, size := range benchmarkSizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			_, h, body := benchmarkRequest(b, size, "whsec_b3RoZXI=", hidden)
			known := secrets(b, "not", "known")
			for b.Loop() {
				if len(signature.Explain(contract.Dari().Schemes(), known, h, body, time.Unix(1767225600, 0))) != 0 {
					b.Fatal("found")
				}
			}
		})
	}
}

// benchmarkRequest returns a signed request and a verifier; the last secret signs.
func benchmarkRequest(b *testing.B, size int, known ...string) (*signature.Verifier, http.Header, []byte) {
	b.Helper()
	s := contract.Dari().Scheme
	m := signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0), Body: make([]byte, size)}
	return verifier(b, s, known...), headerOf(sign(b, s, m, known[len(known)-1])), m.Body
}
