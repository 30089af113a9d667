package caddymodule_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// misbehaviour is what a server, or the wire to it, can do to a gate.
type misbehaviour struct {
	settings []string
	do, undo func(*testing.T, *redistest.Server, *toxiproxy.Proxy)
	// reasons are what metrics and health may call it.
	reasons []string
	// says is what the log must say, one of them.
	says []string
}

// config sets a setting of a server.
func config(name, value string) func(*testing.T, *redistest.Server, *toxiproxy.Proxy) {
	return func(t *testing.T, server *redistest.Server, _ *toxiproxy.Proxy) {
		t.Helper()
		server.Must(t, "CONFIG", "SET", name, value)
	}
}

// spoil does something to all that comes back from a server.
func spoil(toxic string) func(*testing.T, *redistest.Server, *toxiproxy.Proxy) {
	return func(t *testing.T, _ *redistest.Server, wire *toxiproxy.Proxy) {
		t.Helper()
		if _, err := wire.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			t.Fatal(err)
		}
	}
}

func clean(_ *testing.T, _ *redistest.Server, wire *toxiproxy.Proxy) {
	wire.Toxics.ResetToxics(context.Background())
}

func kill(_ *testing.T, server *redistest.Server, _ *toxiproxy.Proxy) { server.Kill() }

func restart(t *testing.T, server *redistest.Server, _ *toxiproxy.Proxy) {
	t.Helper()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	redisUser(t, server, misbehaviourPassword) // it had the user in memory alone
}

// misbehaviours lists what is on record of servers in the field.
var misbehaviours = map[string]misbehaviour{
	"refused": {do: kill, undo: restart, reasons: []string{"unreachable"}, says: []string{"cannot be reached"}},
	"paused": {
		do:      func(_ *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) { s.Pause() },
		undo:    func(_ *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) { s.Resume() },
		reasons: []string{"timeout", "unreachable"}, says: []string{"did not answer in time"},
	},
	"slow": {
		do: spoil(`{"name": "slow", "type": "latency", "attributes": {"latency": 2000}}`), undo: clean,
		reasons: []string{"timeout", "unreachable"}, says: []string{"did not answer in time"},
	},
	"black hole": {
		do: spoil(`{"name": "silent", "type": "timeout", "attributes": {"timeout": 0}}`), undo: clean,
		reasons: []string{"timeout", "unreachable"}, says: []string{"did not answer in time"},
	},
	"loading": {
		settings: []string{"--enable-debug-command", "yes", "--loading-process-events-interval-bytes", "1024"},
		do: func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			s.Must(t, "DEBUG", "POPULATE", "20000")
			s.Must(t, "SAVE")
			s.Kill()
			if err := s.Restart("--key-load-delay", "2000"); err != nil {
				t.Fatal(err)
			}
			redisUser(t, s, misbehaviourPassword)
		},
		undo:    config("key-load-delay", "0"), // it would end by itself, after 40 seconds
		reasons: []string{"loading"}, says: []string{"loading its data"},
	},
	"read only": {
		do: func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			host, port, _ := net.SplitHostPort(redistest.New(t).Addr)
			s.Must(t, "REPLICAOF", host, port)
			s.Must(t, "CONFIG", "SET", "replica-serve-stale-data", "yes")
		},
		undo:    func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) { s.Must(t, "REPLICAOF", "NO", "ONE") },
		reasons: []string{"read_only"}, says: []string{"read-only replica"},
	},
	"out of memory":    {do: config("maxmemory", "1"), undo: config("maxmemory", "0"), reasons: []string{"out_of_memory"}, says: []string{"out of memory"}},
	"too few replicas": {do: config("min-replicas-to-write", "1"), undo: config("min-replicas-to-write", "0"), reasons: []string{"no_replicas"}, says: []string{"too few replicas follow it"}},
	"password was changed": {
		do: func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			s.Must(t, "ACL", "SETUSER", "gate", "resetpass", ">another_password_of_the_server")
			s.Must(t, "CLIENT", "KILL", "USER", "gate", "SKIPME", "yes")
		},
		undo: func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			redisUser(t, s, misbehaviourPassword)
		},
		reasons: []string{"denied"}, says: []string{"refuses the user"},
	},
	"rights were taken": {
		do: func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			s.Must(t, "ACL", "SETUSER", "gate", "-evalsha", "-eval")
		},
		undo: func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			s.Must(t, "ACL", "SETUSER", "gate", "+evalsha", "+eval")
		},
		reasons: []string{"denied"}, says: []string{"refuses the user"},
	},
	"busy with a script": {
		settings: []string{"--busy-reply-threshold", "50"},
		do: func(_ *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) {
			go func() { _, _ = s.Do(context.Background(), "EVAL", "while true do end", "0") }() // until it is killed
		},
		undo:    func(t *testing.T, s *redistest.Server, _ *toxiproxy.Proxy) { s.Must(t, "SCRIPT", "KILL") },
		reasons: []string{"busy", "timeout"}, says: []string{"busy with a script", "did not answer in time"},
	},
}

const misbehaviourPassword = "the_password_while_it_misbehaves"

// TestRedisMisbehaves wants every misbehaviour answered in time, seen in the metrics, the log and the health, and over
// without a restart.
func TestRedisMisbehaves(t *testing.T) {
	for name, m := range misbehaviours {
		t.Run(name, func(t *testing.T) {
			server := redistest.New(t, append([]string{"--appendonly", "no", "--dbfilename", "dump.rdb"}, m.settings...)...)
			user := redisUser(t, server, misbehaviourPassword)
			wire := wireTo(t, server.Addr)
			g, r := newGateway(t), newReceiver(t, nil)
			g.load(gateBlock("dedup redis "+wire.Listen+" {\n"+user+"\n}") + "\n" + r.proxy())
			eventually(t, "a delivery", func() bool { return g.deliver("evt_first").status == http.StatusOK })
			eventually(t, "health", func() bool { return g.ask(http.MethodGet, "health").status == http.StatusOK })
			_, seen := transcript.since(0)

			m.do(t, server, wire)
			before := r.hits.Load()
			refused := 0
			var last string
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(last)
				}
			})
			eventually(t, "refusals, the metric, the log and the health", func() bool {
				start := time.Now()
				a := g.deliver(fmt.Sprintf("evt_%d", refused))
				if took := time.Since(start); took > 3*time.Second {
					t.Errorf("an answer after %s", took)
				}
				if a.code() != string(contract.CodeStoreUnavailable) || a.header.Get("Retry-After") == "" {
					return false
				}
				refused++
				log, _ := transcript.since(seen)
				health := g.ask(http.MethodGet, "health")
				last = fmt.Sprintf("answer %s, health %s", a, health)
				return refused > 5 && g.countsOne(m.reasons) && says(log, m.says) &&
					health.status == http.StatusServiceUnavailable && slices.ContainsFunc(m.reasons, func(reason string) bool {
					return strings.Contains(health.body, fmt.Sprintf(`"reason":%q`, reason))
				})
			})
			if n := r.hits.Load() - before; n > 2 && name != "loading" {
				t.Errorf("%d deliveries passed", n)
			}

			m.undo(t, server, wire)
			eventually(t, "the recovery", func() bool { return g.deliver("evt_last").status == http.StatusOK })
			eventually(t, "health again", func() bool { return g.ask(http.MethodGet, "health").status == http.StatusOK })
		})
	}
}

// countsOne reports whether the metric of faults counts a claim's, for one of the reasons.
func (g *gateway) countsOne(reasons []string) bool {
	g.t.Helper()
	return slices.ContainsFunc(reasons, func(reason string) bool {
		return g.metric(fmt.Sprintf(`caddy_dari_webhook_store_faults_total{operation="claim",provider="dari",reason=%q}`, reason)) != ""
	})
}

// says reports whether the log says one of some things of a store that cannot answer.
func says(log string, things []string) bool {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "store unavailable") &&
			slices.ContainsFunc(things, func(thing string) bool { return strings.Contains(line, thing) }) {
			return true
		}
	}
	return false
}

// wireTo lays a wire to a server, which can be spoilt.
func wireTo(t *testing.T, address string) *toxiproxy.Proxy {
	t.Helper()
	wire := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), t.Name(), "127.0.0.1:0", address)
	if err := wire.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Stop)
	return wire
}
