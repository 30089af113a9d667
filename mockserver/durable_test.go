package mockserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

// childData makes the test binary a mock platform over the named state file.
const childData = "MOCKSERVER_TEST_DATA"

func TestMain(m *testing.M) {
	if path := os.Getenv(childData); path != "" {
		serveChild(path)
	}
	os.Exit(m.Run())
}

// serveChild runs a mock until it is killed.
func serveChild(path string) {
	s, err := mockserver.Start(context.Background(), mockserver.Options{Data: path, ManualClock: true, AllowInsecureURLs: true})
	if err != nil {
		os.Stdout.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString(s.URL + " " + s.APIKey + "\n")
	<-s.Done()
}

// child starts a mock in a process of its own.
func child(t *testing.T, path string) (url, key string, kill func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	url, key, ok := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || !ok {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return url, key, func() {
		cmd.Process.Kill()
		cmd.Wait() // its error is that it was killed
	}
}

// What was accepted is delivered although the process was killed in the very moment, and everything else is still there.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	to := newReceiver(t, http.StatusInternalServerError)
	ctx := t.Context()
	url, key, kill := child(t, path)
	c := client.New(url)
	secret, err := c.SetWebhook(ctx, "agt_mock", client.WebhookSpec{URL: to.URL, EventTypes: []string{contract.ToolCallRequested}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddFault(ctx, faults.Fault{Kind: "stale", EventType: contract.BatchFailed}); err != nil {
		t.Fatal(err)
	}
	tried, err := c.Emit(ctx, client.Event{Type: contract.ToolCallRequested, Count: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Advance(ctx, time.Second); err != nil {
		t.Fatal(err)
	}
	before, err := c.Clock(ctx)
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := c.Emit(ctx, client.Event{Type: contract.ToolCallRequested, Count: 100})
	kill()
	if err != nil {
		t.Fatal(err)
	}

	to.mu.Lock()
	to.answers = []int{http.StatusOK}
	to.mu.Unlock()
	m := mockserver.New(t, func(o *mockserver.Options) { o.Data = path })
	if after, err := m.Client.Clock(ctx); err != nil || after.Now.Before(before.Now) || m.APIKey != key {
		t.Errorf("the clock stands at %v and stood at %v, %v", after.Now, before.Now, err)
	}
	advance(t, m, 48*time.Hour)
	for _, e := range append(tried, fresh...) {
		if d := deliveryOf(t, m, e.DeliveryID); d.Status != client.Succeeded || d.EventID != e.ID {
			t.Fatalf("delivery %s is %s with %d attempts", d.ID, d.Status, len(d.Attempts))
		}
	}
	if first := deliveryOf(t, m, tried[0].DeliveryID); len(first.Attempts) < 2 || first.Attempts[0].Response.Status != 500 {
		t.Errorf("the attempts before the kill are forgotten: %+v", first.Attempts)
	}
	got := to.requests()
	final := got[len(got)-1]
	if err := verify(t, secret, final); err != nil {
		t.Errorf("the secret changed: %v", err)
	}
	session := final.envelope(t).Data["session_id"].(string)
	if status := api(t, m, "GET", "/v1/sessions/"+session+"/events", "", nil); status != 200 {
		t.Errorf("the session's ledger answers %d", status)
	}
	call := got[0].envelope(t).Data
	if status := api(t, m, "POST", "/v1/sessions/"+call["session_id"].(string)+"/events", result(call, `,"result":1`), nil); status != 202 {
		t.Errorf("a result for a call from before the kill answers %d", status)
	}
	if list, err := m.Client.Faults(ctx); err != nil || len(list) != 1 || list[0].Kind != "stale" {
		t.Errorf("the faults are %v, %v", list, err)
	}
}

// A session that waits for its tool goes on waiting after a restart, and its time still runs out.
func TestSessionsResume(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	options := func(o *mockserver.Options) { o.Data, o.Scenario = path, "impatient" }
	first, err := mockserver.Start(t.Context(), mockserver.Options{Data: path, Scenario: "impatient", ManualClock: true})
	if err != nil {
		t.Fatal(err)
	}
	session := newCaller(t, &mockserver.Mock{Server: first}).message("hello")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	m := mockserver.New(t, options)
	c := newCaller(t, m)
	if got := c.want(200, "GET", "/v1/sessions/"+session, "")["last_message_status"]; got != "waiting_for_tool" {
		t.Fatalf("after the restart the message is %v", got)
	}
	advance(t, m, 5*time.Second)
	if got := c.want(200, "GET", "/v1/sessions/"+session, "")["status"]; got != "failed" {
		t.Errorf("when its time is over the session is %v, want failed", got)
	}
}

func TestDamagedDataIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte("darihook-mock-9\nsomething"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := mockserver.Start(t.Context(), mockserver.Options{Data: path})
	if err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("answered %v, want a refusal of the version", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != "darihook-mock-9\nsomething" {
		t.Error("the file was changed")
	}
}

// FuzzControl sends bodies to the calls that take one: they are refused with the place that is wrong, or do their work.
func FuzzControl(f *testing.F) {
	paths := []string{
		"/_mock/events", "/_mock/faults", "/_mock/clock/advance", "/_mock/agents", "/_mock/agents/agt_mock/webhook",
	}
	for i, body := range []string{
		`{"type":"tool.call_requested","count":2,"faults":["stale",{"kind":"delay","duration":"1s"}]}`,
		`{"type":"session.completed","data":{"session_id":"sess_1","metadata":{"a":"b"}}}`,
		`{"kind":"reorder","next":1}`, `{"kind":"stale","probability":0.5,"seed":7}`,
		`{"duration":"1h"}`, `{"name":"a","script":{"name":"s","steps":[{"reply":"x"}]}}`,
		`{"webhook_url":"http://127.0.0.1:1/","signing_secret":"whsec_0123456789abcdef"}`,
		`{"type":"batch.failed","data":null}`, `[]`, `null`, ``, `{"type":1}`,
	} {
		f.Add(uint8(i), body)
	}
	m := mockserver.New(f)
	f.Fuzz(func(t *testing.T, path uint8, body string) {
		if strings.Contains(body, "count") && len(body) > 200 {
			t.Skip("many events, slowly")
		}
		var answer struct {
			Detail json.RawMessage `json:"detail"`
		}
		if body == "" {
			body = " "
		}
		status := api(t, m, "POST", paths[int(path)%len(paths)], body, nil)
		if path%5 == 4 {
			status = api(t, m, "PUT", paths[4], body, &answer)
		}
		switch status {
		case 200, 201, 202, 404, 405, 413, 422, 429, 503:
		default:
			t.Fatalf("%q to %s answers %d", body, paths[int(path)%len(paths)], status)
		}
	})
}
