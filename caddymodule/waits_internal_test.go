package caddymodule

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/forward"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/internal/secretfile"
)

// TestDocumentedWaits holds the table of waits to the constants. Package gate holds the row that is its own.
func TestDocumentedWaits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## How long anything waits\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section = strings.Join(strings.Fields(section), " ") // lines may be broken anywhere
	for what, said := range map[string]string{
		"a body":              "the gate for a body | `body_timeout`, " + short(defaultBodyTimeout) + " |",
		"a refused body":      "so that its sender reads why | " + short(lingerTime) + " |",
		"the store":           "one question to the store | `timeout`, " + short(gate.DefaultStoreTimeout) + " |",
		"a start":             "while Caddy starts its configuration | " + short(startTime) + " |",
		"a close":             "or to open it again | " + short(closeTime) + " |",
		"a copy":              "a copy for the delivery in flight | `in_flight wait`, " + short(gate.DefaultWait) + " |",
		"a dead claim":        "its claim | `lease`, " + short(gate.DefaultLease) + " |",
		"a connection":        "a connection to the receiver | `dial_timeout`, " + short(forward.DefaultDialTimeout) + " |",
		"a receiver":          "to the end of its answer | `timeout`, " + short(forward.DefaultTimeout) + " |",
		"handlers":            "whose own timeouts should be shorter | " + short(longestWork) + " |",
		"a sender":            "does not read its answer | " + short(senderPatience) + " for each piece",
		"a file":              "or a certificate to be read | " + short(secretfile.ReadTime) + ";",
		"a pending commit":    "a commit in the background | `ttl`, " + short(gate.DefaultTTL) + " |",
		"a pending release":   "a claim in the background | " + short(gate.ReleaseTime) + " |",
		"the grace period":    "`grace_period` less " + short(leaveEarly) + " (a quarter of a period shorter than " + short(4*leaveEarly) + ")",
		"stores at the exit":  "but stores that close, for " + short(leaveStores) + " at most.",
		"no grace period":     "whose senders have hung up " + short(leaveUnwatched) + ".",
		"the one that fits":   "set `grace_period " + short(5*time.Second-leaveEarly) + "`",
		"an announced secret": "announces](providers.md#rotating-a-secret) | " + short(gate.MaxExpectation) + " |",
	} {
		if !strings.Contains(section, said) {
			t.Errorf("%s: docs/operations.md does not say %q", what, said)
		}
	}
}

// short writes a duration as the docs do.
func short(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d%unit.of == 0 {
			return fmt.Sprintf("%d%s", d/unit.of, unit.name)
		}
	}
	return d.String()
}

// TestDocumentedForward holds the README's defaults of forward to the constants.
func TestDocumentedForward(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for option, value := range map[string]string{
		"max_conns_per_host": fmt.Sprintf("(%d)", forward.DefaultMaxConns), "timeout": "(`" + short(forward.DefaultTimeout) + "`)",
		"dial_timeout": "(`" + short(forward.DefaultDialTimeout) + "`)", "keepalive": "(`" + short(forward.DefaultKeepAlive) + "`)",
		"max_response_header": fmt.Sprintf("(`%dMiB`)", forward.DefaultMaxHeader>>20),
	} {
		if said := "`" + option + "` " + value; !strings.Contains(string(text), said) {
			t.Errorf("the README does not say %s", said)
		}
	}
}
