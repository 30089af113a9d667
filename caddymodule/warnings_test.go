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

// TestSettingsThatAreWarnedOf shows what works and is told of all the same, each with settings that just do not call for it.
func TestSettingsThatAreWarnedOf(t *testing.T) {
	for _, row := range []struct {
		name    string
		lines   []string
		warning string
		warns   bool
	}{
		{"ok/max_body of a kilobyte", []string{"max_body 1KiB"}, "max_body is so small", false},
		{"fail/max_body below", []string{"max_body 1023"}, "max_body is so small", true},
		{"ok/body_budget for two", []string{"body_budget 22MiB"}, "body_budget holds one body", false},
		{"fail/body_budget for one", []string{"body_budget 21MiB"}, "body_budget holds one body", true},
		{"fail/max_body beyond the default budget", []string{"max_body 130MiB"}, "body_budget holds one body", true},
		{"ok/small bodies", []string{"max_body 64KiB", "body_budget 128KiB"}, "body_budget holds one body", false},
		{"ok/body_timeout of a second", []string{"body_timeout 1s"}, "body_timeout is less", false},
		{"fail/body_timeout below", []string{"body_timeout 999ms"}, "body_timeout is less", true},
		{"ok/tolerance ahead of a second", []string{"tolerance 5m 1s"}, "tolerance ahead", false},
		{"fail/tolerance ahead below", []string{"tolerance 5m 900ms"}, "tolerance ahead", true},
		{"ok/lease as usual", []string{inMemory()}, "lease is so", false},
		{"ok/lease beside the timeout", []string{inMemory("lease 376ms")}, "lease is so short", false},
		{"fail/lease below", []string{inMemory("lease 375ms")}, "lease is so short", true},
		{"fail/timeout above", []string{inMemory("timeout 20s")}, "lease is so short", true},
		{"ok/lease of an hour", []string{inMemory("lease 1h")}, "lease is so long", false},
		{"fail/lease above", []string{inMemory("lease 61m")}, "lease is so long", true},
		{"ok/wait as long as the lease", []string{inMemory("in_flight wait 30s")}, "in_flight wait is longer", false},
		{"ok/wait that is not set", []string{inMemory("lease 5s")}, "in_flight wait is longer", false},
		{"fail/wait above", []string{inMemory("in_flight wait 31s")}, "in_flight wait is longer", true},
		{"ok/success and a conflict", []string{inMemory("success 200 409")}, "success has", false},
		{"fail/success of conflicts alone", []string{inMemory("success 409")}, "success has no status of 2xx", true},
		{"fail/success of a class of errors", []string{inMemory("success 2xx 5xx")}, "success has a status of 5xx", true},
		{"fail/success of an error", []string{inMemory("success 2xx 501")}, "success has a status of 5xx", true},
		{"ok/nothing is remembered", []string{"dedup off"}, "lease is so", false},
		{"ok/max_ids of a thousand", []string{inMemory("max_ids 1000")}, "max_ids is so small", false},
		{"fail/max_ids below in memory", []string{inMemory("max_ids 999")}, "max_ids is so small", true},
		{"ok/max_ids that the disk holds", []string{"dedup disk {\nmax_ids 1000\n}"}, "disk has too little space", false},
		{"fail/max_ids beyond the disk", []string{"dedup disk {\nmax_ids 1000000000000000\n}"}, "disk has too little space", true},
		{"fail/max_ids below on disk", []string{"dedup disk {\nmax_ids 999\n}"}, "max_ids is so small", true},
		{"ok/forward for a second", []string{"dedup off", "forward a:1 {\ntimeout 1s\nkeepalive 1s\n}"}, "less than a second", false},
		{"ok/tolerance that counts", []string{inMemory(), "tolerance 5m"}, "tolerance has no effect", false},
		{"fail/tolerance of nothing", []string{inMemory(), "provider github", "tolerance 5m"}, "tolerance has no effect", true},
		{"ok/nothing is forwarded", []string{inMemory()}, "forward takes every delivery", false},
		{"fail/forward with something behind", []string{inMemory(), "forward a:1"}, "forward takes every delivery", true},
		{"fail/forward for less", []string{"dedup off", "forward a:1 {\ntimeout 999ms\n}"}, "forward timeout is less", true},
		{"fail/forward kept for less", []string{"dedup off", "forward a:1 {\nkeepalive 1ms\n}"}, "forward keepalive is less", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			g.load(gateBlock(row.lines...) + "\nrespond ok")
			if log, _ := transcript.since(seen); strings.Contains(log, row.warning) != row.warns {
				t.Errorf("warned: %v, want %v", !row.warns, row.warns)
			}
		})
	}
}

// TestMisspeltEventType shows that a type which matches nothing is told of where it is nearly another.
func TestMisspeltEventType(t *testing.T) {
	for eventType, near := range map[string]string{
		"tool.call_requested": "", "orders/paid": "", "tool.call_request": "tool.call_requested", "workflow.complete": "workflow.completed",
	} {
		t.Run(eventType, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			g.load(gateBlock(inMemory()) + "\n@tools dari_event " + eventType + "\nrespond @tools ok")
			log, _ := transcript.since(seen)
			if warned := strings.Contains(log, "dari_event names a type"); warned != (near != "") || warned && !strings.Contains(log, `"did_you_mean":"`+near+`"`) {
				t.Errorf("warned: %v, want %q", warned, near)
			}
		})
	}
}
