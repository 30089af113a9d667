package caddymodule_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// TestSvixHeaders sends a delivery under Svix' older names to the documented description, and to the provider that does not know
// them, whose log must lead there.
func TestSvixHeaders(t *testing.T) {
	var description string
	for _, block := range caddyfilesOf(t, "../docs/providers.md") {
		if strings.Contains(block, "Svix-Signature") {
			description = regexp.MustCompile(`(?s)provider custom \{.*?\n\t+\}\n\t+scope +svix`).FindString(block)
		}
	}
	if description == "" {
		t.Fatal("the documentation describes no svix-* headers")
	}
	g := newGateway(t)
	const text = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	t.Setenv(secretEnv, text)
	secrets.add(text)
	signer, err := signature.NewSigner(signature.SignerOptions{
		Scheme: contract.StandardWebhooks().Scheme, Secrets: []signature.Secret{newSecret(t, text)},
	})
	if err != nil {
		t.Fatal(err)
	}
	body := event("evt_1")
	fields, err := signer.Sign(signature.Message{ID: "msg_1", Time: time.Now(), Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		options string
		status  int
	}{
		"ok/described":  {description, http.StatusOK},
		"fail/provider": {"provider standard_webhooks", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			_, seen := transcript.since(0)
			g.load(gateBlock(row.options, "dedup off") + "\nrespond ok")
			req, err := http.NewRequest(http.MethodPost, "http://gate.test/hook", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range fields {
				req.Header.Set(strings.Replace(f.Name, "Webhook-", "Svix-", 1), f.Value)
			}
			if a := g.send(req); a.status != row.status {
				t.Fatal(a)
			}
			if told := len(linesWith(seen, string(signature.HintSvix))) == 1; told != (row.status != http.StatusOK) {
				t.Errorf("the log tells of them: %t", told)
			}
		})
	}
}
