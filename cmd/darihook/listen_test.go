package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/listen"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/signature"
)

const listenSecret = "whsec_bGlzdGVuLXRlc3RzLXNpZ24td2l0aC10aGlz"

// listening is a mock with a session of one event that has not ended, and the environment that listen reads.
func listening(t *testing.T) (m *started, session string) {
	t.Helper()
	m = startMock(t, "--listen", "127.0.0.1:0", "--api-key", "k", "--clock", "manual")
	t.Setenv("DARI_API_URL", m.URL)
	t.Setenv("DARI_API_KEY", "k")
	t.Setenv(secretEnv, listenSecret)
	emit(t, m, contract.ToolCallRequested)
	return m, "sess_cli"
}

// emit adds an event to the session.
func emit(t *testing.T, m *started, eventType string) string {
	t.Helper()
	emitted, err := client.New(m.URL).Emit(t.Context(), client.Event{
		Type: eventType, Data: map[string]json.RawMessage{"session_id": json.RawMessage(`"sess_cli"`)},
	})
	if _, unheard := errors.AsType[*client.UndeliveredError](err); !unheard {
		t.Fatalf("emitting: %v, want an event that no webhook takes", err)
	}
	return emitted[0].ID
}

// verifying is a receiver that takes what is signed with the secret.
func verifying(t *testing.T) *httptest.Server {
	t.Helper()
	secret, err := signature.NewSecret(listenSecret)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.NewVerifier(signature.Options{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{secret}})
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = verifier.Verify(r.Header, body, time.Now())
		}
		if err != nil {
			t.Errorf("a delivery was refused: %v", err)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(receiver.Close)
	return receiver
}

func TestListenForwards(t *testing.T) {
	m, session := listening(t)
	emit(t, m, contract.SessionCompleted)
	receiver := verifying(t)
	args := []string{"listen", "--session", session, "--forward-to", receiver.URL + "/hooks"}

	code, out, _ := command(t, args...)
	lines := strings.Split(out, "\n")
	if code != 0 || len(lines) != 3 || !strings.Contains(lines[0], "tool.call_requested  delivered, status 200 in") ||
		lines[1] != "sess_cli is completed: 1 delivered, 0 not" {
		t.Errorf("listen ended with %d and said %q", code, out)
	}

	code, out, _ = command(t, append(args, "--json", "--events", strings.Join(listen.Types(), ","))...)
	var deliveries [2]deliveryLine
	var end endLine
	decoder := json.NewDecoder(strings.NewReader(out))
	for _, line := range []any{&deliveries[0], &deliveries[1], &end} {
		if err := decoder.Decode(line); err != nil {
			t.Fatalf("listen said %q: %v", out, err)
		}
	}
	if code != 0 || deliveries[0].Type != contract.ToolCallRequested || deliveries[1].Type != contract.SessionCompleted ||
		deliveries[0].Status != 200 || deliveries[0].Attempts != 1 || deliveries[0].ID == "" || end.Status != "completed" || end.Delivered != 2 {
		t.Errorf("listen ended with %d and said %q", code, out)
	}
}

func TestListenTellsOfFailedDeliveries(t *testing.T) {
	m, session := listening(t)
	emit(t, m, contract.SessionFailed)
	receiver := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(receiver.Close)
	code, out, complaint := command(t, "listen", "--session", session, "--forward-to", receiver.URL, "--retry-schedule", "0s,1ms")
	if code != exitFailed || !strings.Contains(out, "not delivered: answered with status 404 (2 attempts)") ||
		!strings.Contains(complaint, "attempt 1: answered with status 404; the next in 1ms") || !strings.Contains(complaint, "1 of 1 events") {
		t.Errorf("listen ended with %d and said %q and %q", code, out, complaint)
	}
}

func TestListenEndsWhenInterrupted(t *testing.T) {
	m, session := listening(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stdout, lines := pipe(t)
	stderr, _ := pipe(t)
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"listen", "--session", session, "--forward-to", verifying(t).URL}, stdout, stderr)
	}()
	for _, id := range []string{"evt_", emit(t, m, contract.ToolCallRequested)} {
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, id) {
			t.Fatalf("listen said %q: %v", line, err)
		}
	}
	interrupt()
	line, err := lines.ReadString('\n')
	if c := <-code; c != 0 || err != nil || !strings.Contains(line, "has not ended: 2 delivered, 0 not; go on with --after evt_") {
		t.Errorf("listen ended with %d and said %q: %v", c, line, err)
	}
}

func TestListenRefuses(t *testing.T) {
	_, session := listening(t)
	here := []string{"--session", session, "--forward-to", "http://127.0.0.1:9/"}
	for _, row := range []struct {
		args []string
		env  map[string]string
		code int
		says string
	}{
		{nil, nil, exitUsage, "session"},
		{[]string{"--session", session}, nil, exitUsage, "forward-to"},
		{[]string{"--session", session, "--forward-to", "https://example.com/"}, nil, exitUsage, "--allow-remote"},
		{[]string{"--session", "..", "--forward-to", "http://127.0.0.1:9/"}, nil, exitUsage, "session id"},
		{append(here, "surplus"), nil, exitUsage, "surplus"},
		{append(here, "--events", "session.exploded"), nil, exitUsage, "session.exploded"},
		{append(here, "--scheme", "rot13"), nil, exitUsage, "rot13"},
		{append(here, "--retry-schedule", "soon"), nil, exitUsage, "--retry-schedule"},
		{here, map[string]string{"DARI_API_KEY": ""}, exitUsage, "DARI_API_KEY"},
		{here, map[string]string{secretEnv: ""}, exitUsage, secretEnv},
		{append(here, "--api-url", "http://api.example.com"), nil, exitUsage, "https"},
		{here, map[string]string{"DARI_API_KEY": "wrong"}, exitFailed, "status 401"},
		{[]string{"--session", "sess_nobody", "--forward-to", "http://127.0.0.1:9/"}, nil, exitFailed, "status 404"},
		{append(here, "--max-event", "64"), nil, exitFailed, "too large"},
		{append(here, "--api-url", unreachable(t), "--give-up", "1ns"), nil, exitUndetermined, "out of reach"},
	} {
		t.Run(fmt.Sprint(row.args), func(t *testing.T) {
			for name, value := range row.env {
				t.Setenv(name, value)
			}
			code, out, complaint := command(t, append([]string{"listen"}, row.args...)...)
			if strings.Contains(complaint, "status 4") && out != "" {
				t.Errorf("of a session that it may not see listen said %q", out)
			}
			if code != row.code || !strings.Contains(complaint, row.says) || strings.Contains(complaint, listenSecret) {
				t.Errorf("listen ended with %d and said %q, want %d and %q", code, complaint, row.code, row.says)
			}
		})
	}
}

// unreachable is the URL of a platform that has no answer.
func unreachable(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(server.Close)
	return server.URL
}

func TestListenPrintsWhatOthersSayOnOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := &listenPrinter{out: &out, progress: io.Discard}
	p.Delivered(listen.Delivery{ID: "evt_1\x1b[2J", Type: "a\nb", Err: fmt.Errorf("c\rd")})
	if text := out.String(); strings.Count(text, "\n") != 1 || strings.ContainsAny(text, "\x1b\r") {
		t.Errorf("a line became %q", text)
	}
}
