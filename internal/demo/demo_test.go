package demo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/darihook/darihook"
	"github.com/darihook/darihook/internal/demo"
	"github.com/darihook/darihook/internal/programs"
)

// receiverEnv makes the test binary be the receiver instead of running tests.
const receiverEnv = "DARIHOOK_DEMO_RECEIVER"

func TestMain(m *testing.M) {
	if os.Getenv(receiverEnv) != "" {
		if err := demo.ServeReceiver(context.Background(), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Setenv(receiverEnv, "1") // for the children alone: this process has chosen what it is
	os.Exit(programs.Run(m, "caddy"))
}

func run(t *testing.T, caddyfile string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = demo.Run(t.Context(), demo.Options{
		Caddy: programs.Path("caddy"), Caddyfile: caddyfile, Receiver: []string{self}, Out: &out,
	})
	return out.String(), err
}

func TestEveryPromiseIsKept(t *testing.T) {
	t.Parallel()
	out, err := run(t, darihook.Caddyfile)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(out, "✗") || !strings.Contains(out, "12 of 12 as promised") {
		t.Errorf("the table shows otherwise:\n%s", out)
	}
}

// TestABrokenPromiseShows runs a gate that does not deduplicate.
func TestABrokenPromiseShows(t *testing.T) {
	t.Parallel()
	secretLine := "secret {env.DARI_WEBHOOK_SECRET}"
	if !strings.Contains(darihook.Caddyfile, secretLine) {
		t.Fatalf("the Caddyfile has no line %q", secretLine)
	}
	out, err := run(t, strings.Replace(darihook.Caddyfile, secretLine, secretLine+"\n\t\tdedup off", 1))
	if !errors.Is(err, demo.ErrPromise) {
		t.Fatalf("error %v, want ErrPromise\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if strings.Contains(line, "two copies") && !strings.HasPrefix(line, "✗") {
			t.Errorf("a row is not marked as broken: %s", line)
		}
		if strings.Contains(line, "forged") && !strings.HasPrefix(line, "✓") {
			t.Errorf("a row is marked as broken: %s", line)
		}
	}
}

func TestAGateThatCannotStartIsSaid(t *testing.T) {
	t.Parallel()
	out, err := run(t, "localhost {\n\tno_such_directive\n}\n")
	if err == nil || errors.Is(err, demo.ErrPromise) || !strings.Contains(err.Error(), "starting the gate") {
		t.Errorf("error %v\n%s", err, out)
	}
}

func TestACaddyWithoutTheGateIsRefused(t *testing.T) {
	t.Parallel()
	err := demo.Run(t.Context(), demo.Options{Caddy: "/bin/true", Caddyfile: darihook.Caddyfile})
	if err == nil || !strings.Contains(err.Error(), "http.handlers.dari_webhook") {
		t.Errorf("error %v", err)
	}
}
