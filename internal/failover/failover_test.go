package failover

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

const (
	// before is how long all is well, and after how long a run goes on: until a Sentinel has demoted the old primary.
	before = 2 * time.Second
	after  = 15 * time.Second
)

// row is something that happens to servers.
type row struct {
	name     string
	short    bool // of the short table
	field    func(*testing.T, ...string) *field
	happens  func(*field)
	option   string   // of the gate
	settings []string // of the servers
}

func crash(f *field)   { f.crash() }
func planned(f *field) { f.planned() }

var minReplicas = []string{"--min-replicas-to-write", "1"}

var table = []row{
	{name: "single server, `kill -9` and a restart", field: single, happens: crash},
	{name: "single server, paused 5 s", field: single, happens: (*field).pause},
	{name: "address repointed, primary killed", field: repointed, happens: crash},
	{name: "address repointed, planned", short: true, field: repointed, happens: planned},
	{name: "address repointed, planned, `replicas 1`", field: repointed, happens: planned, option: "replicas 1"},
	{name: "Sentinel, primary killed", field: sentinel, happens: crash},
	{name: "Sentinel, primary killed, `replicas 1`", field: sentinel, happens: crash, option: "replicas 1"},
	{name: "Sentinel, primary killed, `min-replicas-to-write 1`", field: sentinel, happens: crash, settings: minReplicas},
	{name: "Sentinel, planned", short: true, field: sentinel, happens: planned},
	{name: "Sentinel, planned, `replicas 1`", field: sentinel, happens: planned, option: "replicas 1"},
	{name: "Sentinel, planned, `min-replicas-to-write 1`", field: sentinel, happens: planned, settings: minReplicas},
	{name: "Sentinel, primary paused 5 s", field: sentinel, happens: (*field).pause},
	{name: "Cluster, a primary killed", short: true, field: cluster, happens: crash},
	{name: "Cluster, planned", field: cluster, happens: planned},
	{name: "Cluster, planned, `replicas 1`", field: cluster, happens: planned, option: "replicas 1"},
	{name: "Cluster, a primary paused 5 s", field: cluster, happens: (*field).pause},
}

// TestFailover lets each row happen to servers under load: no delivery may be lost, and none may run twice that no gate names.
func TestFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("takes longer")
	}
	if _, err := redistest.Program(); err != nil && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	var mu sync.Mutex
	var report []string
	t.Cleanup(func() {
		t.Logf("| what happens | no success for | sent | tries refused | lost | run twice | of these named |\n|---|---|---|---|---|---|---|\n%s",
			strings.Join(report, "\n"))
	})
	for _, r := range table {
		if !r.short && !*full {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			if !*full {
				t.Parallel()
			}
			a := r.run(t)
			mu.Lock()
			defer mu.Unlock()
			report = append(report, a.row(r.name))
			if len(a.lost) > 0 {
				t.Errorf("lost: %v", a.lost)
			}
			if len(a.unnamed) > 0 {
				t.Errorf("run twice and not named: %v", a.unnamed)
			}
		})
	}
}

// run has a row happen.
func (r row) run(t *testing.T) account {
	t.Helper()
	f := r.field(t, r.settings...)
	load := newRun(t, f, r.option)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		load.send(stop)
	}()
	time.Sleep(before) // the load is what is measured
	happened := time.Now()
	r.happens(f)
	time.Sleep(time.Until(happened.Add(after)))
	close(stop)
	<-ended
	load.again()
	return load.account(happened)
}
