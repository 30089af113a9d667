package gate_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

const nextText = "whsec_fedcba9876543210fedcba9876543210"

// signedByNext is a delivery under a secret that the gate does not have yet.
func signedByNext(t *testing.T, id string) gate.Request {
	t.Helper()
	body := eventBody(id)
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: secrets(t, nextText)})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{Time: time.Now(), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	h := make(http.Header)
	for _, f := range fields {
		h.Set(f.Name, f.Value)
	}
	return gate.Request{Method: http.MethodPost, Header: h, Body: strings.NewReader(body), Length: int64(len(body))}
}

func TestAnnouncedSecretIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, nil)
		g.ExpectSecrets(time.Now().Add(30 * time.Second))
		held := admitLater(t.Context(), g, signedByNext(t, "evt_1"))
		synctest.Wait()
		if g.Stats().InFlight != 1 {
			t.Fatal("the delivery is not held")
		}
		if a := admitted(t, g, delivery(t, "evt_2")); a.Release() != nil { // others go on meanwhile
			t.Error("not released")
		}
		if err := g.SetSecrets(secrets(t, nextText, secretText)); err != nil {
			t.Fatal(err)
		}
		if got := <-held; got.v.Decision != gate.Forward || got.v.Delivery.ID != "evt_1" {
			t.Errorf("%+v, want it forwarded", got.v)
		}
	})
}

func TestAnnouncementEnds(t *testing.T) {
	for name, row := range map[string]struct {
		announced time.Duration
		end       func(g *gate.Gate, cancel func())
		held      time.Duration
	}{
		"by its time":            {10 * time.Second, func(*gate.Gate, func()) {}, 10 * time.Second},
		"after a minute":         {time.Hour, func(*gate.Gate, func()) {}, time.Minute},
		"at once when it is old": {-time.Second, func(*gate.Gate, func()) {}, 0},
		"with the sender":        {10 * time.Second, func(_ *gate.Gate, cancel func()) { cancel() }, 0},
		"with secrets that do not match either": {10 * time.Second, func(g *gate.Gate, _ func()) {
			_ = g.SetSecrets(nil) // refused: nothing changes
		}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, nil)
				g.ExpectSecrets(time.Now().Add(row.announced))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start := time.Now()
				held := admitLater(ctx, g, signedByNext(t, "evt_1"))
				synctest.Wait()
				row.end(g, cancel)
				if got := <-held; got.v.Code != contract.CodeSignatureMismatch || time.Since(start) != row.held {
					t.Errorf("%+v after %s, want a mismatch after %s", got.v, time.Since(start), row.held)
				}
			})
		})
	}
}

// TestHeldRequestsAreBounded shows that forged requests cannot pile up while a rotation is announced.
func TestHeldRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, nil)
		g.ExpectSecrets(time.Now().Add(time.Minute))
		const sent, most = 100, 64
		var held []<-chan answer
		for range sent {
			held = append(held, admitLater(t.Context(), g, signedByNext(t, "evt_1")))
		}
		synctest.Wait()
		if n := g.Stats().InFlight; n != most {
			t.Errorf("%d requests are held, want %d", n, most)
		}
		for _, h := range held {
			if got := <-h; got.v.Code != contract.CodeSignatureMismatch {
				t.Errorf("%+v, want a mismatch", got.v)
			}
		}
		if s := g.Stats(); s.InFlight != 0 || s.BodyBytes != 0 {
			t.Errorf("left over: %+v", s)
		}
	})
}
