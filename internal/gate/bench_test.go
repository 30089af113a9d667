package gate_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// BenchmarkAdmit measures a delivery from its arrival to the record of its outcome, reading the body once as a proxy does;
// with a store in memory and without one.
func BenchmarkAdmit(b *testing.B) {
	for _, size := range []int{1 << 10, 8 << 10, 20 << 10, 256 << 10} {
		for _, store := range []string{"off", "memory"} {
			b.Run(fmt.Sprintf("%s/%dKiB", store, size>>10), func(b *testing.B) {
				g := newGate(b, func(o *gate.Options) {
					if store == "memory" {
						o.Store = newStore(b)
					}
				})
				benchmarkAdmit(b, g, size)
			})
		}
	}
}

func benchmarkAdmit(b *testing.B, g *gate.Gate, size int) {
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: secrets(b, secretText)})
	if err != nil {
		b.Fatal(err)
	}
	filler := strings.Repeat("an argument, ", size/13)
	var body string
	next := func() gate.Request {
		body = `{"id":"evt_` + rand.Text() + `","type":"session.completed","data":{"session_id":"sess_1","text":"` + filler + `"}}`
		fields, err := signer.Sign(signature.Message{Time: time.Now(), Body: []byte(body)})
		if err != nil {
			b.Fatal(err)
		}
		h := make(http.Header)
		for _, f := range fields {
			h.Set(f.Name, f.Value)
		}
		return gate.Request{Method: http.MethodPost, Header: h, Body: strings.NewReader(body), Length: int64(len(body))}
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		r := next()
		b.StartTimer()
		a, v := g.Admit(context.Background(), r)
		if a == nil {
			b.Fatalf("%+v", v)
		}
		if _, err := io.Copy(io.Discard, a.Body()); err != nil {
			b.Fatal(err)
		}
		if err := a.Commit(http.StatusOK); err != nil {
			b.Fatal(err)
		}
	}
}
