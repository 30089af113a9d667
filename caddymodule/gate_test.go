package caddymodule_test

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

func TestDeliveryReachesTheReceiverOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte("thanks"))
		})
		g.load(by.site(r, inMemory()))
		if a := g.deliver("evt_1"); a.status != http.StatusAccepted || a.body != "thanks" || a.duplicate() {
			t.Errorf("first copy: %s", a)
		}
		if a := g.deliver("evt_1"); a.status != http.StatusAccepted || a.body != "" || !a.duplicate() {
			t.Errorf("second copy: %s", a)
		}
		if n := r.hits.Load(); n != 1 {
			t.Errorf("the receiver was called %d times", n)
		}
		if got := string(r.last(t).body); got != event("evt_1") {
			t.Errorf("the receiver got %q", got)
		}
	})
}

// TestVouching holds clause GATE-003: the receiver reads the gate's headers and nobody else's.
func TestVouching(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, nil)
		g.load(by.site(r, inMemory()))
		req := g.request(event("evt_1"))
		maps.Copy(req.Header, map[string][]string{
			"Dari-Webhook-Verified": {"true", "yes"},
			"dari-webhook-verified": {"raw"},
			"Dari-Webhook-Event":    {"tool.call_requested"},
			"Dari_Webhook_Verified": {"true"},
			"DARI-WEBHOOK_EVENT":    {"x"},
			"Dari.Webhook.Id":       {"evt_2"},
		})
		req.Trailer = http.Header{"Dari-Webhook-Verified": {"true"}, "Dari-Webhook-Id": {"evt_2"}, "X-Checksum": {"1"}}
		req.ContentLength = -1
		stamp := req.Header.Get(contract.HeaderTimestamp)
		if a := g.send(req); a.status != http.StatusOK {
			t.Fatalf("%s", a)
		}
		got := r.last(t)
		for name, want := range map[string]string{
			contract.HeaderVerified: "true", contract.HeaderID: "evt_1",
			contract.HeaderEvent: "session.completed", contract.HeaderTimestamp: stamp,
		} {
			if values := got.header[name]; len(values) != 1 || values[0] != want {
				t.Errorf("%s: %q, want %q", name, values, want)
			}
		}
		for name := range got.header {
			if strings.ContainsAny(name, "_.") {
				t.Errorf("the receiver got %s", name)
			}
		}
		if len(got.trailer) != 1 || got.trailer.Get("X-Checksum") != "1" {
			t.Errorf("trailers %v, want X-Checksum alone", got.trailer)
		}
	})
}

// TestTrailersThatAreNone reach nobody, and keep no delivery from the receiver. The sender of the test writes them by itself,
// since a client would not.
func TestTrailersThatAreNone(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, nil)
		g.load(by.site(r, inMemory()))
		body := event("evt_1")
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(g.dir, "gate"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: gate.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n%s: %s\r\n\r\n%x\r\n%s\r\n0\r\n%s\r\n\r\n",
			contract.HeaderSignature, g.request(body).Header.Get(contract.HeaderSignature), len(body), body,
			"X-Checksum: 1\r\nContent-Length: 3\r\nAuthorization: x\r\nDari-Webhook-Id : evt_2\r\nDari-Webhook-Verified : no\r\nX Y: 1")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
		got := r.last(t)
		if got.header.Get(contract.HeaderID) != "evt_1" || got.header.Get(contract.HeaderVerified) != "true" {
			t.Errorf("headers %v", got.header)
		}
		if len(got.trailer) != 1 || got.trailer.Get("X-Checksum") != "1" {
			t.Errorf("trailers %v, want X-Checksum alone", got.trailer)
		}
	})
}

// TestConnectionFieldCannotTakeTheVouchingAway names the gate's fields as those of a connection, which proxies drop.
func TestConnectionFieldCannotTakeTheVouchingAway(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		g, r := newGateway(t), newReceiver(t, nil)
		g.load(by.site(r, inMemory()))
		req := g.request(event("evt_1"))
		req.Header.Set("Connection", "x-other, dari-webhook-verified,DARI-WEBHOOK-ID")
		if a := g.send(req); a.status != http.StatusOK {
			t.Fatalf("%s", a)
		}
		got := r.last(t).header
		if got.Get(contract.HeaderVerified) != "true" || got.Get(contract.HeaderID) != "evt_1" {
			t.Errorf("the receiver got %v", got)
		}
	})
}

func TestWithoutDedupEveryCopyIsForwarded(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock("dedup off") + "\n" + r.proxy())
	for range 3 {
		if a := g.deliver("evt_1"); a.status != http.StatusOK || a.duplicate() {
			t.Errorf("%s", a)
		}
	}
	if n := r.hits.Load(); n != 3 {
		t.Errorf("the receiver was called %d times, want 3", n)
	}
}

func TestDefaultStoreIsOnDisk(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	site := gateBlock() + "\n" + r.proxy()
	g.load(site)
	g.deliver("evt_1")
	g.load("respond gone") // lets go of the store
	g.load(site)
	if a := g.deliver("evt_1"); !a.duplicate() {
		t.Errorf("after opening the store again: %s", a)
	}
	if g.metric(`caddy_dari_webhook_store_ids{state="done",store="disk"}`) != "1" {
		t.Error("the store on disk does not show in the metrics")
	}
}

func TestObserving(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock("observe", "max_body 1KiB") + "\n" + r.proxy())
	long := strings.Repeat("x", 5000)
	forged := g.request(event("evt_1"))
	forged.Header.Set(contract.HeaderSignature, "t=1,v1=00")
	forged.Header.Set(contract.HeaderVerified, "true")
	forged.Header.Set(contract.HeaderID, "evt_9")
	unsigned := g.request(event("evt_1"))
	unsigned.Header.Del(contract.HeaderSignature) // refused unread, so that its trailer is still to come
	unsigned.ContentLength = -1
	unsigned.Trailer = http.Header{contract.HeaderVerified: {"true"}, contract.HeaderEvent: {"x"}, "X-Checksum": {"1"}}
	for name, row := range map[string]struct {
		req        *http.Request
		code, body string
	}{
		"ok/verified":   {g.request(event("evt_1")), "", event("evt_1")},
		"ok/again":      {g.request(event("evt_1")), "", event("evt_1")},
		"fail/forged":   {forged, "signature_malformed", event("evt_1")},
		"fail/unsigned": {unsigned, "signature_missing", event("evt_1")},
		"fail/too big":  {g.request(long), "body_too_large", long},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.send(row.req)
			if a.status != http.StatusOK || a.code() != "" || a.duplicate() {
				t.Fatalf("%s, want the receiver's answer", a)
			}
			got := r.last(t)
			if string(got.body) != row.body {
				t.Errorf("the receiver got %d bytes, want %d", len(got.body), len(row.body))
			}
			if v := got.header.Get(contract.HeaderVerified); v != "" {
				t.Errorf("vouched with %q", v)
			}
			if got.trailer.Get(contract.HeaderVerified) != "" || got.trailer.Get(contract.HeaderEvent) != "" {
				t.Errorf("vouched with trailers %v", got.trailer)
			}
			if id := got.header.Get(contract.HeaderID); id != row.req.Header.Get(contract.HeaderID) {
				t.Errorf("id header %q was changed", id)
			}
		})
	}
	if got := g.metric(`caddy_dari_webhook_requests_total{code="signature_malformed",decision="observed",provider="dari"}`); got != "1" {
		t.Errorf("observed refusals: %q, want 1", got)
	}
}

// TestPlaceholdersAndMatcher shows what a route can know of a delivery.
func TestPlaceholdersAndMatcher(t *testing.T) {
	g := newGateway(t)
	const facts = `"{http.dari_webhook.id} {http.dari_webhook.event} {http.dari_webhook.session_id} {http.dari_webhook.agent_id}` +
		` [{http.dari_webhook.batch_id}] {http.dari_webhook.verified} {http.dari_webhook.duplicate} [{http.dari_webhook.code}] {http.dari_webhook.timestamp}"`
	g.load(`route {
		@early dari_event session.completed
		respond @early "too early"
		` + gateBlock("dedup off") + `
		@sessions dari_event session.completed session.failed
		respond @sessions ` + facts + `
		respond "other"
	}
	handle_errors {
		respond "{http.dari_webhook.code} {http.dari_webhook.verified} [{http.dari_webhook.id}]"
	}`)
	req := g.request(event("evt_1"))
	want := "evt_1 session.completed sess_1 agt_1 [] true false [] " + req.Header.Get(contract.HeaderTimestamp)
	if a := g.send(req); a.body != want {
		t.Errorf("%q, want %q", a.body, want)
	}
	if a := g.send(g.request(`{"id":"evt_2","type":"tool.call_requested"}`)); a.body != "other" {
		t.Errorf("another type: %q", a.body)
	}
	if a := g.send(g.request(`{"id":"evt_2"}`)); a.body != "other" {
		t.Errorf("no type: %q", a.body)
	}
	if a := g.send(g.request(`{"id":1}`)); a.body != "id_missing false []" {
		t.Errorf("refused: %q", a.body)
	}
}
