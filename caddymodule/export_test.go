package caddymodule

import (
	"slices"
	"testing"
	"time"
)

// SetClock has the handlers that are provisioned from now on judge by another clock, until the test ends.
func SetClock(t *testing.T, now func() time.Time) {
	clock = now
	t.Cleanup(func() { clock = time.Now })
}

// AddAdminCommands gives a command those of caddy dari-webhook.
var AddAdminCommands = addAdminCommands

// DashboardExpressions are what the panels of the dashboard ask for.
func DashboardExpressions(t *testing.T) []string {
	t.Helper()
	return readDashboard(t).expressions()
}

// Options are the options that errors offer, by a line of the gate's block in which … stands for one of them.
var Options = map[string][]string{
	"…":                                 handlerOptions,
	"dedup memory {\n…\n}":              append(slices.Clone(dedupOptions), builtInOptions...),
	"dedup redis a:1 {\n…\n}":           append(slices.Clone(dedupOptions), redisOptions...),
	"dedup redis a:1 {\ntls {\n…\n}\n}": tlsOptions,
	"forward a:1 {\n…\n}":               forwardOptions,
	"provider custom {\n…\n}":           customOptions,
}
