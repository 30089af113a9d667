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

// forged is a request that no secret has signed, with a body of some length.
func forged(t *testing.T, length int) gate.Request {
	t.Helper()
	r := signedByNext(t, "evt_1")
	r.Body, r.Length = strings.NewReader(strings.Repeat(" ", length)), int64(length)
	return r
}

// TestHeldRequestsAreBounded shows that forged requests cannot pile up while a rotation is announced, nor take the memory of
// deliveries that match, and that whoever finds no place is asked to come again.
func TestHeldRequestsAreBounded(t *testing.T) {
	for name, row := range map[string]struct {
		sent, length int
		held         int
	}{
		"small ones by their number":      {1100, 100, 1024},
		"large ones by their share":       {20, 1 << 20, 16}, // buffers of 1 MiB in a quarter of 64 MiB
		"one that is larger than a share": {2, 20 << 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(t, func(o *gate.Options) { o.MaxBody, o.BodyBudget = 30<<20, 64<<20 })
				g.ExpectSecrets(time.Now().Add(time.Minute))
				answers := make(chan gate.Verdict, row.sent)
				for range row.sent {
					r := forged(t, row.length)
					go func() {
						_, v := g.Admit(t.Context(), r)
						answers <- v
					}()
				}
				synctest.Wait()
				if n := g.Stats().InFlight; n != int64(row.held) {
					t.Errorf("%d requests are held, want %d", n, row.held)
				}
				for range row.sent - row.held {
					if v := <-answers; v.Code != contract.CodeOverloaded || v.RetryAfter == 0 {
						t.Errorf("%+v, want it asked to come again", v)
					}
				}
				if a := admitted(t, g, delivery(t, "evt_2")); a.Release() != nil { // what matches goes on meanwhile
					t.Error("not released")
				}
				for range row.held {
					if v := <-answers; v.Code != contract.CodeSignatureMismatch {
						t.Errorf("%+v, want a mismatch", v)
					}
				}
				if s := g.Stats(); s.InFlight != 0 || s.BodyBytes != 0 {
					t.Errorf("left over: %+v", s)
				}
			})
		})
	}
}

// TestPlacesAreGivenBack shows that a flood does not outlast the secrets that it waited for.
func TestPlacesAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, nil)
		for range 2 {
			g.ExpectSecrets(time.Now().Add(time.Minute))
			done := make(chan struct{})
			for range 1024 {
				r := forged(t, 100)
				go func() {
					g.Admit(t.Context(), r)
					done <- struct{}{}
				}()
			}
			synctest.Wait()
			refused(t, g, signedByNext(t, "evt_1"), contract.CodeOverloaded)
			if err := g.SetSecrets(secrets(t, secretText)); err != nil {
				t.Fatal(err)
			}
			for range 1024 {
				<-done
			}
		}
		if err := g.SetSecrets(secrets(t, nextText, secretText)); err != nil {
			t.Fatal(err)
		}
		if a := admitted(t, g, signedByNext(t, "evt_1")); a.Release() != nil {
			t.Error("not released")
		}
	})
}
