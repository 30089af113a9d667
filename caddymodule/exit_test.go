package caddymodule_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/darihook/darihook/internal/process"
)

// caddyfileEnv names the Caddyfile that this program runs in place of its tests.
const caddyfileEnv = "DARI_TEST_CADDYFILE"

// beCaddy runs a Caddyfile until a signal, or returns why it cannot.
func beCaddy(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, map[string]any{"filename": path})
	if err != nil {
		return err
	}
	caddy.TrapSignals()
	if err := caddy.Load(config, true); err != nil {
		return err
	}
	select {}
}

// caddyProcess runs a Caddyfile in a process of its own until the test ends.
func (g *gateway) caddyProcess(caddyfile string) *process.Process {
	g.t.Helper()
	path := filepath.Join(g.dir, "Caddyfile")
	if err := os.WriteFile(path, []byte(caddyfile), 0o600); err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.CommandContext(g.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), caddyfileEnv+"="+path)
	p, err := process.Start(cmd)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(p.Kill)
	eventually(g.t, "the gate's socket", func() bool {
		conn, err := new(net.Dialer).DialContext(g.t.Context(), "unix", filepath.Join(g.dir, "gate"))
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	return p
}

// TestExitKeepsTheGracePeriod asks Caddy to exit while receivers are at work that do not end, behind two gates and for senders
// that wait or have hung up.
func TestExitKeepsTheGracePeriod(t *testing.T) {
	const slack = 15 * time.Second // for a busy machine; without its bound the exit takes a minute for each gate, or an hour
	for name, row := range map[string]struct {
		grace  string
		least  time.Duration // what deliveries are given
		most   time.Duration
		hangUp bool
	}{
		"ok/senders wait":                     {"grace_period 4s", 2500 * time.Millisecond, 4 * time.Second, false},
		"ok/senders hung up":                  {"grace_period 4s", 2500 * time.Millisecond, 4 * time.Second, true},
		"ok/senders hung up, no grace period": {"", 2500 * time.Millisecond, 5 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			reached, ended := make(chan struct{}), make(chan struct{})
			r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
				reached <- struct{}{}
				for streams := strings.HasPrefix(req.URL.Path, "/streams"); streams; {
					_, _ = w.Write([]byte("more "))
					_ = http.NewResponseController(w).Flush()
					select {
					case <-ended:
						return
					case <-time.After(20 * time.Millisecond):
					}
				}
				<-ended
			})
			t.Cleanup(func() { close(ended) }) // before the receiver is closed
			var site strings.Builder
			paths := []string{"/streams/proxy", "/hangs/proxy", "/streams/forward", "/hangs/forward"}
			for i, path := range paths {
				by, store := ways[i/2], "dedup disk "+g.dir+"/store"
				if i%2 == 0 {
					store = inMemory()
				}
				fmt.Fprintf(&site, "handle %s {\n%s\n}\n", path, by.site(r, "scope "+path, store))
			}
			p := g.caddyProcess(fmt.Sprintf("{\nadmin off\npersist_config off\n%s\n}\nhttp:// {\nbind unix/%s/gate\n%s\n}\n", row.grace, g.dir, &site))
			senders, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			for _, path := range paths {
				g.deliverBlindly(senders, path)
				<-reached
			}
			if row.hangUp {
				hangUp()
			}
			start := time.Now()
			if err := p.Interrupt(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-p.Exited():
			case <-time.After(row.most + slack):
				t.Fatalf("still running after %s", row.most+slack)
			}
			if took := time.Since(start); took < row.least {
				t.Errorf("it exited after %s: deliveries are given the grace period", took)
			}
		})
	}
}

// deliverBlindly sends a delivery in the background, until its context ends.
func (g *gateway) deliverBlindly(ctx context.Context, path string) {
	req := g.request(event("evt_" + path)).WithContext(ctx)
	req.URL.Path = path
	go func() {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(g.dir, "gate"))
		if err != nil {
			return
		}
		defer conn.Close()
		if req.Write(conn) != nil {
			return
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = io.Copy(io.Discard, conn)
	}()
}
