package caddymodule_test

import (
	"net/http"
	"testing"
)

// TestDeliveryThatNobodyTakes shows that a delivery with no handler behind the gate is no success, and not remembered.
func TestDeliveryThatNobodyTakes(t *testing.T) {
	for _, row := range []struct {
		name, behind string
		status       int
	}{
		{"ok/an answer", "respond ok", http.StatusOK},
		{"ok/an empty answer", "respond 204", http.StatusNoContent},
		{"fail/nothing", "", http.StatusBadGateway},
		{"fail/another path", "handle /elsewhere {\nrespond ok\n}", http.StatusBadGateway},
		{"fail/a handler that answers nothing", "request_header X-A b", http.StatusBadGateway},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGateway(t)
			g.load(gateBlock(inMemory()) + "\n" + row.behind)
			if got := g.deliver("evt_1").status; got != row.status {
				t.Fatalf("status %d, want %d", got, row.status)
			}
			if row.status != http.StatusBadGateway {
				return
			}
			g.load(gateBlock(inMemory()) + "\nrespond ok")
			if got := g.deliver("evt_1"); got.status != http.StatusOK || got.duplicate() {
				t.Errorf("the retry was answered with %s", got)
			}
		})
	}
}
