package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// leftOut is in the warnings of matchers that leave out what is meant.
const leftOut = "the gate's matcher leaves out"

// TestDocumentedSitesCannotBeForged runs every Caddyfile of the README, the documentation and the repository, with the test's
// own listener, receiver and store, and sends forged requests inside, beside and around its gates.
func TestDocumentedSitesCannotBeForged(t *testing.T) {
	g, r := newGateway(t), newSpy(t)
	documentedSecrets(t)
	files := map[string][]string{
		"README.md": caddyfilesOf(t, "../README.md"), "docs/providers.md": caddyfilesOf(t, "../docs/providers.md"),
		"docs/operations.md": caddyfilesOf(t, "../docs/operations.md"),
		"docs/redis.md":      {"gate.test {\n" + indented(t, "../docs/redis.md") + "\nreverse_proxy 127.0.0.1:9000\n}"},
	}
	repository, err := os.ReadFile("../Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	files["Caddyfile"] = []string{string(repository)}
	for page, blocks := range files {
		for i, block := range blocks {
			t.Run(fmt.Sprintf("%s %d", page, i+1), func(t *testing.T) {
				g := &gateway{t: t, dir: g.dir, client: g.client, secret: g.secret}
				config, hosts := g.staged(block, r)
				running.Do(t)
				_, before := transcript.since(0)
				if err := caddy.Load(config, true); err != nil {
					t.Fatalf("%v\n%s", err, config)
				}
				log, _ := transcript.since(before)
				for _, warning := range []string{leftOut, "the gate's path matches nothing below it", "a handler behind the gate removes"} {
					if strings.Contains(log, warning) {
						t.Errorf("the documentation shows what is warned of: %s", warning)
					}
				}
				if seen := g.forge(hosts...); seen < len(forgedTargets)/2 {
					t.Errorf("%d requests were seen: this shows nothing", seen)
				}
			})
		}
	}
}

// indented returns the gate that a page shows as an indented block, without the notes behind its lines and those of its options
// that exclude each other.
func indented(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?ms)^    dari_webhook \{\n.*?^    \}\n`).Find(text)
	if found == nil {
		t.Fatalf("%s shows no gate", page)
	}
	return regexp.MustCompile(`(?m)^.*(<|SENTINEL|cluster|tls \{\n|#).*$`).ReplaceAllString(
		regexp.MustCompile(`(?ms)^ +tls \{\n.*?\}\n`).ReplaceAllString(string(found), ""), "")
}

// staged adapts a Caddyfile and exchanges what a test cannot have: listeners, certificates, receivers and stores. Every list of
// handlers begins with a spy. It returns the names of the sites too.
func (g *gateway) staged(caddyfile string, r *receiver) (config []byte, hosts []string) {
	g.t.Helper()
	raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		g.t.Fatalf("%v\n%s", err, caddyfile)
	}
	for _, m := range regexp.MustCompile(`"host":\["([^"]+)"\]`).FindAllSubmatch(raw, -1) {
		hosts = append(hosts, string(m[1]))
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		g.t.Fatal(err)
	}
	gates := g.stage(tree, strings.TrimPrefix(r.URL, "http://"))
	servers := tree["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)
	if gates == 0 || len(servers) != 1 {
		g.t.Fatalf("%d gates on %d servers\n%s", gates, len(servers), raw)
	}
	for _, server := range servers {
		server := server.(map[string]any)
		server["listen"] = []string{"unix/" + filepath.Join(g.dir, "gate")}
		server["automatic_https"] = map[string]bool{"disable": true}
		delete(server, "tls_connection_policies")
	}
	tree["admin"] = map[string]bool{"disabled": true}
	tree["apps"] = map[string]any{"http": tree["apps"].(map[string]any)["http"]}
	tree["logging"] = json.RawMessage(`{"logs":{"default":{"writer":{"output":"dari_test"},"encoder":{"format":"json"}}}}`)
	if config, err = json.Marshal(tree); err != nil {
		g.t.Fatal(err)
	}
	return config, hosts
}

// stage goes through a configuration, and returns the number of its gates.
func (g *gateway) stage(node any, upstream string) (gates int) {
	switch node := node.(type) {
	case []any:
		for _, child := range node {
			gates += g.stage(child, upstream)
		}
	case map[string]any:
		for _, child := range node {
			gates += g.stage(child, upstream)
		}
		if _, ok := node["dial"]; ok {
			node["dial"] = upstream
		}
		if handlers, ok := node["handle"].([]any); ok {
			node["handle"] = slices.Insert(handlers, 0, any(map[string]string{"handler": "spy"}))
		}
		if node["handler"] == "dari_webhook" {
			gates++
			g.stageGate(node, upstream)
		}
	}
	return gates
}

// stageGate gives a gate the test's store and receiver, and secrets where it reads files.
func (g *gateway) stageGate(node map[string]any, upstream string) {
	dedup, ok := node["dedup"].(map[string]any)
	if !ok {
		dedup = make(map[string]any)
	}
	dedup["store"] = map[string]string{"type": "memory"}
	node["dedup"] = dedup
	if forward, ok := node["forward"].(map[string]any); ok {
		forward["address"] = upstream
	}
	if secrets, ok := node["secrets"].([]any); ok {
		node["secrets"] = slices.DeleteFunc(secrets, func(s any) bool { return strings.Contains(s.(string), "{file.") })
	}
	if _, ok := node["secret_file"]; ok {
		node["secret_file"] = filepath.Join(g.dir, "secret")
		if err := os.WriteFile(node["secret_file"].(string), []byte(os.Getenv(secretEnv)+"\n"), 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
}
