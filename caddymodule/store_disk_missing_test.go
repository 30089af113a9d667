package caddymodule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMissingRecordsAreTold removes a store's log between two configurations, as a cleaner does between two starts. Caddy's log
// says how many records are missing, in one line without a stack.
func TestMissingRecordsAreTold(t *testing.T) {
	g, r := newGateway(t), newReceiver(t, nil)
	store, output := filepath.Join(g.dir, "store"), filepath.Join(g.dir, "caddy.log")
	load := func(site string) {
		file := strings.Replace(g.caddyfile("http://gate.test", site), "output dari_test", "output file "+output, 1)
		if err := g.tryLoadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	gate := gateBlock("dedup disk "+store) + "\n" + r.proxy()
	load(gate)
	for i := range 5 {
		g.deliver(fmt.Sprintf("evt_%d", i))
	}
	logs := func() []string {
		names, err := filepath.Glob(filepath.Join(store, "records", "*.log"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no log of the store (%v)", err)
		}
		return names
	}
	load("respond here")
	for _, name := range logs() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	load(gate)
	said := ""
	eventually(t, "a line on missing records", func() bool {
		content, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, "records are missing") {
				said = line
			}
		}
		return said != ""
	})
	if !strings.Contains(said, `"records_expected":5,"records_found":0`) || strings.Contains(said, "stacktrace") {
		t.Errorf("line = %s, want 5 records expected, none found, and no stack", said)
	}
}
