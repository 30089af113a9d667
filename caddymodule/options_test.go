package caddymodule_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/caddymodule"
)

// right are the right forms of all options, by their blocks. What is not a name, a number, a size or the like is written out.
var right = map[string]string{
	"provider": "stripe", "url_secret": "path", "secret": "{env.A}", "secret_file": "/a", "signed_content": "body",
	"tolerance": "5m 1m", "max_body": "1MiB", "body_budget": "64MiB", "body_timeout": "5s", "scope": "a", "observe": "", "strip_signature": "",
	"forward": "a:1", "dedup": "memory", "ttl": "1h", "lease": "10s", "timeout": "1s", "in_flight": "wait 1s", "success": "2xx",
	"on_unavailable": "allow", "max_ids": "5", "username": "a", "password": "{env.A}", "database": "1", "cluster": "",
	"sentinel_master": "a", "sentinel_username": "a", "sentinel_password": "{env.A}", "replicas": "1 50ms", "tls": "",
	"ca": "/a", "certificate": "/a /b", "server_name": "a", "max_conns_per_host": "1", "dial_timeout": "1s", "keepalive": "1s",
	"max_response_header": "1MiB", "method": "POST", "algorithm": "hmac-sha256", "header": "A", "tag": "v1", "separators": "= ,",
	"encoding": "hex", "timestamp": "tag t", "id": "field id", "event": "field type", "key": "base64 a_", "accept_risk": "unsigned_body",
}

// More values, a block or no value at all are also right forms of some.
var (
	endless = []string{"secret", "success", "ca", "method", "accept_risk"}
	blocks  = []string{"forward", "dedup", "tls"}
	bare    = []string{"observe", "strip_signature", "cluster", "tls"}
	again   = []string{"secret"}
)

// TestWrongFormsOfOptions writes every option of every block in each wrong way, and wants an error that names it and its line.
func TestWrongFormsOfOptions(t *testing.T) {
	t.Parallel()
	has := slices.Contains[[]string]
	tried := 0
	for block, options := range caddymodule.Options {
		for _, option := range options {
			args, ok := right[option]
			if !ok {
				t.Errorf("%s has no right form in this test", option)
				continue
			}
			line := strings.TrimSpace(option + " " + args)
			wrong := map[string]string{"twice": line + "\n" + line}
			if !has(bare, option) {
				wrong["without a value"] = option
			}
			if !has(endless, option) {
				wrong["with a value too many"] = line + " surplus_value"
			}
			if !has(blocks, option) {
				wrong["with a block"] = line + " {\nsurplus_line\n}"
				if option != "cluster" { // an empty block of a store's option is nothing
					wrong["with a block and no value"] = option + " {\n}"
				}
			} else {
				wrong["with a line in the block"] = line + " {\nsurplus_line\n}"
			}
			if has(again, option) {
				delete(wrong, "twice")
			}
			for how, text := range wrong {
				tried++
				got := adapt(t, ":80 {\ndari_webhook {\nsecret {env.S}\n"+strings.Replace(block, "…", text, 1)+"\n}\n}")
				if !strings.HasPrefix(got, "error: ") || !strings.Contains(got, "dari_webhook: ") || !strings.Contains(got, option) ||
					!strings.Contains(got, "Caddyfile:") || strings.Contains(got, `"{"`) {
					t.Errorf("%s %s in %q: %s", option, how, block, got)
				}
			}
		}
	}
	if tried < 150 {
		t.Errorf("%d forms were tried", tried)
	}
}

// TestArgumentThatLooksLikeASecret is told what is wrong, and not shown.
func TestArgumentThatLooksLikeASecret(t *testing.T) {
	t.Parallel()
	const hint = "this looks like a secret"
	for argument, secret := range map[string]bool{
		"whsec_short": true, "shpss_x": true, "{env.SECRET}": true, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true,
		"5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd": true, "receiver": false, "a.example.com": false,
	} {
		got := adapt(t, ":80 {\ndari_webhook "+argument+" {\nsecret {env.S}\n}\n}")
		if !strings.Contains(got, "takes no argument but a matcher") || strings.Contains(got, hint) != secret {
			t.Errorf("%s: %s", argument, got)
		}
		if strings.Contains(got, argument) {
			t.Errorf("%s: shown in %s", argument, got)
		}
	}
}
