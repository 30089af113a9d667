package caddymodule

import (
	"testing"
	"time"
)

// SetClock has the handlers that are provisioned from now on judge by another clock, until the test ends.
func SetClock(t *testing.T, now func() time.Time) {
	clock = now
	t.Cleanup(func() { clock = time.Now })
}

// AdminCommands are the commands below caddy dari-webhook.
var AdminCommands = adminCommands
