package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/contract"
)

// The options of each block. A line that begins with another word is refused with these.
var (
	handlerOptions = []string{
		"provider", "url_secret", "secret", "secret_file", "signed_content", "tolerance", "max_body", "body_budget",
		"body_timeout", "scope", "observe", "strip_signature", "forward", "dedup",
	}
	dedupOptions   = []string{"ttl", "lease", "timeout", "in_flight", "success", "on_unavailable"}
	builtInOptions = []string{"max_ids"}
	redisOptions   = []string{
		"username", "password", "database", "cluster", "sentinel_master", "sentinel_username", "sentinel_password", "replicas",
		"tls",
	}
	tlsOptions     = []string{"ca", "certificate", "server_name"}
	forwardOptions = []string{"max_conns_per_host", "timeout", "dial_timeout", "keepalive", "max_response_header"}
	customOptions  = []string{
		"method", "algorithm", "header", "tag", "separators", "encoding", "signed_content", "timestamp", "id", "event", "key",
		"accept_risk",
	}
)

// unknownOption refuses an option that a block does not have, and names those that it has. The kind says which block it is.
func unknownOption(d *caddyfile.Dispenser, kind, name string, known []string) error {
	return d.Errf("%s: %s", directive, contract.Unknown(kind, name, known))
}
