package caddymodule_test

import (
	"strings"
	"testing"

	"github.com/darihook/darihook/caddymodule"
)

// TestOptionsAreKnown shows that every option that an error offers is one.
func TestOptionsAreKnown(t *testing.T) {
	t.Parallel()
	if len(caddymodule.Options) < 6 {
		t.Fatalf("%d blocks only", len(caddymodule.Options))
	}
	for block, options := range caddymodule.Options {
		for _, option := range options {
			source := ":80 {\ndari_webhook {\nsecret {env.S}\n" + strings.Replace(block, "…", option, 1) + "\n}\n}"
			if got := adapt(t, source); strings.Contains(got, "unknown") {
				t.Errorf("%s in %q: %s", option, block, got)
			}
		}
	}
}

// TestForgettingTooSoon shows when a configuration is warned of that lets a valid signature outlive the memory of it.
func TestForgettingTooSoon(t *testing.T) {
	const warning = "ttl is shorter than the time in which a signature stays valid"
	for _, row := range []struct {
		name  string
		lines []string
		warns bool
	}{
		{"ok/defaults", []string{inMemory()}, false},
		{"ok/just long enough", []string{inMemory("ttl 10m")}, false},
		{"ok/a narrow window", []string{"tolerance 20s 10s", inMemory("ttl 30s")}, false},
		{"ok/nothing is remembered", []string{"tolerance 1000h", "dedup off"}, false},
		{"ok/nothing is dated", []string{"provider github", inMemory("ttl 1s")}, false},
		{"fail/a second too short", []string{inMemory("ttl 599s")}, true},
		{"fail/a window wider than the default", []string{"tolerance 72h 1s", inMemory()}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			g.load(gateBlock(row.lines...) + "\nrespond ok")
			if log, _ := transcript.since(seen); strings.Contains(log, warning) != row.warns {
				t.Errorf("warned: %v, want %v", !row.warns, row.warns)
			}
		})
	}
}
