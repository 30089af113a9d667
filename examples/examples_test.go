// Package examples_test starts every example as its users do and sends it deliveries.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
)

// The secrets that the examples are given, and the key that they post results with.
const (
	secret       = "whsec_the-first-secret-of-the-examples"
	secondSecret = "whsec_the-second-secret-of-the-examples"
	apiKey       = "key_of-the-examples"
)

// example is one program under test.
type example struct {
	name        string
	interpreter string
	program     string
}

// receivers verify deliveries themselves.
var receivers = []example{
	{"node", "node", "node-receiver/receiver.mjs"},
	{"python", "python3", "python-receiver/receiver.py"},
}

// behindGate leaves that to the gate.
var behindGate = example{"behind-gate", "node", "behind-gate/receiver.mjs"}

// command prepares to run an example. Without its interpreter the test is skipped, or fails where nothing may be skipped.
func (e example) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	interpreter, err := exec.LookPath(e.interpreter)
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("%s is needed in CI: %v", e.interpreter, err)
	case err != nil:
		t.Skipf("%s is not on this machine: %v", e.interpreter, err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, append([]string{e.program}, args...)...)
	cmd.Env = append(os.Environ(),
		"DARI_WEBHOOK_SECRET="+secret, "DARI_WEBHOOK_SECOND_SECRET="+secondSecret, "DARI_API_KEY="+apiKey)
	return cmd
}

// start runs an example until the test ends and returns its URL.
func (e example) start(t *testing.T) (url string, cmd *exec.Cmd) {
	t.Helper()
	cmd = e.command(t, "--listen", "127.0.0.1:0")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("reading the example's output: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", e.program, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended already, as it should
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", e.program, complaints.String())
		}
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var ready struct {
		URL string `json:"url"`
	}
	if err != nil || json.Unmarshal(line, &ready) != nil || ready.URL == "" {
		t.Fatalf("%s printed %q (%v), want one line of JSON with its url", e.program, line, err)
	}
	return ready.URL, cmd
}

// platform is the side of the contract that takes results. It gives the statuses in turn and then 202.
type platform struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	results  []map[string]any
	// arrived gets a value for every result, before it is answered.
	arrived chan struct{}
	// hold delays every answer until it is closed. Nil: no delay.
	hold chan struct{}
}

func newPlatform(t *testing.T, statuses ...int) *platform {
	t.Helper()
	p := &platform{statuses: statuses, arrived: make(chan struct{}, 100)}
	p.Server = httptest.NewServer(http.HandlerFunc(p.take))
	t.Cleanup(p.Close)
	return p
}

// take keeps one result.
func (p *platform) take(w http.ResponseWriter, r *http.Request) {
	result := map[string]any{"path": r.URL.Path, "authorization": r.Header.Get("Authorization")}
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &result) // what is missing is noticed by who looks for it
	status := http.StatusAccepted
	p.mu.Lock()
	p.results = append(p.results, result)
	if len(p.statuses) > 0 {
		status, p.statuses = p.statuses[0], p.statuses[1:]
	}
	p.mu.Unlock()
	p.arrived <- struct{}{}
	if p.hold != nil {
		<-p.hold
	}
	w.WriteHeader(status)
}

// count returns how many results have come.
func (p *platform) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.results)
}

// toolCall is a tool call whose result goes to the platform.
func (p *platform) toolCall(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"type":"tool.call_requested","created_at":"2026-01-01T00:00:00Z", "data":{`+
		`"submit_url":"%s/v1/sessions/sess_1/events","session_id":"sess_1","message_id":"msg_1","tool_call_id":"call_1",`+
		`"tool_name":"weather","arguments":{"city":"Lisboa \u00e9"}}}`, id, p.URL)
}

// request is a delivery that can be spoilt before it is sent.
type request struct {
	method string
	header http.Header
	body   io.Reader
}

// sign makes a delivery of a body at a time under a secret.
func sign(body []byte, at time.Time, key string) *request {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h := http.Header{}
	h.Set(contract.HeaderSignature, "t="+stamp+",v1="+digest(key, stamp, body))
	h.Set(contract.HeaderTimestamp, stamp)
	h.Set("Content-Type", "application/json")
	return &request{http.MethodPost, h, bytes.NewReader(body)}
}

// digest is the signature of a body.
func digest(key, stamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// client keeps no connection, so that an example that is told to stop has none to wait for.
var client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// send sends a request and returns the status.
func (r *request) send(t *testing.T, url string) int {
	t.Helper()
	status, err := r.try(t.Context(), url)
	if err != nil {
		t.Fatalf("sending a delivery: %v", err)
	}
	return status
}

// try is send for goroutines other than the test's.
func (r *request) try(ctx context.Context, url string) (int, error) {
	return r.tryAt(ctx, url+"/hooks/dari")
}

// tryAt is try for another path than that of deliveries.
func (r *request) tryAt(ctx context.Context, url string) (int, error) {
	outgoing, err := http.NewRequestWithContext(ctx, r.method, url, r.body)
	if err != nil {
		return 0, err
	}
	outgoing.Header = r.header
	answer, err := client.Do(outgoing)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

// each runs a test for every receiver that verifies deliveries itself.
func each(t *testing.T, test func(t *testing.T, e example)) {
	t.Parallel()
	for _, e := range receivers {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func TestReceiverAnswersAToolCall(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		p := newPlatform(t)
		url, _ := e.start(t)
		for _, key := range []string{secret, secondSecret} {
			if got := sign(p.toolCall("evt_"+key), time.Now(), key).send(t, url); got != http.StatusOK {
				t.Fatalf("a good delivery got %d, want 200", got)
			}
		}
		if p.count() != 2 {
			t.Fatalf("%d results, want 2", p.count())
		}
		want := map[string]any{
			"path": "/v1/sessions/sess_1/events", "authorization": "Bearer " + apiKey,
			"type": "tool.result_submitted", "message_id": "msg_1", "tool_call_id": "call_1", "is_error": false,
		}
		for name, value := range want {
			if got := p.results[0][name]; got != value {
				t.Errorf("result has %s %v, want %v", name, got, value)
			}
		}
		if p.results[0]["result"] == nil {
			t.Error("the result is missing")
		}
	})
}

func TestReceiverRefuses(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		p := newPlatform(t)
		url, _ := e.start(t)
		now := time.Now()
		stamp := strconv.FormatInt(now.Unix(), 10)
		for i, row := range []struct {
			name   string
			status int
			spoil  func(r *request, body []byte)
		}{
			{"fail/no signature", 401, func(r *request, _ []byte) { r.header.Del(contract.HeaderSignature) }},
			{"fail/forged", 401, func(r *request, body []byte) { *r = *sign(body, now, "whsec_another-secret") }},
			{"fail/empty secret", 401, func(r *request, body []byte) { *r = *sign(body, now, "") }},
			{"fail/prefix cut off", 401, func(r *request, body []byte) { *r = *sign(body, now, secret[len("whsec_"):]) }},
			{"fail/other body", 401, func(r *request, body []byte) { r.body = bytes.NewReader(append(body, '\n')) }},
			{"fail/stale", 401, func(r *request, body []byte) { *r = *sign(body, now.Add(-310*time.Second), secret) }},
			{"fail/future", 401, func(r *request, body []byte) { *r = *sign(body, now.Add(310*time.Second), secret) }},
			{"fail/v0 only", 401, func(r *request, body []byte) {
				r.header.Set(contract.HeaderSignature, "t="+stamp+",v0="+digest(secret, stamp, body))
			}},
			{"fail/two headers", 401, func(r *request, _ []byte) {
				r.header.Add(contract.HeaderSignature, r.header.Get(contract.HeaderSignature))
			}},
			{"fail/two timestamps", 401, func(r *request, _ []byte) {
				r.header.Set(contract.HeaderSignature, "t="+stamp+","+r.header.Get(contract.HeaderSignature))
			}},
			{"fail/timestamps differ", 401, func(r *request, _ []byte) { r.header.Set(contract.HeaderTimestamp, "1"+stamp[1:]+"0") }},
			{"fail/malformed header", 401, func(r *request, _ []byte) {
				r.header.Set(contract.HeaderSignature, r.header.Get(contract.HeaderSignature)+",")
			}},
			{"fail/17 signatures", 401, func(r *request, body []byte) {
				all := slices.Repeat([]string{"v1=" + digest(secret, stamp, body)}, 17)
				r.header.Set(contract.HeaderSignature, "t="+stamp+","+strings.Join(all, ","))
			}},
			{"fail/not JSON", 400, func(r *request, _ []byte) { *r = *sign([]byte("{"), now, secret) }},
			{"fail/no id", 400, func(r *request, _ []byte) { *r = *sign([]byte(`{"type":"session.completed"}`), now, secret) }},
			{"fail/too large", 413, func(r *request, _ []byte) { *r = *sign(bytes.Repeat([]byte(" "), 5<<20+1), now, secret) }},
			{"fail/not a POST", 405, func(r *request, _ []byte) { r.method = http.MethodPut }},
		} {
			body := p.toolCall(fmt.Sprintf("evt_%d", i))
			r := sign(body, now, secret)
			row.spoil(r, body)
			if got := r.send(t, url); got != row.status {
				t.Errorf("%s: got %d, want %d", row.name, got, row.status)
			}
			if got := sign(body, now, secret).send(t, url); got != http.StatusOK {
				t.Errorf("%s: the good delivery with the same id got %d afterwards, want 200", row.name, got)
			}
			if p.count() != i+1 {
				t.Fatalf("%s: %d results, want %d", row.name, p.count(), i+1)
			}
		}
	})
}

func TestReceiverAccepts(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		url, _ := e.start(t)
		now := time.Now()
		stamp := strconv.FormatInt(now.Unix(), 10)
		for i, row := range []struct {
			name  string
			adapt func(r *request, body []byte)
		}{
			{"ok/both timestamps", func(*request, []byte) {}},
			{"ok/timestamp beside the signature", func(r *request, _ []byte) { r.header.Del(contract.HeaderTimestamp) }},
			{"ok/timestamp in its own header", func(r *request, body []byte) {
				r.header.Set(contract.HeaderSignature, "v1="+digest(secret, stamp, body))
			}},
			{"ok/four minutes old", func(r *request, body []byte) { *r = *sign(body, now.Add(-4*time.Minute), secret) }},
			{"ok/second of two signatures", func(r *request, body []byte) {
				r.header.Set(contract.HeaderSignature,
					"t="+stamp+",v0=old,v1="+digest("whsec_another", stamp, body)+",v1="+digest(secret, stamp, body))
			}},
			{"ok/other id in the header", func(r *request, _ []byte) { r.header.Set(contract.HeaderID, "evt_other") }},
			{"ok/chunked", func(r *request, body []byte) {
				r.body = io.MultiReader(bytes.NewReader(body[:7]), bytes.NewReader(body[7:]))
			}},
			{"ok/unknown type", func(r *request, _ []byte) {
				*r = *sign([]byte(`{"id":"evt_new","type":"agent.danced","data":[]}`), now, secret)
			}},
		} {
			body := fmt.Appendf(nil, `{"id":"evt_%d", "type":"session.completed","data":{"session_id":"sess_1"}}`, i)
			r := sign(body, now, secret)
			row.adapt(r, body)
			if got := r.send(t, url); got != http.StatusOK {
				t.Errorf("%s: got %d, want 200", row.name, got)
			}
		}
	})
}

func TestReceiverProcessesOnce(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		p := newPlatform(t)
		url, _ := e.start(t)
		body := p.toolCall("evt_1")
		for i := range 3 {
			at := time.Now().Add(time.Duration(-i) * time.Minute)
			if got := sign(body, at, secret).send(t, url); got != http.StatusOK {
				t.Errorf("copy %d got %d, want 200", i+1, got)
			}
		}
		if p.count() != 1 {
			t.Errorf("%d results, want 1", p.count())
		}
	})
}

func TestReceiverTriesAgainAfterAFailure(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		// A redirect is a failure as well: the key must not go where it leads.
		p := newPlatform(t, http.StatusInternalServerError, http.StatusTemporaryRedirect, http.StatusConflict)
		url, _ := e.start(t)
		body := p.toolCall("evt_1")
		for i, want := range []int{http.StatusServiceUnavailable, http.StatusServiceUnavailable, http.StatusOK, http.StatusOK} {
			if got := sign(body, time.Now(), secret).send(t, url); got != want {
				t.Errorf("copy %d got %d, want %d", i+1, got, want)
			}
		}
		if p.count() != 3 {
			t.Errorf("%d results, want 3: two failures and one that the platform has", p.count())
		}
	})
}

func TestReceiverAcknowledgesNoCopyBeforeTheFirstHasEnded(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		p := newPlatform(t, http.StatusInternalServerError)
		p.hold = make(chan struct{})
		url, _ := e.start(t)
		body := p.toolCall("evt_1")
		first, second := make(chan int, 1), make(chan int, 1)
		go func() { first <- trySend(t.Context(), body, url) }()
		<-p.arrived
		go func() { second <- trySend(t.Context(), body, url) }()
		// A third delivery is answered after the second was taken up, so that the second is known to be waiting.
		other := []byte(`{"id":"evt_2","type":"session.completed","data":{}}`)
		if got := sign(other, time.Now(), secret).send(t, url); got != http.StatusOK {
			t.Errorf("another delivery got %d, want 200", got)
		}
		select {
		case got := <-second:
			t.Errorf("the copy got %d while the first was under way", got)
		default:
		}
		close(p.hold)
		if got := <-first; got != http.StatusServiceUnavailable {
			t.Errorf("the first copy, which failed, got %d, want 503", got)
		}
		if got := <-second; got != http.StatusOK {
			t.Errorf("the second copy got %d, want 200", got)
		}
		if p.count() != 2 {
			t.Errorf("%d results, want 2: the failure and the success", p.count())
		}
	})
}

// trySend sends a good delivery and returns the status, or 0.
func trySend(ctx context.Context, body []byte, url string) int {
	status, _ := sign(body, time.Now(), secret).try(ctx, url)
	return status
}

func TestExampleStopsOnSIGTERM(t *testing.T) {
	t.Parallel()
	for _, e := range append(receivers, behindGate) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			url, cmd := e.start(t)
			_ = sign([]byte(`{"id":"evt_1"}`), time.Now(), secret).send(t, url)
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatalf("sending SIGTERM: %v", err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("after SIGTERM: %v, want status 0", err)
			}
		})
	}
}

func TestReceiverDoesNotStartWithoutASecret(t *testing.T) {
	each(t, func(t *testing.T, e example) {
		for _, nothing := range []string{"", " ", ",\n"} {
			cmd := e.command(t, "--listen", "127.0.0.1:0")
			cmd.Env = append(cmd.Env, "DARI_WEBHOOK_SECRET="+nothing, "DARI_WEBHOOK_SECOND_SECRET=")
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 2 || !bytes.Contains(out, []byte("DARI_WEBHOOK_SECRET is not set")) {
				t.Errorf("with the secret %q: exit %d, %s", nothing, cmd.ProcessState.ExitCode(), out)
			}
		}
	})
}

func TestBehindGateTrustsTheGateAlone(t *testing.T) {
	t.Parallel()
	p := newPlatform(t)
	url, _ := behindGate.start(t)
	verified := func() *request {
		h := http.Header{}
		h.Set(contract.HeaderVerified, "true")
		h.Set(contract.HeaderID, "evt_1")
		h.Set(contract.HeaderEvent, contract.ToolCallRequested)
		return &request{http.MethodPost, h, bytes.NewReader(p.toolCall("evt_1"))}
	}
	if got := verified().send(t, url); got != http.StatusOK || p.count() != 1 {
		t.Errorf("what the gate has verified got %d and %d results, want 200 and 1", got, p.count())
	}
	for _, name := range []string{contract.HeaderVerified, contract.HeaderID} {
		r := verified()
		r.header.Del(name)
		if got := r.send(t, url); got != http.StatusForbidden {
			t.Errorf("without %s: got %d, want 403", name, got)
		}
	}
	if p.count() != 1 {
		t.Errorf("%d results, want 1: what did not come from the gate has no effect", p.count())
	}
}

// TestExamplesLookAtTheirPath sends what would be accepted elsewhere to paths that are not the receiver's.
func TestExamplesLookAtTheirPath(t *testing.T) {
	t.Parallel()
	for _, e := range append(receivers, behindGate) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t)
			url, _ := e.start(t)
			for i, row := range []struct {
				path   string
				status int
			}{
				{"/hooks/dari?x=1", http.StatusOK}, {"/", http.StatusNotFound}, {"/hooks", http.StatusNotFound}, {"/hooks/dari/", http.StatusNotFound},
				{"/hooks/dari;a=b", http.StatusNotFound}, {"/x//hooks/dari", http.StatusNotFound}, {"/Hooks/dari", http.StatusNotFound},
			} {
				id := fmt.Sprintf("evt_%d", i)
				r := sign(p.toolCall(id), time.Now(), secret)
				r.header.Set(contract.HeaderVerified, "true")
				r.header.Set(contract.HeaderID, id)
				r.header.Set(contract.HeaderEvent, contract.ToolCallRequested)
				if got, err := r.tryAt(t.Context(), url+row.path); err != nil || got != row.status {
					t.Errorf("%s: got %d, %v; want %d", row.path, got, err, row.status)
				}
			}
			if p.count() != 1 {
				t.Errorf("%d results, want 1", p.count())
			}
		})
	}
}

func TestBehindGateServesLoopbackUnlessTold(t *testing.T) {
	t.Parallel()
	cmd := behindGate.command(t, "--listen", "0.0.0.0:0")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !bytes.Contains(out, []byte("--behind-gate-only")) {
		t.Errorf("on every address: exit %d, %s; want 2 and what to say", cmd.ProcessState.ExitCode(), out)
	}
}

func TestExampleSaysWhyItCannotListen(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, e := range append(receivers, behindGate) {
		for _, address := range []string{taken.Addr().String(), "nowhere"} {
			cmd := e.command(t, "--listen", address)
			out, _ := cmd.CombinedOutput()
			if cmd.ProcessState.ExitCode() != 2 || bytes.Contains(out, []byte("    at ")) || bytes.Contains(out, []byte("Traceback")) {
				t.Errorf("%s on %s: exit %d, %s; want 2 and one clear line", e.name, address, cmd.ProcessState.ExitCode(), out)
			}
		}
	}
}
