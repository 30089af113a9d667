package caddymodule_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/contract"
)

// TestErrorRoutesOfASubroute has the error routes of the subroute around a gate answer its refusals, as Caddy has them answer
// every error within. Where none of them does, a refused request must not come to what stands behind the subroute.
func TestErrorRoutesOfASubroute(t *testing.T) {
	page := `{"handler": "static_response", "status_code": 418, "body": "{http.dari_webhook.code}"}`
	for _, row := range []struct {
		name, errors string
		status       int
		body         string
	}{
		{"ok/it answers", `{"handle": [` + page + `]}`, http.StatusTeapot, "signature_missing"},
		{"ok/it matches nothing", `{"match": [{"path": ["/elsewhere"]}], "handle": [` + page + `]}`, http.StatusUnauthorized, `"code":"signature_missing"`},
		{"ok/it answers nothing", `{"handle": [{"handler": "headers"}]}`, http.StatusUnauthorized, `"code":"signature_missing"`},
		{"ok/it fails", `{"handle": [{"handler": "error", "status_code": 404}]}`, http.StatusUnauthorized, `"code":"signature_missing"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGateway(t)
			running.Do(t)
			config := fmt.Sprintf(`{"admin": {"listen": "unix/%[1]s/admin", "config": {"persist": false}}, "apps": {"http": {"grace_period": "5s", "servers": {"srv0": {
				"listen": ["unix/%[1]s/gate"], "automatic_https": {"disable": true}, "routes": [
					{"handle": [{"handler": "subroute",
						"routes": [{"handle": [{"handler": "dari_webhook", "secrets": ["{env.%[2]s}"], "dedup": {"off": true}}]}],
						"errors": {"routes": [%[3]s]}}]},
					{"handle": [{"handler": "static_response", "body": "behind"}]}
				]}}}}}`, g.dir, secretEnv, row.errors)
			if err := caddy.Load([]byte(config), true); err != nil {
				t.Fatal(err)
			}
			req := g.request(event("evt_1"))
			req.Header.Del(contract.HeaderSignature)
			if a := g.send(req); a.status != row.status || !strings.Contains(a.body, row.body) || a.code() != string(contract.CodeSignatureMissing) {
				t.Errorf("%s, want %d and %q", a, row.status, row.body)
			}
			if a := g.deliver("evt_1"); a.body != "behind" {
				t.Errorf("a delivery: %s", a)
			}
		})
	}
}
