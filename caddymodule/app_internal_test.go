package caddymodule

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestChecksAtStart shows that what a gate leaves for the start runs then and not before, and that its error reaches
// whoever loads the configuration.
func TestChecksAtStart(t *testing.T) {
	refusal := errors.New("cannot be meant")
	ctx, err := caddy.ProvisionContext(&caddy.Config{AppsRaw: caddy.ModuleMap{appID: []byte("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	app, err := appOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var ran []string
	app.atStart(func() error { ran = append(ran, "first"); return nil })
	app.atStart(func() error { ran = append(ran, "second"); return refusal })
	app.atStart(func() error { ran = append(ran, "third"); return nil })
	if len(ran) != 0 {
		t.Fatalf("%v ran before the start", ran)
	}
	if err := app.Start(); !errors.Is(err, refusal) {
		t.Errorf("Start: %v, want %v", err, refusal)
	}
	if got := strings.Join(ran, " "); got != "first second" {
		t.Errorf("%s ran, want first second", got)
	}
	if err := app.Stop(); err != nil {
		t.Error(err)
	}
}
