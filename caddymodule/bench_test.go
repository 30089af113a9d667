package caddymodule_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// BenchmarkServe measures a delivery on its way through Caddy's server, the gate and a handler that answers at once.
func BenchmarkServe(b *testing.B) {
	const secret = "whsec_0123456789abcdef0123456789abcdef"
	b.Setenv(secretEnv, secret)
	b.Setenv("XDG_DATA_HOME", b.TempDir())
	caddyfile := "{\nadmin off\npersist_config off\nlog {\noutput discard\n}\n}\nhttp://gate.test {\nbind unix/" +
		filepath.Join(b.TempDir(), "s") + "\n" + gateBlock(inMemory()) + "\nrespond 200\n}\n"
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = caddy.Stop() })
	app, err := caddy.ActiveContext().App("http")
	if err != nil {
		b.Fatal(err)
	}
	server := app.(*caddyhttp.App).Servers["srv0"]
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{newSecret(b, secret)}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		body := event("evt_" + rand.Text())
		fields, err := signer.Sign(signature.Message{Time: time.Now(), Body: []byte(body)})
		if err != nil {
			b.Fatal(err)
		}
		ctx, done := context.WithCancel(b.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/hook", strings.NewReader(body))
		r.Host = "gate.test"
		for _, f := range fields {
			r.Header.Set(f.Name, f.Value)
		}
		w := httptest.NewRecorder()
		b.StartTimer()
		server.ServeHTTP(w, r)
		done() // as net/http does behind a handler
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
