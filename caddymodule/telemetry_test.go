package caddymodule_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

func init() { caddy.RegisterModule(new(eventKeeper)) }

// eventKeeper is an event handler that keeps what it is told.
type eventKeeper struct{}

var kept struct {
	sync.Mutex
	events []string
}

func (*eventKeeper) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.dari_test", New: func() caddy.Module { return new(eventKeeper) }}
}

func (*eventKeeper) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*eventKeeper) Handle(_ context.Context, e caddy.Event) error {
	kept.Lock()
	defer kept.Unlock()
	text := e.Name()
	for _, field := range []string{"provider", "code", "id", "event"} {
		value, _ := e.Data[field].(string)
		text += "|" + value
	}
	kept.events = append(kept.events, text)
	return nil
}

func TestEvents(t *testing.T) {
	g := newGateway(t)
	site := "route /broken {\n" + gateBlock("dedup test_broken") + "\n}\nroute /hook {\n" + gateBlock(inMemory()) + "\n}\nrespond ok"
	var on []string
	for _, name := range []string{caddymodule.EventRefused, caddymodule.EventDuplicate, caddymodule.EventStoreUnavailable} {
		on = append(on, "on "+name+" dari_test")
	}
	config := strings.Replace(g.caddyfile("http://gate.test", site), "\tmetrics\n", "\tmetrics\n\tevents {\n"+strings.Join(on, "\n")+"\n}\n", 1)
	if err := g.tryLoadFile(config); err != nil {
		t.Fatal(err)
	}
	kept.Lock()
	kept.events = nil
	kept.Unlock()
	g.deliver("evt_1")
	g.deliver("evt_1")
	provocations[contract.CodeSignatureMissing](t, g)
	provocations[contract.CodeIDMissing](t, g)
	provocations[contract.CodeStoreUnavailable](t, g)
	kept.Lock()
	defer kept.Unlock()
	if want := []string{
		"dari_webhook.duplicate|dari||evt_1|session.completed",
		"dari_webhook.refused|dari|signature_missing||",
		"dari_webhook.refused|dari|id_missing||",
		"dari_webhook.store_unavailable|dari|store_unavailable|evt_1|session.completed",
	}; !slices.Equal(kept.events, want) {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(kept.events, "\n"), strings.Join(want, "\n"))
	}
}

// TestCountersBeginAtZero shows the counters that alerts watch before they have counted anything: Prometheus sees no increase
// in a counter that appears as 1.
func TestCountersBeginAtZero(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	g.load(gateBlock(inMemory()) + "\n" + r.proxy())
	for _, series := range []string{
		`caddy_dari_webhook_lost_claims_total{provider="dari"}`,
		`caddy_dari_webhook_unrecorded_total{provider="dari"}`,
		`caddy_dari_webhook_secret_reloads_total{provider="dari",result="ok"}`,
		`caddy_dari_webhook_secret_reloads_total{provider="dari",result="error"}`,
		`caddy_dari_webhook_store_evicted_total{store="memory"}`,
	} {
		if n := g.metric(series); n != "0" {
			t.Errorf("%s is %q", series, n)
		}
	}
}

// TestMetricLabels holds the labels of every series to the values that they may take, after every kind of request.
func TestMetricLabels(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, holding)
	g.load(answersSite(r, ""))
	for _, refusal := range contract.Refusals() {
		provocations[refusal.Code](t, g)
	}
	codes := []string{""}
	for _, refusal := range contract.Refusals() {
		codes = append(codes, string(refusal.Code))
	}
	var operations []string
	for _, op := range gate.Operations() {
		operations = append(operations, string(op))
	}
	allowed := map[string][]string{
		"provider":  {"dari"},
		"decision":  {"refused", "forwarded", "duplicate", "observed"},
		"code":      codes,
		"outcome":   {"success", "failure", "error", "panic"},
		"operation": operations,
		"store":     {"memory", "disk", "test_broken"},
		"state":     {"in_flight", "done"},
		"result":    {"ok", "error"},
		"reason":    {"timeout", "full", "closed", "no_space", "failed", "unexpected"},
	}
	series := 0
	for line := range strings.Lines(g.get("/metrics")) {
		labels, ours := strings.CutPrefix(line, "caddy_dari_webhook_")
		if !ours {
			continue
		}
		series++
		_, labels, _ = strings.Cut(labels, "{")
		labels, _, _ = strings.Cut(labels, "}")
		for label := range strings.SplitSeq(labels, ",") {
			name, value, _ := strings.Cut(label, "=")
			if value = strings.Trim(value, `"`); name != "le" && !slices.Contains(allowed[name], value) {
				t.Errorf("label %s has the value %q", name, value)
			}
		}
	}
	if series < 50 {
		t.Errorf("%d series only", series)
	}
}

// TestLeaksAreFound shows that the search over all that the tests have had out of Caddy does find what it looks for.
func TestLeaksAreFound(t *testing.T) {
	g := newGateway(t)
	g.load(gateBlock("dedup off") + "\nrespond ok")
	before := findLeaks()
	probe := "a text that no secret ever was"
	if _, err := transcript.Write([]byte("{" + probe + "}")); err != nil {
		t.Fatal(err)
	}
	secrets.add(probe)
	defer secrets.forget(probe)
	if found := findLeaks() - before; found != 1 {
		t.Errorf("%d leaks found, want the one", found)
	}
	if log, _ := transcript.since(0); !strings.Contains(log, `"level":"debug"`) {
		t.Error("the transcript has no log at debug level")
	}
}
