package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

const secret = "whsec_of_the_process_that_dies_0123"

// built is this package's program, built once for all tests.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "caddy")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "caddy")
	out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if binary, err := built(); err == nil {
		_ = os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// gateway is a Caddy in a process of its own, run from the repository's Caddyfile as it stands unless config is another.
type gateway struct {
	t       *testing.T
	dir     string
	config  string
	env     []string
	process *exec.Cmd
	log     *bytes.Buffer
	client  *http.Client
}

func newGateway(t *testing.T, upstream string) *gateway {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // t.TempDir's path holds the test's name: too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "gate")
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	g := &gateway{t: t, dir: dir, config: "../../Caddyfile", client: &http.Client{Transport: transport, Timeout: 20 * time.Second}, env: append(os.Environ(),
		"XDG_DATA_HOME="+filepath.Join(dir, "data"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"),
		"DARI_WEBHOOK_SECRET="+secret, "DARI_GATE_BIND=unix/"+socket, "DARI_GATE_ADMIN=unix/"+filepath.Join(dir, "admin"),
		"DARI_GATE_UPSTREAM="+strings.TrimPrefix(upstream, "http://"))}
	t.Cleanup(g.kill)
	return g
}

// start runs the process and waits until it answers.
func (g *gateway) start() {
	g.t.Helper()
	binary, err := built()
	if err != nil {
		g.t.Fatal(err)
	}
	g.process, g.log = exec.Command(binary, "run", "--config", g.config), new(bytes.Buffer)
	g.process.Env, g.process.Stderr = g.env, g.log
	if err := g.process.Start(); err != nil {
		g.t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		resp, err := g.client.Get("http://gate/")
		if err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			g.kill()
			g.t.Fatalf("%v\n%s", err, g.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// kill ends the process without warning.
func (g *gateway) kill() {
	if g.process != nil {
		_ = g.process.Process.Kill()
		_ = g.process.Wait()
		g.process = nil
	}
}

// deliver sends a signed delivery.
func (g *gateway) deliver(id string) (*http.Response, error) {
	body := fmt.Sprintf(`{"id":%q,"type":"session.completed"}`, id)
	s, err := signature.NewSecret(secret)
	if err != nil {
		return nil, err
	}
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
	if err != nil {
		return nil, err
	}
	fields, err := signer.Sign(signature.Message{Time: time.Now(), Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, "http://gate/hook", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for _, f := range fields {
		req.Header.Set(f.Name, f.Value)
	}
	resp, err := g.client.Do(req)
	if err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	return resp, err
}

// expect demands a status, and whether the answer repeats a recorded one.
func (g *gateway) expect(id string, status int, duplicate bool) {
	g.t.Helper()
	resp, err := g.deliver(id)
	if err != nil {
		g.t.Fatalf("%s: %v", id, err)
	}
	if resp.StatusCode != status || (resp.Header.Get(contract.HeaderDuplicate) == "true") != duplicate {
		g.t.Errorf("%s: %s, duplicate %q", id, resp.Status, resp.Header.Get(contract.HeaderDuplicate))
	}
}

// TestKilledBetweenClaimAndCommit kills the gate while a receiver works. What was committed before stays known; what was
// not is a new delivery at once, since a claim dies with its process: nothing is lost.
func TestKilledBetweenClaimAndCommit(t *testing.T) {
	t.Parallel()
	calls := make(chan string, 10)
	proceed := make(chan struct{})
	var once sync.Once
	letGo := func() { once.Do(func() { close(proceed) }) }
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(contract.HeaderID)
		calls <- id
		if id == "evt_cut" {
			<-proceed
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(receiver.Close)
	t.Cleanup(letGo)

	g := newGateway(t, receiver.URL)
	g.start()
	g.expect("evt_before", http.StatusAccepted, false)
	if id := <-calls; id != "evt_before" {
		t.Fatalf("the receiver got %s", id)
	}
	cut := make(chan error, 1)
	go func() {
		_, err := g.deliver("evt_cut")
		cut <- err
	}()
	if id := <-calls; id != "evt_cut" {
		t.Fatalf("the receiver got %s", id)
	}
	g.kill()
	if err := <-cut; err == nil {
		t.Error("the sender was answered by a dead gate")
	}
	letGo()

	g.start()
	g.expect("evt_before", http.StatusAccepted, true)
	start := time.Now()
	g.expect("evt_cut", http.StatusAccepted, false)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a dead process's claim held the delivery up for %s", took)
	}
	if id := <-calls; id != "evt_cut" {
		t.Fatalf("the receiver got %s", id)
	}
	g.expect("evt_cut", http.StatusAccepted, true)
	if len(calls) != 0 {
		t.Errorf("the receiver was called %d times more", len(calls))
	}
}

// TestCaddyfileAsItStands needs its one variable, and nothing else.
func TestCaddyfileAsItStands(t *testing.T) {
	t.Parallel()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]bool{"ok/set": true, "fail/unset": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			validate := exec.CommandContext(t.Context(), binary, "validate", "--config", "../../Caddyfile")
			validate.Env = []string{"HOME=" + dir, "XDG_DATA_HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "PATH=" + os.Getenv("PATH")}
			if set {
				validate.Env = append(validate.Env, "DARI_WEBHOOK_SECRET="+secret)
			}
			out, err := validate.CombinedOutput()
			if (err == nil) != set {
				t.Fatalf("%v\n%s", err, out)
			}
			if !set && !bytes.Contains(out, []byte("{env.DARI_WEBHOOK_SECRET}")) {
				t.Errorf("the error does not name the variable:\n%s", out)
			}
			if bytes.Contains(out, []byte(secret)) {
				t.Error("the secret shows")
			}
		})
	}
}

// TestCaddyfileCutsDawdlers asks every server for a rate at which bodies have to come.
func TestCaddyfileCutsDawdlers(t *testing.T) {
	t.Parallel()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), binary, "adapt", "--config", "../../Caddyfile").Output()
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct {
					ReadIdleTimeout time.Duration `json:"read_idle_timeout"`
					ReadMinRate     int64         `json:"read_min_rate"`
				} `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(out, &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Apps.HTTP.Servers) == 0 {
		t.Fatal("the Caddyfile has no server")
	}
	for name, s := range config.Apps.HTTP.Servers {
		if s.ReadIdleTimeout <= 0 || s.ReadIdleTimeout > time.Minute || s.ReadMinRate < 1<<10 {
			t.Errorf("%s waits %s for %d bytes/s", name, s.ReadIdleTimeout, s.ReadMinRate)
		}
	}
}
