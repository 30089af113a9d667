package caddymodule

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// dashboard is the part of a Grafana dashboard that says what it asks for.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []struct{ Name, Definition string }
	}
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct{ Expr string }
}

// expressions are what the panels ask for.
func (d dashboard) expressions() (exprs []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			exprs = append(exprs, target.Expr)
		}
	}
	return exprs
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	content, err := os.ReadFile("../docs/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	descName   = regexp.MustCompile(`fqName: "([a-z_]+)"`)
	descLabels = regexp.MustCompile(`variableLabels: \{([a-z_,]*)\}`)
)

// labelsOf lists the labels of every metric by its name as it is asked for: a histogram has three.
func labelsOf(t *testing.T) map[string][]string {
	t.Helper()
	registry := prometheus.NewRegistry()
	if _, err := newMetrics(registry, "dari"); err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		registry.Describe(descs)
	}()
	all := make(map[string][]string)
	for desc := range descs {
		name, labels := descName.FindStringSubmatch(desc.String()), descLabels.FindStringSubmatch(desc.String())
		if name == nil || labels == nil {
			t.Fatalf("a metric that tells no name and labels: %s", desc)
		}
		known := append(strings.Split(labels[1], ","), "job", "instance")
		if !strings.HasSuffix(name[1], "_seconds") {
			all[name[1]] = known
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			all[name[1]+suffix] = append(slices.Clone(known), "le")
		}
	}
	if len(all) < 14 {
		t.Fatalf("%d metrics only", len(all))
	}
	return all
}

var (
	askedMetric = regexp.MustCompile(`caddy_dari_webhook_[a-z_]+`)
	matchedOn   = regexp.MustCompile(`([a-z_]+)(?:=~|!=|!~|=)"`)
	groupedBy   = regexp.MustCompile(`by \(([a-z_, ]+)\)`)
	asksFor     = regexp.MustCompile(`label_values\([a-z_]+(?:\{[^}]*\})?, ([a-z_]+)\)`)
)

// TestDashboardAsksForWhatThereIs finds every metric and label of the dashboard among those of the gate, and every metric
// of the gate on the dashboard.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	t.Parallel()
	d, labels := readDashboard(t), labelsOf(t)
	exprs := d.expressions()
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			exprs = append(exprs, v.Definition)
		}
	}
	shown := make(map[string]bool)
	for _, expr := range exprs {
		for _, name := range asked(t, labels, expr) {
			shown[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")] = true
		}
	}
	for name := range labels {
		if base, histogram := strings.CutSuffix(name, "_sum"); histogram && !shown[base] || !histogram && !strings.Contains(name, "_seconds") && !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// asked lists the metrics of an expression, and checks that they and their labels are among those of the gate.
func asked(t *testing.T, labels map[string][]string, expr string) []string {
	t.Helper()
	metrics := askedMetric.FindAllString(expr, -1)
	if len(metrics) == 0 || strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
		t.Errorf("not an expression over the gate's metrics: %s", expr)
	}
	for _, name := range metrics {
		if labels[name] == nil {
			t.Errorf("there is no %s: %s", name, expr)
		}
		for _, label := range labelsIn(expr) {
			if !slices.Contains(labels[name], label) {
				t.Errorf("%s has no label %s (its labels: %v): %s", name, label, labels[name], expr)
			}
		}
	}
	return metrics
}

// labelsIn lists the labels that an expression names.
func labelsIn(expr string) (labels []string) {
	for _, found := range [][][]string{matchedOn.FindAllStringSubmatch(expr, -1), asksFor.FindAllStringSubmatch(expr, -1)} {
		for _, match := range found {
			labels = append(labels, match[1])
		}
	}
	for _, match := range groupedBy.FindAllStringSubmatch(expr, -1) {
		labels = append(labels, strings.Split(match[1], ", ")...)
	}
	return labels
}

// TestDashboardIsWhole checks what Grafana needs of a dashboard: ids of its own for every panel, and room for it.
func TestDashboardIsWhole(t *testing.T) {
	t.Parallel()
	d := readDashboard(t)
	if d.UID == "" || d.Title == "" || d.SchemaVersion == 0 || len(d.Panels) < 10 {
		t.Errorf("uid %q, title %q, schema %d, %d panels", d.UID, d.Title, d.SchemaVersion, len(d.Panels))
	}
	ids, taken := make(map[int]bool), make(map[[2]int]string)
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("panel %d %q: no title, or an id used before", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %q says or asks for nothing", p.Title)
		}
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W <= 0 || p.GridPos.H <= 0 {
			t.Errorf("panel %q is at %+v", p.Title, p.GridPos)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := taken[at]; ok {
					t.Fatalf("panel %q covers %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}
