package caddymodule

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// alert is one of the rules for Prometheus.
type alert struct {
	Alert, Expr         string
	For                 string
	Labels, Annotations map[string]string
}

func readAlerts(t *testing.T) []alert {
	t.Helper()
	content, err := os.ReadFile("../docs/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct{ Rules []alert }
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) < 10 {
		t.Fatalf("%d groups of alerts", len(file.Groups))
	}
	return file.Groups[0].Rules
}

var labelShown = regexp.MustCompile(`\$labels\.([a-z_]+)`)

// TestAlertsAskForWhatThereIs finds every metric and label of the alerts among those of the gate, and every label of their
// texts among those that are left of them.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	labels := labelsOf(t)
	for _, a := range readAlerts(t) {
		metrics := asked(t, labels, a.Expr)
		left := labels[metrics[0]]
		if by := groupedBy.FindStringSubmatch(a.Expr); by != nil {
			left = strings.Split(by[1], ", ")
		}
		if a.Labels["severity"] == "" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s tells nobody anything", a.Alert)
		}
		for _, text := range a.Annotations {
			for _, shown := range labelShown.FindAllStringSubmatch(text, -1) {
				if !slices.Contains(left, shown[1]) {
					t.Errorf("%s shows %s, and has %v", a.Alert, shown[1], left)
				}
			}
		}
	}
}

// TestAlertsAreDocumentedAndTried finds every alert in the operators' table, with how long it waits, and among what promtool
// tries.
func TestAlertsAreDocumentedAndTried(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	tries, err := os.ReadFile("../docs/prometheus/alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(DariWebhook\\w+)` \\| (\\S*) \\|").FindAllStringSubmatch(string(page), -1)
	alerts := readAlerts(t)
	if len(rows) != len(alerts) {
		t.Fatalf("%d rows for %d alerts", len(rows), len(alerts))
	}
	for i, a := range alerts {
		if rows[i][1] != a.Alert || rows[i][2] != a.For {
			t.Errorf("row %d is of %s for %q, want %s for %q", i, rows[i][1], rows[i][2], a.Alert, a.For)
		}
		fires := regexp.MustCompile("alertname: " + a.Alert + "\n +exp_alerts:\n +- ")
		if !fires.Match(tries) {
			t.Errorf("%s is never seen to fire", a.Alert)
		}
	}
}
