package caddymodule_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/darihook/darihook/contract"
)

// caddyfilesOf returns the Caddyfiles of a page of the documentation.
func caddyfilesOf(t *testing.T, page string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```caddyfile\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Errorf("%s shows no Caddyfile", page)
	}
	return blocks
}

// documentedSecrets sets the variables of the documentation's secrets, in the form that each platform has.
func documentedSecrets(t *testing.T) {
	t.Helper()
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	for name, secret := range map[string]string{
		"DARI_WEBHOOK_SECRET":          "whsec_" + hex.EncodeToString(random),
		"DANUBE_WEBHOOK_SECRET":        "whsec_" + hex.EncodeToString(random),
		"TESS_URL_SECRET":              hex.EncodeToString(random),
		"STANDARD_WEBHOOKS_SECRET":     "whsec_" + base64.StdEncoding.EncodeToString(random),
		"STANDARD_WEBHOOKS_PUBLIC_KEY": "whpk_" + base64.StdEncoding.EncodeToString(random),
		"STRIPE_WEBHOOK_SECRET":        "whsec_" + hex.EncodeToString(random),
		"GITHUB_WEBHOOK_SECRET":        hex.EncodeToString(random),
		"SLACK_SIGNING_SECRET":         hex.EncodeToString(random),
		"SHOPIFY_CLIENT_SECRET":        "shpss_" + hex.EncodeToString(random),
		"ACME_SECRET":                  "acme_" + base64.StdEncoding.EncodeToString(random),
	} {
		t.Setenv(name, secret)
	}
}

// TestDocumentedProviders loads each Caddyfile of the documentation, with secrets in the form that it asks for, as far as a
// configuration can be loaded without being run.
func TestDocumentedProviders(t *testing.T) {
	newGateway(t) // its directories
	documentedSecrets(t)
	shown := map[string]bool{contract.Providers()[0].Name: true}
	for _, block := range append(caddyfilesOf(t, "../docs/providers.md"), caddyfilesOf(t, "../docs/operations.md")...) {
		raw, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(block), map[string]any{"filename": "Caddyfile"})
		for _, w := range warnings {
			if !strings.Contains(w.Message, "not formatted") { // columns are for readers
				t.Errorf("%s\n%s", w, block)
			}
		}
		if err != nil {
			t.Errorf("%v\n%s", err, block)
			continue
		}
		for _, m := range regexp.MustCompile(`"provider":"(\w+)"`).FindAllStringSubmatch(string(raw), -1) {
			shown[m[1]] = true
		}
		var config caddy.Config
		if err := json.Unmarshal(raw, &config); err != nil {
			t.Fatal(err)
		}
		config.Admin = &caddy.AdminConfig{Disabled: true}
		if err := caddy.Validate(&config); err != nil {
			t.Errorf("%v\n%s", err, strings.TrimSpace(block))
		}
	}
	for _, p := range append(contract.Providers(), contract.Provider{Name: "custom"}) {
		if !shown[p.Name] {
			t.Errorf("the documentation shows no gate for %s", p.Name)
		}
	}
}
