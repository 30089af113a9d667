package caddymodule_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/darihook/darihook/caddymodule"
	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// Caddy is one per process, so that the tests that run it are not parallel with each other. They listen on Unix sockets.

// secretEnv is the variable that holds the secret in the tests' configurations.
const secretEnv = "DARI_TEST_SECRET"

// gateway is a running Caddy.
type gateway struct {
	t      *testing.T
	dir    string
	client *http.Client
	admin  *http.Client
	secret signature.Secret
}

// newGateway prepares a directory, a secret and clients. Caddy runs once a configuration is loaded, until the test ends.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	dir, err := os.MkdirTemp("", "gate") //nolint:usetesting // t.TempDir's path holds the test's name: too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_DATA_HOME", filepath.Join(dir, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "config"))
	text := "whsec_" + strings.ToLower(fmt.Sprintf("%032x", time.Now().UnixNano()))
	t.Setenv(secretEnv, text)
	secrets.add(text)
	return &gateway{
		t: t, dir: dir, secret: newSecret(t, text),
		client: socketClient(t, filepath.Join(dir, "gate")),
		admin:  socketClient(t, filepath.Join(dir, "admin")),
	}
}

func newSecret(t testing.TB, text string) signature.Secret {
	t.Helper()
	s, err := signature.NewSecret(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// socketClient speaks HTTP/1.1 over a Unix socket, and lets the transcript see all answers.
func socketClient(t *testing.T, path string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transcribing{transport}, Timeout: 30 * time.Second}
}

// load runs Caddy with a site whose block is given, and the global options that tests need.
func (g *gateway) load(site string) {
	g.t.Helper()
	if err := g.tryLoad(site); err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) tryLoad(site string) error {
	return g.tryLoadFile(g.caddyfile("http://gate.test", site))
}

// caddyfile is a whole Caddyfile with one site on the gateway's socket.
func (g *gateway) caddyfile(address, site string) string {
	return fmt.Sprintf(`{
	admin unix/%[1]s/admin
	persist_config off
	grace_period 5s
	auto_https disable_redirects
	skip_install_trust
	metrics
	log {
		output dari_test
		level DEBUG
		format filter {
			wrap json
			fields {
				request>headers>Dari-Webhook-Signature delete
			}
		}
	}
}
%[2]s {
	bind unix/%[1]s/gate
	%[3]s
}
`, g.dir, address, site)
}

func (g *gateway) tryLoadFile(caddyfile string) error {
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			g.t.Errorf("warning: %s", w)
		}
	}
	running.Do(g.t)
	g.client.CloseIdleConnections() // those of the old servers, which will close them
	for range 10 {
		// Caddy closes the old servers after Load has returned, and a listener that they share may go with them.
		if err = caddy.Load(config, true); err == nil || !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), net.ErrClosed.Error()) {
			break
		}
	}
	return err
}

// running stops Caddy at the end of each test that has started it.
var running onceEach

type onceEach struct{ tests sync.Map }

func (o *onceEach) Do(t *testing.T) {
	if _, done := o.tests.LoadOrStore(t.Name(), true); done {
		return
	}
	t.Cleanup(func() {
		o.tests.Delete(t.Name())
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping Caddy: %v", err)
		}
	})
}

// gateBlock is the directive with the test's secret and some more lines.
func gateBlock(lines ...string) string {
	return "dari_webhook {\n\t\tsecret {env." + secretEnv + "}\n\t\t" + strings.Join(lines, "\n\t\t") + "\n\t}"
}

// inMemory is the dedup option that most tests use.
func inMemory(lines ...string) string { return "dedup memory {\n" + strings.Join(lines, "\n") + "\n}" }

// receiver is a program behind the gate that notes what it gets.
type receiver struct {
	*httptest.Server
	hits atomic.Int64

	mu       sync.Mutex
	requests []received
}

type received struct {
	header  http.Header
	trailer http.Header
	length  int64
	body    []byte
}

// newReceiver starts a receiver that answers with answer, or 200 where it is nil.
func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := new(receiver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.hits.Add(1)
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.requests = append(r.requests, received{req.Header.Clone(), req.Trailer.Clone(), req.ContentLength, body})
		r.mu.Unlock()
		if answer != nil {
			req.Body = io.NopCloser(bytes.NewReader(body))
			answer(w, req)
		}
	}))
	r.Server.Config.ErrorLog = nil
	t.Cleanup(r.Close)
	return r
}

// last returns what the receiver got last.
func (r *receiver) last(t *testing.T) received {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.requests) == 0 {
		t.Fatal("the receiver got nothing")
	}
	return r.requests[len(r.requests)-1]
}

// proxy is the directive that forwards to the receiver.
func (r *receiver) proxy() string { return "reverse_proxy " + strings.TrimPrefix(r.URL, "http://") }

// way is how deliveries get from the gate to the receiver.
type way string

const (
	byProxy   way = "reverse_proxy"
	byForward way = "forward"
)

var ways = []way{byProxy, byForward}

// eachWay runs a test for each way.
func eachWay(t *testing.T, test func(t *testing.T, by way)) {
	for _, by := range ways {
		t.Run(string(by), func(t *testing.T) { test(t, by) })
	}
}

// site is a gate with some lines in front of a receiver.
func (w way) site(r *receiver, lines ...string) string {
	return w.siteAt(strings.TrimPrefix(r.URL, "http://"), lines...)
}

// siteAt is a gate with some lines in front of an address.
func (w way) siteAt(address string, lines ...string) string {
	if w == byForward {
		return gateBlock(append(lines, "forward "+address)...)
	}
	return gateBlock(lines...) + "\nreverse_proxy " + address
}

// impatient is a site whose receiver has to answer within 100 milliseconds.
func (w way) impatient(r *receiver, lines ...string) string {
	if w == byForward {
		return w.siteAt(r.URL+" {\ntimeout 100ms\n}", lines...)
	}
	return w.siteAt(r.URL+" {\ntransport http {\nresponse_header_timeout 100ms\n}\n}", lines...)
}

// event is the body of a delivery.
func event(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"session.completed","created_at":"2026-01-01T00:00:00Z","data":{"session_id":"sess_1","agent_id":"agt_1"}}`, id)
}

// request is a signed delivery of a body.
func (g *gateway) request(body string) *http.Request {
	g.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://gate.test/hook", strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	g.sign(req, body)
	return req
}

// sign gives a request the signature of a body.
func (g *gateway) sign(req *http.Request, body string) {
	g.t.Helper()
	signer, err := signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{g.secret}})
	if err != nil {
		g.t.Fatal(err)
	}
	fields, err := signer.Sign(signature.Message{Time: time.Now(), Body: []byte(body)})
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range fields {
		req.Header.Set(f.Name, f.Value)
	}
	_, sum, _ := strings.Cut(req.Header.Get(contract.HeaderSignature), "v1=")
	secrets.add(sum)
}

// answer is what a sender gets.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) code() string    { return a.header.Get(contract.HeaderError) }
func (a answer) duplicate() bool { return a.header.Get(contract.HeaderDuplicate) == "true" }
func (a answer) String() string {
	return fmt.Sprintf("%d %s duplicate=%t %q", a.status, a.code(), a.duplicate(), a.body)
}

// send sends a request and reads the answer to its end.
func (g *gateway) send(req *http.Request) answer {
	g.t.Helper()
	a, err := sendBy(g.client, req)
	for range 5 {
		if err == nil || !cutByReload(err) || req.GetBody == nil {
			break
		}
		req.Body, _ = req.GetBody() // it makes a reader of a string
		a, err = sendBy(g.client, req)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// cutByReload tells a connection that an old server accepted just before it closed: nothing of the request was read.
func cutByReload(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

func sendBy(client *http.Client, req *http.Request) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return answer{resp.StatusCode, resp.Header, string(body)}, err
}

// deliver sends a signed delivery.
func (g *gateway) deliver(id string) answer {
	g.t.Helper()
	return g.send(g.request(event(id)))
}

// get asks Caddy's own API.
func (g *gateway) get(path string) string {
	g.t.Helper()
	resp, err := g.admin.Get("http://localhost" + path)
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		g.t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
	return string(body)
}

// metric returns the line of the metrics that begins with name.
func (g *gateway) metric(name string) string {
	g.t.Helper()
	for line := range strings.Lines(g.get("/metrics")) {
		if value, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 seconds", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// blocked holds the ids whose deliveries the receiver is to hold, and reaching those that are waited for to arrive.
var blocked, reaching sync.Map

// holding answers a delivery once it is let go, where it is to be held.
func holding(_ http.ResponseWriter, r *http.Request) {
	id := r.Header.Get(contract.HeaderID)
	if reached, ok := reaching.LoadAndDelete(id); ok {
		close(reached.(chan struct{}))
	}
	if ch, ok := blocked.Load(id); ok {
		<-ch.(chan struct{})
	}
}

// setBody gives a request another body than it was signed for.
func setBody(req *http.Request, body string) {
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}
