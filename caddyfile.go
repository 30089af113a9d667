// Package darihook holds the repository's Caddyfile, so that an installed darihook has it where there is no checkout.
//
// The parts are below: [github.com/darihook/darihook/signature] for receivers written in Go,
// [github.com/darihook/darihook/caddymodule] for Caddy, [github.com/darihook/darihook/mockserver] for tests and
// [github.com/darihook/darihook/conformance] for judging an implementation.
package darihook

import _ "embed"

// Caddyfile is the repository's Caddyfile: the gate in front of one receiver.
//
//go:embed Caddyfile
var Caddyfile string
