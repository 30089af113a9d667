package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

// TestOthersSetTheGatesFields shows what Caddy does not start with, or tells of, where another handler changes what only a
// gate may say.
func TestOthersSetTheGatesFields(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	gate, proxy, upstream := gateBlock(inMemory()), r.proxy(), strings.TrimPrefix(r.URL, "http://")
	const removes = "a handler behind the gate removes a header"
	for _, row := range []struct{ name, site, refused, warned string }{
		{"ok/another header", "request_header X-Verified true\n" + gate + "\n" + proxy, "", ""},
		{"ok/the gate's own value", gate + "\n" + proxy + " {\nheader_up Dari-Webhook-Id {http.dari_webhook.id}\n}", "", ""},
		{"ok/removed before the gate", "route {\nrequest_header -Dari-Webhook-Verified\n" + gate + "\n" + proxy + "\n}", "", ""},
		{"ok/removed beside the gate", "handle /a* {\n" + gate + "\n" + proxy + "\n}\nhandle {\nrequest_header -Dari-Webhook-Verified\n" + proxy + "\n}", "", ""},
		{"fail/removed behind the gate", gate + "\nrequest_header -Dari-Webhook-Verified\n" + proxy, "", removes},
		{"fail/removed with others", gate + "\nrequest_header -dari-*\n" + proxy, "", removes},
		{"fail/removed with all that end so", gate + "\nrequest_header -*-Event\n" + proxy, "", removes},
		{"fail/removed deeper", gate + "\nhandle {\nhandle /a* {\nrequest_header -*Webhook*\n}\n" + proxy + "\n}", "", removes},
		{"fail/removed by the proxy", gate + "\n" + proxy + " {\nheader_up -Dari-Webhook-Verified\n}", "", removes},
		{"fail/set", "request_header Dari-Webhook-Verified true\n" + gate + "\n" + proxy, "sets Dari-Webhook-Verified", ""},
		{"fail/added", "request_header +Dari-Webhook-Id evt_1\n" + gate + "\n" + proxy, "sets Dari-Webhook-Id", ""},
		{"fail/set in another spelling", "request_header Dari_Webhook.verified true\n" + gate + "\n" + proxy, "which only a gate may", ""},
		{"fail/set by the proxy", gate + "\n" + proxy + " {\nheader_up Dari-Webhook-Event {http.request.uri}\n}", "sets Dari-Webhook-Event", ""},
		{"fail/replaced", gate + "\n" + proxy + " {\nheader_up Dari-Webhook-Id a b\n}", "changes Dari-Webhook-Id", ""},
		{"fail/copied from an answer", gate + "\nforward_auth " + upstream + " {\nuri /auth\ncopy_headers Dari-Webhook-Verified\n}\n" + proxy, "sets Dari-Webhook-Verified", removes},
		{"fail/set in an intercepted answer", gate + "\nintercept {\n@any status 200\nhandle_response @any {\nrequest_header Dari-Webhook-Id x\n}\n}\n" + proxy, "sets Dari-Webhook-Id", ""},
		{"fail/set in an error route", gate + "\n" + proxy + "\nhandle_errors {\nrequest_header Dari-Webhook-Id x\n}", "sets Dari-Webhook-Id", ""},
		{"fail/set for CGI", gate + "\nphp_fastcgi " + upstream + " {\nenv HTTP_DARI_WEBHOOK_VERIFIED true\n}", "sets HTTP_DARI_WEBHOOK_VERIFIED", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := &gateway{t: t, dir: g.dir, client: g.client, secret: g.secret}
			_, seen := transcript.since(0)
			err := g.tryLoad(row.site)
			if row.refused == "" && err != nil || row.refused != "" && (err == nil || !strings.Contains(err.Error(), row.refused)) {
				t.Errorf("loading gave %v, want %q", err, row.refused)
			}
			if log, _ := transcript.since(seen); strings.Contains(log, removes) != (row.warned != "") {
				t.Errorf("warned: %v", row.warned == "")
			}
		})
	}
	g.load(gate + "\n" + proxy)
	if a := g.deliver("evt_1"); a.status != http.StatusOK || r.last(t).header.Get(contract.HeaderVerified) != "true" {
		t.Errorf("a delivery: %s", a)
	}
}
