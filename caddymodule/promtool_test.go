package caddymodule_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/darihook/darihook/caddymodule"
)

// promtool runs Prometheus's own checker. Without it the test is skipped, and fails where CI=true.
func promtool(t *testing.T, input string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("promtool is needed in CI: %v", err)
		}
		t.Skip("SKIPPED: promtool is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestPromtoolTakesTheAlerts has Prometheus read the alerts, and try them.
func TestPromtoolTakesTheAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "", "check", "rules", "../docs/prometheus/alerts.yaml")
	promtool(t, "", "test", "rules", "../docs/prometheus/alerts_test.yaml")
}

// TestPromtoolTakesTheDashboard has Prometheus read every expression of the dashboard, as a rule that records it, with
// Grafana's variables replaced as Grafana replaces them.
func TestPromtoolTakesTheDashboard(t *testing.T) {
	t.Parallel()
	variables := strings.NewReplacer("$__rate_interval", "1m0s", "$__range", "6h", "$provider", "dari", "$instance", ".+", "$job", ".+")
	var rules []map[string]string
	for i, expr := range caddymodule.DashboardExpressions(t) {
		rules = append(rules, map[string]string{"record": fmt.Sprintf("panel:%d", i), "expr": variables.Replace(expr)})
	}
	if len(rules) < 20 {
		t.Fatalf("%d expressions only", len(rules))
	}
	content, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", file)
}

// TestPromtoolTakesTheMetrics has Prometheus judge the names and texts of what a gate shows.
func TestPromtoolTakesTheMetrics(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(inMemory()) + "\n" + r.proxy())
	g.deliver("evt_1")
	g.deliver("evt_1")
	var ours strings.Builder
	for line := range strings.Lines(g.get("/metrics")) {
		if strings.Contains(line, "caddy_dari_webhook_") {
			ours.WriteString(line)
		}
	}
	if ours.Len() == 0 {
		t.Fatal("no metrics")
	}
	promtool(t, ours.String(), "check", "metrics")
}
