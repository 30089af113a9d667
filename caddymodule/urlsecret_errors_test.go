package caddymodule_test

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

// TestErrorRoutesWithASecretInTheURL has the site's error routes answer for a gate whose errors must not come to Caddy: it logs
// them with the URL. They see the URL as it came, but for the secret.
func TestErrorRoutesWithASecretInTheURL(t *testing.T) {
	for name, row := range map[string]struct {
		routes                    string
		refusedStatus, goneStatus int
		refused, gone             string
	}{
		"ok/they answer": {"handle_errors {\nrespond \"{err.status_code} {http.dari_webhook.code} {method} {uri}\"\n}", 401, 502,
			"401 signature_mismatch POST /hooks/tess?a=1", "502  POST /hooks/tess?a=1"},
		"ok/they match nothing":  {"handle_errors 404 {\nrespond page\n}", 401, 502, `"code":"signature_mismatch"`, ""},
		"ok/they answer nothing": {"handle_errors {\nheader X-Page yes\n}", 401, 502, "", ""},
		"ok/they fail":           {"handle_errors {\nerror 404\n}", 401, 502, `"code":"signature_mismatch"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, by way) {
				g := newGateway(t)
				secret := randomText("", hex.EncodeToString)
				t.Setenv("PROVIDER_SECRET", secret)
				within, behind := "", "\nrewrite * /elsewhere\nreverse_proxy unix/"+g.dir+"/nobody"
				if by == byForward {
					within, behind = "\nforward unix/"+g.dir+"/nobody", ""
				}
				g.load("log\nroute /hooks/* {\ndari_webhook {\nprovider tess\nurl_secret path\nsecret {env.PROVIDER_SECRET}\ndedup off" + within +
					"\n}" + behind + "\n}\n" + row.routes)
				_, seen := transcript.since(0)
				post := func(secret string) answer {
					req, err := http.NewRequest(http.MethodPost, "http://gate.test/hooks/tess/"+secret+"?a=1", strings.NewReader("{}"))
					if err != nil {
						t.Fatal(err)
					}
					return g.send(req)
				}
				a := post(randomText("", hex.EncodeToString))
				if a.status != row.refusedStatus || !strings.Contains(a.body, row.refused) || a.code() != string(contract.CodeSignatureMismatch) {
					t.Errorf("refused: %s, want %d and %q", a, row.refusedStatus, row.refused)
				}
				if a := post(secret); a.status != row.goneStatus || a.body != row.gone {
					t.Errorf("a receiver that is away: %s, want %d and %q", a, row.goneStatus, row.gone)
				}
				if log, _ := transcript.since(seen); strings.Contains(log, `"logger":"http.log.error`) {
					t.Error("an error came to Caddy's log")
				}
			})
		})
	}
}
