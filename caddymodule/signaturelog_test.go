package caddymodule_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
)

// filtered keeps a header out of a log.
func filtered(header string) string {
	return "format filter {\nfields {\nrequest>headers>" + header + " delete\n}\n}\n"
}

// logged is a Caddyfile with a log block for the program, one for the site and the site's lines.
func (g *gateway) logged(global, siteLog, site string) string {
	if siteLog != "" {
		siteLog = "log {\n" + siteLog + "\n}\n"
	}
	return fmt.Sprintf(`{
	admin unix/%[1]s/admin
	persist_config off
	log {
		%[2]s
	}
}
http://gate.test {
	bind unix/%[1]s/gate
	%[3]s%[4]s
}
http://other.test {
	bind unix/%[1]s/gate
	log {
		output discard
	}
}
`, g.dir, global, siteLog, site)
}

// TestLogsThatPrintSignatures shows that each log which would print a signature is named when the configuration is loaded, with
// what keeps the header out, and that none is that does not print it. What is told is then held against what is printed.
func TestLogsThatPrintSignatures(t *testing.T) {
	const toFile = "output file %s/%s {\nroll_disabled\n}\n"
	own := contract.HeaderSignature
	for name, row := range map[string]struct {
		global, site string // formats and levels of the two logs
		noSite       bool
		options      []string
		prints       []string
	}{
		"fail/both":                {"", "", false, nil, []string{"http.log.access.log0", "http.log.error.log0"}},
		"fail/no access log":       {"", "", true, nil, []string{"http.log.error"}},
		"fail/the site's":          {filtered(own), "", false, nil, []string{"http.log.access.log0"}},
		"fail/the program's":       {"", filtered(own), false, nil, []string{"http.log.error.log0"}},
		"fail/another's header":    {filtered("Stripe-Signature"), filtered("Stripe-Signature"), false, nil, []string{"http.log.access.log0", "http.log.error.log0"}},
		"fail/debug":               {"level DEBUG\n", filtered(own), false, nil, []string{"http.handlers.reverse_proxy", "http.log.error.log0"}},
		"ok/debug and stripped":    {"level DEBUG\nexclude http.log.error\n", filtered(own), false, []string{"strip_signature"}, nil},
		"ok/filtered":              {filtered(own), filtered(own), false, nil, nil},
		"ok/filtered, debug":       {"level DEBUG\n" + filtered(own), filtered(own), false, nil, nil},
		"ok/replaced":              {filtered(own), "format filter {\nrequest>headers>" + own + " replace gone\n}\n", false, nil, nil},
		"ok/all headers deleted":   {filtered(own), "format filter {\nrequest>headers delete\n}\n", false, nil, nil},
		"ok/hashed":                {filtered(own), "format filter {\nrequest>headers>" + own + " hash\n}\n", false, nil, nil},
		"ok/excluded":              {"exclude http.log.error\n", filtered(own), false, nil, nil},
		"fail/a level above":       {"level ERROR\n", "level WARN\n", false, nil, []string{"http.log.error.log0"}},
		"fail/forward, unfiltered": {"level DEBUG\n", filtered(own), false, []string{"forward 127.0.0.1:1"}, []string{"http.log.error.log0"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			rc := newReceiver(t, nil)
			site := byProxy.site(rc, append(row.options, "dedup off")...)
			siteLog := fmt.Sprintf(toFile, g.dir, "site.log") + row.site
			if row.noSite {
				siteLog = ""
			}
			if err := g.tryLoadFile(g.logged(fmt.Sprintf(toFile, g.dir, "program.log")+row.global, siteLog, site)); err != nil {
				t.Fatal(err)
			}
			var named []string
			program := readFile(t, g.dir+"/program.log")
			for line := range strings.Lines(program) {
				var told struct{ Logger, Prints, Header, Paste string }
				if err := json.Unmarshal([]byte(line), &told); err == nil && told.Prints != "" {
					named = append(named, told.Prints)
					if told.Header != own || told.Paste != strings.ReplaceAll("format filter {\n\tfields {\n\t\trequest>headers>HEADER delete\n\t}\n}", "HEADER", own) {
						t.Errorf("told of %s: %q", told.Header, told.Paste)
					}
				}
			}
			slices.Sort(named)
			if strings.Contains(row.global, "ERROR") { // too quiet for warnings
				return
			}
			if !slices.Equal(named, row.prints) {
				t.Fatalf("named %q, want %q", named, row.prints)
			}
			g.printedAsTold(row.prints)
		})
	}
}

// printedAsTold sends a delivery that is accepted and one whose receiver has gone, and compares the loggers that print its
// signature with those that were named.
func (g *gateway) printedAsTold(named []string) {
	g.t.Helper()
	req := g.request(event("evt_1"))
	_, sum, _ := strings.Cut(req.Header.Get(contract.HeaderSignature), "v1=")
	g.send(req)
	for _, logger := range named {
		if strings.HasPrefix(logger, "http.log.access") { // it writes when the sender has its answer already
			eventually(g.t, logger+" was told of and prints nothing", func() bool { return slices.Contains(g.printing(sum), logger) })
		}
	}
	for _, logger := range g.printing(sum) {
		if !slices.Contains(named, logger) {
			g.t.Errorf("%s prints the signature and was not told of", logger)
		}
	}
}

// printing returns the loggers that have printed a text.
func (g *gateway) printing(text string) (loggers []string) {
	g.t.Helper()
	for _, name := range []string{"program.log", "site.log"} {
		for line := range strings.Lines(readFile(g.t, g.dir+"/"+name)) {
			var l struct{ Logger string }
			if strings.Contains(line, text) && json.Unmarshal([]byte(line), &l) == nil {
				loggers = append(loggers, l.Logger)
			}
		}
	}
	return loggers
}

// TestEveryProvidersSignatureIsLookedFor shows that the warning knows the header of each platform.
func TestEveryProvidersSignatureIsLookedFor(t *testing.T) {
	for _, p := range contract.Providers() {
		if p.Unsigned() {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			g := newGateway(t)
			t.Setenv(secretEnv, "whsec_"+hex.EncodeToString(make([]byte, 32)))
			_, seen := transcript.since(0)
			g.load(gateBlock("provider "+p.Name, "dedup off") + "\nrespond ok")
			lines := linesWith(seen, `"prints":"http.log.error"`)
			if own := p.Scheme.Header == contract.HeaderSignature; own != (len(lines) == 0) {
				t.Fatalf("%d warnings", len(lines))
			}
			for _, line := range lines {
				if want := `request>headers>` + http.CanonicalHeaderKey(p.Scheme.Header) + ` delete`; !strings.Contains(line, want) {
					t.Errorf("without %s: %s", want, line)
				}
			}
		})
	}
}

// TestStripSignature shows who gets the signature.
func TestStripSignature(t *testing.T) {
	eachWay(t, func(t *testing.T, by way) {
		for _, stripped := range []bool{false, true} {
			g, rc := newGateway(t), newReceiver(t, nil)
			options := []string{"dedup off"}
			if stripped {
				options = append(options, "strip_signature")
			}
			g.load(by.site(rc, options...))
			if a := g.deliver("evt_1"); a.status != http.StatusOK {
				t.Fatal(a)
			}
			if got := rc.last(t).header.Get(contract.HeaderSignature); (got == "") != stripped {
				t.Errorf("strip_signature %t: the receiver gets %d bytes of it", stripped, len(got))
			}
		}
	})
	g := newGateway(t)
	for _, options := range [][]string{{"observe", "strip_signature"}, {"provider tess", "url_secret path", "strip_signature", "dedup off"}} {
		if err := g.tryLoad(gateBlock(options...) + "\nrespond ok"); err == nil || !strings.Contains(err.Error(), "strip_signature") {
			t.Errorf("%v: error %v", options, err)
		}
	}
}

// readFile returns the content of a file; none where it does not exist.
func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(content)
}
