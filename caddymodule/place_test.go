package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

// linesWith returns the lines of the log since an offset that hold a text.
func linesWith(seen int, text string) (lines []string) {
	log, _ := transcript.since(seen)
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "{") && strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestLinesNameTheGate shows that each line of a gate's log, at load and later, tells which gate it is about, wherever that
// stands, and who sent a request: behind a proxy that is trusted the client, and not the proxy.
func TestLinesNameTheGate(t *testing.T) {
	const options = "dedup off\nobserve\nscope two"
	for name, row := range map[string]struct {
		site string
		want []string
	}{
		"the site's":  {gateBlock(options) + "\nrespond ok", nil},
		"a matcher":   {strings.Replace(gateBlock(options), "dari_webhook", "dari_webhook /hook*", 1) + "\nrespond ok", []string{`"route":"/hook*"`}},
		"handle":      {"handle /other {\nrespond no\n}\nhandle /hook {\n" + gateBlock(options) + "\nrespond ok\n}", []string{`"route":"/hook"`}},
		"handle_path": {"handle_path /hook* {\n" + gateBlock(options) + "\nrespond ok\n}", []string{`"route":"/hook*"`}},
		"nested":      {"route {\nroute /hook {\n" + gateBlock(options) + "\nrespond ok\n}\n}\nroute /later {\nrespond no\n}", []string{`"route":"/hook"`}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			_, seen := transcript.since(0)
			file := strings.Replace(g.caddyfile("http://gate.test", row.site), "grace_period", "servers {\ntrusted_proxies_unix\n}\ngrace_period", 1)
			if err := g.tryLoadFile(file); err != nil {
				t.Fatal(err)
			}
			req := g.request(event("evt_1"))
			req.Header.Del(contract.HeaderSignature)
			req.Header.Set("X-Forwarded-For", "198.51.100.7")
			if a := g.send(req); a.status != http.StatusOK {
				t.Fatal(a)
			}
			lines := linesWith(seen, `"logger":"http.handlers.dari_webhook"`)
			if len(lines) < 3 { // it observes, a request, and the verdict on it
				t.Fatalf("%d lines", len(lines))
			}
			for _, line := range lines {
				for _, want := range append(row.want, `"provider":"dari"`, `"scope":"two"`, `"server":"srv0"`, `"host":"gate.test"`) {
					if !strings.Contains(line, want) {
						t.Errorf("without %s: %s", want, line)
					}
				}
				if strings.Contains(line, "refused") && !strings.Contains(line, `"client_ip":"198.51.100.7"`) || strings.Contains(line, "remote_addr") {
					t.Errorf("whose request: %s", line)
				}
			}
		})
	}
}
