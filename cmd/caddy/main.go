// Command caddy is Caddy with the webhook gate: the program that xcaddy builds from this module.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "github.com/darihook/darihook/caddymodule"
)

func main() { caddycmd.Main() }
