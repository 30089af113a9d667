package caddymodule_test

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
)

// TestSenderThatDoesNotRead sends a delivery whose answer is large, and reads nothing of it. The delivery is over with the
// time that forward gives it, and so are its claim and its connection.
func TestSenderThatDoesNotRead(t *testing.T) {
	g := newGateway(t)
	gone := make(chan struct{})
	r := newReceiver(t, inTurn(func(w http.ResponseWriter, _ *http.Request) {
		defer close(gone)
		piece := make([]byte, 64<<10)
		for range 2048 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}, status(http.StatusOK)))
	g.load(byForward.siteAt(r.URL+" {\ntimeout 2s\n}", inMemory()))
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(g.dir, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := g.request(event("evt_1")).Write(conn); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the delivery", func() bool { return r.hits.Load() == 1 })
	eventually(t, "the end of the delivery", func() bool {
		return g.metric(`caddy_dari_webhook_in_flight{provider="dari"}`) == "0"
	})
	<-gone
	if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
		t.Errorf("the next attempt: %s", a)
	}
	if n, err := io.Copy(io.Discard, conn); err == nil && n > 64<<20 {
		t.Errorf("the sender has all of the answer: %d bytes", n)
	}
}
