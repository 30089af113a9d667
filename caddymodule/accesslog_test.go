package caddymodule_test

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// accessLog is a file of an access log.
type accessLog string

// lines waits for a number of lines, and returns all that there are.
func (l accessLog) lines(t *testing.T, n int) (lines []map[string]any) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d lines in %s", n, l), func() bool {
		text, err := os.ReadFile(string(l))
		return err == nil && strings.Count(string(text), "\n") >= n
	})
	text, err := os.ReadFile(string(l))
	if err != nil {
		t.Fatal(err)
	}
	for text := range strings.Lines(string(text)) {
		line := make(map[string]any)
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// shape lists the fields of a line and of its request.
func shape(line map[string]any) []string {
	all := slices.Collect(maps.Keys(line))
	request, _ := line["request"].(map[string]any)
	for name := range request {
		all = append(all, "request>"+name)
	}
	slices.Sort(all)
	return all
}

// TestAccessLogOfASecretInTheURL has the site's access log show each request once, as Caddy's own lines do, without the secret.
func TestAccessLogOfASecretInTheURL(t *testing.T) {
	for place, pathOf := range map[string]func(secret string) string{
		"path":        func(s string) string { return "/hooks/tess/" + s + "?a=1" },
		"query token": func(s string) string { return "/hooks/tess?token=" + s + "&a=1" },
	} {
		t.Run(place, func(t *testing.T) {
			eachWay(t, func(t *testing.T, by way) {
				g := newGateway(t)
				r := newReceiver(t, inTurn(func(w http.ResponseWriter, _ *http.Request) {
					_, _ = w.Write([]byte("taken"))
				}, status(http.StatusInternalServerError)))
				secret, wrong := randomText("", hex.EncodeToString), randomText("", hex.EncodeToString)
				t.Setenv("PROVIDER_SECRET", secret)
				within, behind := "", r.proxy()
				if by == byForward {
					within, behind = "\nforward "+r.URL, ""
				}
				file := accessLog(g.dir + "/access.log")
				g.load("log {\noutput file " + string(file) + "\n}\nroute /hooks/* {\ndari_webhook {\nprovider tess\nurl_secret " + place +
					"\nsecret {env.PROVIDER_SECRET}\n" + inMemory("ttl 1h") + within + "\n}\n" + behind + "\n}\nrespond /other 200")
				want := []struct {
					secret, body       string
					status, read, size int
					uri, level, inBody string
				}{
					{secret, "1", 200, 1, 5, "/hooks/tess?a=1", "info", "taken"},
					{secret, "1", 200, 1, 0, "/hooks/tess?a=1", "info", ""},
					{wrong, "2", 401, 0, -1, "REDACTED", "info", "signature_mismatch"},
					{secret, "3", 500, 1, 0, "/hooks/tess?a=1", "error", ""},
				}
				for _, row := range want {
					req, err := http.NewRequest(http.MethodPost, "http://gate.test"+pathOf(row.secret), strings.NewReader(row.body))
					if err != nil {
						t.Fatal(err)
					}
					req.Header.Set("Referer", "http://gate.test"+pathOf(secret))
					req.Header.Set("X-Kept", "as it came")
					if a := g.send(req); a.status != row.status || !strings.Contains(a.body, row.inBody) {
						t.Fatalf("%s, want %d", a, row.status)
					}
				}
				req, err := http.NewRequest(http.MethodPost, "http://gate.test/other", strings.NewReader("x"))
				if err != nil {
					t.Fatal(err)
				}
				g.send(req)
				lines := file.lines(t, len(want)+1)
				if len(lines) != len(want)+1 {
					t.Fatalf("%d lines, want %d", len(lines), len(want)+1)
				}
				caddys := shape(lines[len(want)])
				for i, row := range want {
					line := lines[i]
					request, headers := line["request"].(map[string]any), line["request"].(map[string]any)["headers"].(map[string]any)
					if got := shape(line); !slices.Equal(got, caddys) {
						t.Errorf("line %d has the fields %v, and Caddy's %v", i, got, caddys)
					}
					if line["status"] != float64(row.status) || request["uri"] != row.uri || line["level"] != row.level ||
						line["bytes_read"] != float64(row.read) || row.size >= 0 && line["size"] != float64(row.size) {
						t.Errorf("line %d: %v, want %+v", i, line, row)
					}
					if line["logger"] != lines[len(want)]["logger"] || line["msg"] != lines[len(want)]["msg"] {
						t.Errorf("line %d: %v %v", i, line["logger"], line["msg"])
					}
					if fmt.Sprint(headers["Referer"]) != "[REDACTED]" || fmt.Sprint(headers["X-Kept"]) != "[as it came]" {
						t.Errorf("line %d has the headers %v", i, headers)
					}
				}
				if got := r.last(t).header; got.Get("Referer") != "" || got.Get("X-Kept") == "" {
					t.Errorf("the receiver got the headers %v", got)
				}
				text, err := os.ReadFile(string(file))
				if err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), wrong) {
					t.Errorf("the access log holds a secret, or %v", err)
				}
			})
		})
	}
}

// TestAccessLogsByHost has each line where Caddy has that of a request beside the gate: by host, by name, or nowhere.
func TestAccessLogsByHost(t *testing.T) {
	g := newGateway(t)
	site, path := unsignedSite(t, "respond 204", "dedup off")
	logs := map[string]accessLog{}
	var blocks strings.Builder
	for name, hosts := range map[string]string{"a": "a.test", "b": "*.b.test", "named": "nobody.test"} {
		logs[name] = accessLog(g.dir + "/" + name + ".log")
		fmt.Fprintf(&blocks, "log %s {\nhostnames %s\noutput file %s\n}\n", name, hosts, logs[name])
	}
	err := g.tryLoadFile(g.caddyfile("http://a.test, http://x.b.test, http://c.test, http://nobody.test", blocks.String()+
		"@skip query skip=*\nlog_skip @skip\n@named query named=*\nlog_name @named named a\nroute /hook/* {\n"+site+"\n}\nrespond /beside 204"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		host, query string
		want        []string
	}{
		{"a.test", "", []string{"a"}},
		{"A.TEST:80", "", []string{"a"}},
		{"x.b.test", "", []string{"b"}},
		{"c.test", "", nil},
		{"a.test", "skip=1", nil},
		{"a.test", "named=1", []string{"a", "named"}},
	} {
		before := make(map[string]int)
		for name, file := range logs {
			before[name] = len(file.lines(t, 0))
		}
		for _, path := range []string{path, "/beside"} {
			req := g.request("{}")
			req.Host, req.URL.Path, req.URL.RawQuery = row.host, path, row.query
			if a := g.send(req); a.status != http.StatusNoContent {
				t.Fatalf("%s: %s", row.host, a)
			}
		}
		for name, file := range logs {
			more := 0
			if slices.Contains(row.want, name) {
				more = 2
			}
			lines := file.lines(t, before[name]+more)
			if len(lines) != before[name]+more {
				t.Errorf("%s: %d lines in %s, want %d", cmp.Or(row.query, row.host), len(lines)-before[name], name, more)
			}
		}
	}
	for name, file := range logs {
		if text, err := os.ReadFile(string(file)); err != nil || strings.Contains(string(text), strings.TrimPrefix(path, "/hook/")) {
			t.Errorf("%s holds the secret, or %v", name, err)
		}
	}
}
