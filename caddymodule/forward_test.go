package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

// TestForwardIsBusy shows what a sender is told while all connections to the receiver are in use.
func TestForwardIsBusy(t *testing.T) {
	g := newGateway(t)
	reached, proceed := make(chan struct{}, 1), make(chan struct{})
	r := newReceiver(t, func(http.ResponseWriter, *http.Request) {
		reached <- struct{}{}
		<-proceed
	})
	g.load(byForward.siteAt(r.URL+" {\nmax_conns_per_host 1\ndial_timeout 100ms\n}", inMemory()))
	first := make(chan answer)
	req := g.request(event("evt_1"))
	go func() {
		a, _ := sendBy(g.client, req)
		first <- a
	}()
	<-reached
	if a := g.deliver("evt_2"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.code() != "" {
		t.Errorf("%s, Retry-After %q", a, a.header.Get("Retry-After"))
	}
	close(proceed)
	if a := <-first; a.status != http.StatusOK {
		t.Errorf("the first: %s", a)
	}
	if a := g.deliver("evt_2"); a.status != http.StatusOK || a.duplicate() {
		t.Errorf("the next attempt: %s", a)
	}
}

// TestForwardTakesLongHeaders shows that the longest header of an answer is a setting, which the log names.
func TestForwardTakesLongHeaders(t *testing.T) {
	g := newGateway(t)
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		size := 40 << 10
		if req.Header.Get(contract.HeaderID) == "evt_large" {
			size = 80 << 10
		}
		w.Header().Set("X-Large", strings.Repeat("x", size))
	})
	g.load(byForward.siteAt(r.URL+" {\nmax_response_header 64KiB\n}", inMemory()))
	if a := g.deliver("evt_1"); a.status != http.StatusOK || len(a.header.Get("X-Large")) != 40<<10 {
		t.Errorf("%d with %d bytes", a.status, len(a.header.Get("X-Large")))
	}
	_, seen := transcript.since(0)
	if a := g.deliver("evt_large"); a.status != http.StatusBadGateway {
		t.Errorf("%s", a)
	}
	eventually(t, "the option's name in the log", func() bool {
		log, _ := transcript.since(seen)
		return strings.Contains(log, "raise max_response_header")
	})
}
