package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
)

// pipe returns a file to write to and a reader of what was written.
func pipe(t *testing.T) (*os.File, *bufio.Reader) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return w, bufio.NewReader(r)
}

// started is a mock that a command runs.
type started struct {
	URL     string `json:"url"`
	APIKey  string `json:"api_key"`
	AgentID string `json:"agent_id"`
	code    chan int
	cancel  context.CancelFunc
}

// startMock runs the command until it says where it serves.
func startMock(t *testing.T, args ...string) *started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out, lines := pipe(t)
	m := &started{code: make(chan int, 1), cancel: cancel}
	go func() { m.code <- run(ctx, append([]string{"mock", "--json"}, args...), out, os.Stderr) }()
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(line), m); err != nil {
		t.Fatalf("the first line is %q: %v", line, err)
	}
	return m
}

// command runs a command to its end and returns what it printed.
func command(t *testing.T, args ...string) (code int, out, complaint string) {
	t.Helper()
	stdout, outLines := pipe(t)
	stderr, errLines := pipe(t)
	code = run(t.Context(), args, stdout, stderr)
	stdout.Close()
	stderr.Close()
	said, err := io.ReadAll(outLines)
	if err != nil {
		t.Fatal(err)
	}
	complained, err := io.ReadAll(errLines)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(said), string(complained)
}

func TestMockAndTrigger(t *testing.T) {
	t.Parallel()
	socket := "unix/" + filepath.Join(t.TempDir(), "mock.sock")
	for _, listen := range []string{"127.0.0.1:0", socket} {
		got := make(chan string, 10)
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get(contract.HeaderID)
		}))
		t.Cleanup(receiver.Close)
		m := startMock(t, "--listen", listen, "--api-key", "k", "--agent", "agt_me", "--allow-insecure-urls")
		if m.APIKey != "k" || m.AgentID != "agt_me" || m.URL == "" {
			t.Errorf("the mock announced %+v", m)
		}
		if code, _, said := command(t, "trigger", "--mock", m.URL, contract.ToolCallRequested); code != exitFailed || !strings.Contains(said, "no webhook is set") {
			t.Errorf("without a webhook trigger ended with %d and said %q", code, said)
		}
		if _, err := client.New(m.URL).SetWebhook(t.Context(), "agt_me", client.WebhookSpec{URL: receiver.URL}); err != nil {
			t.Fatal(err)
		}
		code, out, _ := command(t, "trigger", "--mock", m.URL, "--count", "2", "--fault", "duplicate_sequential", contract.ToolCallRequested)
		if lines := strings.Count(out, "\n"); code != 0 || lines != 2 {
			t.Errorf("trigger ended with %d and said %q", code, out)
		}
		for range 4 {
			if id := <-got; !strings.Contains(out, id) || id == "" {
				t.Errorf("the receiver got %q, and trigger said %q", id, out)
			}
		}
		m.cancel()
		if code := <-m.code; code != 0 {
			t.Errorf("the mock ended with %d", code)
		}
	}
}

// Every platform starts, says who it is, and takes what its own announcement and trigger send.
func TestMockOfEveryProvider(t *testing.T) {
	t.Parallel()
	for provider, eventType := range map[string]string{"dari": contract.SessionFailed, "danube": contract.WorkflowFailed, "tess": ""} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 10)
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("X-Danube-Signature") }))
			t.Cleanup(receiver.Close)
			m := startMock(t, "--provider", provider, "--listen", "127.0.0.1:0", "--allow-insecure-urls")
			c := client.New(m.URL)
			status, err := c.Status(t.Context())
			if err != nil || status.Provider != provider || m.AgentID == "" || !strings.HasPrefix(m.APIKey, provider) {
				t.Errorf("the mock announced %+v and is %+v, %v", m, status, err)
			}
			spec := client.WebhookSpec{URL: receiver.URL}
			if eventType != "" {
				spec.EventTypes = []string{eventType}
			}
			if _, err := c.SetWebhook(t.Context(), m.AgentID, spec); err != nil {
				t.Fatal(err)
			}
			if code, out, complaint := command(t, "trigger", "--mock", m.URL, eventType); code != 0 {
				t.Fatalf("trigger ended with %d and said %q %q", code, out, complaint)
			}
			if signature := <-got; (signature != "") != (provider == "danube") {
				t.Errorf("the delivery's X-Danube-Signature is %q", signature)
			}
		})
	}
}

func TestMockAndTriggerRefuse(t *testing.T) {
	t.Parallel()
	damaged := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(damaged, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := startMock(t, "--listen", "127.0.0.1:0")
	for _, row := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"mock", "--clock", "fast"}, exitUsage, "--clock"},
		{[]string{"mock", "--clock", "-1"}, exitUsage, "--clock"},
		{[]string{"mock", "--retry-schedule", "0s,soon"}, exitUsage, "--retry-schedule"},
		{[]string{"mock", "--scenario-file", damaged + ".none"}, exitUsage, "--scenario-file"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--provider", "dary"}, exitFailed, "danube"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--provider", "danube", "--scheme", "dari-body"}, exitFailed, "dari-body"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--provider", "tess", "--scheme", "dari"}, exitFailed, "dari"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--provider", "danube", "--scenario", "fail"}, exitFailed, "scenarios"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--rate-limit", "-1"}, exitFailed, "negative"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--scheme", "rot13"}, exitFailed, "rot13"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--scenario", "two_tool"}, exitFailed, "did you mean two_tools?"},
		{[]string{"mock", "--listen", "127.0.0.1:0", "--data", damaged}, exitFailed, "state file refused"},
		{[]string{"mock", "--listen", "nowhere"}, exitFailed, "listening"},
		{[]string{"mock", "surplus"}, exitUsage, "surplus"},
		{[]string{"trigger", "--mock", m.URL, "session.exploded"}, exitUsage, "event type"},
		{[]string{"trigger", "--mock", m.URL, "--fault", "gremlins", contract.SessionFailed}, exitUsage, "gremlins"},
		{[]string{"trigger", "--mock", m.URL, "--count", "-1", contract.SessionFailed}, exitUsage, "--count"},
		{[]string{"trigger", "--mock", m.URL, "--data", "{", contract.SessionFailed}, exitUsage, "--data"},
		{[]string{"trigger", "--mock", m.URL, "--agent", "agt_nobody", contract.SessionFailed}, exitFailed, "404"},
		{[]string{"trigger", "--mock", "unix:" + damaged, contract.SessionFailed}, exitFailed, "calling the mock"},
		{[]string{"trigger"}, exitUsage, "name an event type, such as tool.call_requested: see --help"},
		{[]string{"trigger", "session.completed", "session.failed"}, exitUsage, `unexpected argument "session.failed"`},
		{[]string{"trigger", "--mock", m.URL, "session.completd"}, exitUsage, "did you mean session.completed?"},
	} {
		code, _, complaint := command(t, row.args...)
		if code != row.code || !strings.Contains(complaint, row.says) {
			t.Errorf("%q ended with %d and said %q, want %d and %q", row.args, code, complaint, row.code, row.says)
		}
	}
}

func TestWhatAStrangerIsTold(t *testing.T) {
	t.Parallel()
	m := startMock(t, "--listen", "127.0.0.1:0")
	for name, row := range map[string]struct {
		args []string
		code int
		says string
	}{
		"fail/no mock":     {[]string{"--mock", "unix:" + filepath.Join(t.TempDir(), "none"), "session.completed"}, exitFailed, "darihook mock starts one"},
		"fail/wrong type":  {[]string{"--mock", m.URL, "session.ended"}, exitUsage, "body.type: unknown event type"},
		"fail/wrong fault": {[]string{"--mock", m.URL, "session.completed", "--fault", "rain"}, exitUsage, "body.faults.0: kind: unknown kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, complaint := command(t, append([]string{"trigger"}, row.args...)...)
			if code != row.code || !strings.Contains(complaint, row.says) {
				t.Errorf("exit %d and %q, want %d and %q", code, complaint, row.code, row.says)
			}
		})
	}
	code, _, complaint := command(t, "mock", "--max-memory", "little")
	if code != exitUsage || !strings.Contains(complaint, "--max-memory must be a size") {
		t.Errorf("exit %d and %q", code, complaint)
	}
}

func TestBeyondMachine(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:4180": false, "[::1]:0": false, "localhost:4180": false, "unix//tmp/mock": false, "unix:/tmp/mock": false,
		"0.0.0.0:4180": true, ":4180": true, "[::]:4180": true, "192.0.2.7:4180": true, "mock.internal:4180": true,
	} {
		if got := beyondMachine(address); got != want {
			t.Errorf("beyondMachine(%q) = %t, want %t", address, got, want)
		}
	}
}
