package examples_test

import (
	"bytes"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Run(m, "caddy")) }

// TestBehindTheGate runs the receiver that trusts the gate behind the real one.
func TestBehindTheGate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, http.StatusInternalServerError) // the first result fails, and with it the first attempt
	receiver, _ := behindGate.start(t)
	gate := programs.Gate(t, receiver, secret)

	good := func() *request { return sign(p.toolCall("evt_gate"), time.Now(), secret) }
	if got := good().send(t, gate); got != http.StatusServiceUnavailable || p.count() != 1 {
		t.Errorf("the attempt that fails got %d after %d results, want 503 after 1", got, p.count())
	}
	for attempt := range 3 {
		if got := good().send(t, gate); got != http.StatusOK || p.count() != 2 {
			t.Errorf("attempt %d got %d after %d results, want 200 after 2", attempt+2, got, p.count())
		}
	}

	forged := sign(p.toolCall("evt_forged"), time.Now(), secondSecret)
	vouching := &request{http.MethodPost, http.Header{
		contract.HeaderVerified: {"true"}, contract.HeaderID: {"evt_forged"}, contract.HeaderEvent: {contract.ToolCallRequested},
	}, bytes.NewReader(p.toolCall("evt_forged"))}
	for name, r := range map[string]*request{
		"forged":            forged,
		"stale":             sign(p.toolCall("evt_forged"), time.Now().Add(-time.Hour), secret),
		"vouches by itself": vouching,
	} {
		if got := r.send(t, gate); got != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", name, got)
		}
	}
	if p.count() != 2 {
		t.Errorf("%d results, want 2: nothing that the gate refuses has an effect", p.count())
	}
}
