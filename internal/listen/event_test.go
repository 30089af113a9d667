package listen_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/listen"
)

func TestEnvelopeIsTheWebhooks(t *testing.T) {
	t.Parallel()
	const prefix = `{"id":"evt_1","type":"tool.call_requested","created_at":"2026-08-01T12:00:00Z","data":`
	for name, row := range map[string]struct{ data, want string }{
		"ok/complete data keeps its values": {
			`{"agent_id":"agt_9","submit_url":"https://other.test/x?a=1&b=<2>","session_id":"s","message_id":"m","tool_call_id":"c","arguments":{"z":1.50,"a":1e400}}`,
			`{"agent_id":"agt_9","arguments":{"z":1.50,"a":1e400},"message_id":"m","session_id":"s","submit_url":"https://other.test/x?a=1&b=<2>","tool_call_id":"c"}`,
		},
		"ok/a relative submit_url becomes absolute": {
			`{"submit_url":"/v1/sessions/sess_1/events","session_id":"sess_1","message_id":"msg_1","tool_call_id":"c","agent_id":"agt_1"}`,
			`{"agent_id":"agt_1","message_id":"msg_1","session_id":"sess_1","submit_url":"https://platform.test/v1/sessions/sess_1/events","tool_call_id":"c"}`,
		},
		"ok/what only the stream leaves out is added": {
			`{"tool_call_id":"c"}`,
			`{"agent_id":"agt_1","message_id":"msg_1","session_id":"sess_1","submit_url":"https://platform.test/v1/sessions/sess_1/events","tool_call_id":"c"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, r := &platform{streams: []string{frame("evt_1", contract.ToolCallRequested, row.data) + end("evt_2")}}, &receiver{t: t}
			if _, err := listener(t, listen.Options{Platform: p, Receiver: r}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(r.received) != 1 || r.received[0].body != prefix+row.want+"}" {
				t.Errorf("the receiver got %+v, want %s", r.received, prefix+row.want+"}")
			}
		})
	}
}

func TestSessionEnds(t *testing.T) {
	t.Parallel()
	both := []string{contract.SessionCompleted, contract.SessionFailed}
	for name, row := range map[string]struct {
		events    []string
		stream    string
		status    string
		delivered string // the type
	}{
		"ok/completed":              {both, frame("evt_1", "session.status_changed", `{"status":"completed"}`), "completed", contract.SessionCompleted},
		"ok/failed":                 {both, frame("evt_1", "session.status_changed", `{"status":"failed"}`), "failed", contract.SessionFailed},
		"ok/expired":                {both, frame("evt_1", "session.status_changed", `{"status":"expired"}`), "expired", ""},
		"ok/not subscribed":         {nil, frame("evt_1", "session.status_changed", `{"status":"completed"}`), "completed", ""},
		"ok/said outright":          {both, frame("evt_1", contract.SessionFailed, `{"status":"failed"}`), "failed", contract.SessionFailed},
		"ok/said, not subscribed":   {nil, frame("evt_1", contract.SessionCompleted, `{}`), "completed", ""},
		"ok/said without a name":    {both, strings.Replace(frame("evt_1", contract.SessionFailed, `{"status":"failed"}`), "event: session.failed\n", "", 1), "failed", contract.SessionFailed},
		"ok/behind other statuses":  {both, frame("evt_0", "session.status_changed", `{"status":"active"}`) + frame("evt_1", "session.status_changed", `{"status":"completed"}`), "completed", contract.SessionCompleted},
		"ok/once, however it comes": {both, frame("evt_1", "session.status_changed", `{"status":"completed"}`) + frame("evt_2", contract.SessionCompleted, `{}`), "completed", contract.SessionCompleted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, r := &platform{streams: []string{row.stream}}, &receiver{t: t}
			summary, err := listener(t, listen.Options{Platform: p, Receiver: r, Events: row.events}).Run(t.Context())
			if err != nil || summary.Status != row.status || summary.Failed > 0 {
				t.Fatalf("the run came to %+v and %v", summary, err)
			}
			if row.delivered == "" {
				if len(r.received) > 0 {
					t.Errorf("the receiver got %+v", r.received)
				}
				return
			}
			want := `{"id":"evt_1","type":"` + row.delivered + `","created_at":"2026-08-01T12:00:00Z","data":{"agent_id":"agt_1","message_id":"msg_1",` +
				`"metadata":{"order":"1042"},"session_id":"sess_1","status":"` + row.status + `"}}`
			if len(r.received) != 1 || r.received[0].body != want {
				t.Errorf("the receiver got %+v, want %s", r.received, want)
			}
		})
	}
}

func TestSessionWithoutMetadata(t *testing.T) {
	t.Parallel()
	p := &platform{session: `{"metadata":null}`, streams: []string{frame("evt_1", "session.status_changed", `{"status":"completed"}`)}}
	r := &receiver{t: t}
	_, err := listener(t, listen.Options{Platform: p, Receiver: r, Events: listen.Types()}).Run(t.Context())
	const want = `"data":{"message_id":"msg_1","metadata":{},"session_id":"sess_1","status":"completed"}}`
	if err != nil || len(r.received) != 1 || !strings.HasSuffix(r.received[0].body, want) {
		t.Errorf("the receiver got %+v (%v), want %s", r.received, err, want)
	}
}

func TestMalformedEventsAreToldAndPassedOver(t *testing.T) {
	t.Parallel()
	const tool = contract.ToolCallRequested
	for name, row := range map[string]struct{ frame, says string }{
		"fail/no JSON":             {"id: evt_1\nevent: " + tool + "\ndata: {\n\n", "decoding"},
		"fail/no data":             {"id: evt_1\nevent: " + tool + "\n\n", "decoding"},
		"fail/trailing data":       {"id: evt_1\nevent: " + tool + "\ndata: {}{}\n\n", "decoding"},
		"fail/no object":           {"id: evt_1\nevent: " + tool + "\ndata: []\n\n", "decoding"},
		"fail/no id":               {"id: evt_1\nevent: " + tool + "\ndata: {}\n\n", "no usable id"},
		"fail/id of two lines":     {"id: evt_1\nevent: " + tool + "\ndata: {\"id\":\"evt\\n1\"}\n\n", "no usable id"},
		"fail/types differ":        {strings.Replace(call("evt_1"), "event: "+tool, "event: session.failed", 1), "different types"},
		"fail/data is no object":   {frame("evt_1", tool, `"text"`), "no object"},
		"fail/data is null":        {frame("evt_1", tool, `null`), "no object"},
		"fail/no tool call":        {frame("evt_1", tool, `{}`), "no tool_call_id"},
		"fail/submit_url a number": {frame("evt_1", tool, `{"tool_call_id":"c","submit_url":1}`), "submit_url"},
		"fail/submit_url no URL":   {frame("evt_1", tool, `{"tool_call_id":"c","submit_url":"http://[::1"}`), "submit_url"},
		"fail/submit_url empty":    {frame("evt_1", tool, `{"tool_call_id":"c","submit_url":""}`), "submit_url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o heard
			p, r := &platform{streams: []string{row.frame + call("evt_2") + end("evt_3")}}, &receiver{t: t}
			summary, err := listener(t, listen.Options{Platform: p, Receiver: r, Observer: &o,
				Events: []string{tool, contract.SessionFailed}}).Run(t.Context())
			want := listen.Summary{Status: "completed", Delivered: 1, Failed: 1, LastEventID: "evt_3"}
			if err != nil || summary != want {
				t.Fatalf("the run came to %+v and %v, want %+v", summary, err, want)
			}
			if d := o.deliveries[0]; d.ID != "evt_1" || d.Attempts != 0 || d.Err == nil || !strings.Contains(d.Err.Error(), row.says) {
				t.Errorf("the observer heard of %+v, want %q", d, row.says)
			}
			if len(r.received) != 1 || r.received[0].id != "evt_2" {
				t.Errorf("the receiver got %+v", r.received)
			}
		})
	}
}

func TestEventsNobodyWantsMayLookAsTheyLike(t *testing.T) {
	t.Parallel()
	p := &platform{streams: []string{"id: evt_1\nevent: assistant.message_completed\ndata: {{{\n\n: \n\nretry: soon\n\n" + call("evt_2") + end("evt_3")}}
	summary, err := listener(t, listen.Options{Platform: p, Receiver: &receiver{t: t}}).Run(t.Context())
	if want := (listen.Summary{Status: "completed", Delivered: 1, LastEventID: "evt_3"}); err != nil || summary != want {
		t.Errorf("the run came to %+v and %v, want %+v", summary, err, want)
	}
}

func TestHugeEventEndsTheRun(t *testing.T) {
	t.Parallel()
	const limit = 8 << 10
	padded := func(size int) string {
		data, err := json.Marshal(map[string]string{"tool_call_id": "c", "padding": strings.Repeat("x", size)})
		if err != nil {
			t.Fatal(err)
		}
		return frame("evt_2", contract.ToolCallRequested, string(data))
	}
	for name, row := range map[string]struct {
		frame     string
		delivered int
		err       error
	}{
		"ok/just within the limit":      {padded(limit - 400), 2, nil},
		"fail/over the limit":           {padded(limit), 1, listen.ErrEventTooLarge},
		"fail/a line without an end":    {"data: " + strings.Repeat("x", 10*limit), 1, listen.ErrEventTooLarge},
		"fail/blank lines without end":  {strings.Repeat("\n", 10*limit), 1, listen.ErrEventTooLarge},
		"fail/unsubscribed and as huge": {strings.ReplaceAll(padded(limit), contract.ToolCallRequested, "user.message"), 1, listen.ErrEventTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, r := &platform{streams: []string{call("evt_1") + row.frame + end("evt_3")}}, &receiver{t: t}
			summary, err := listener(t, listen.Options{Platform: p, Receiver: r, MaxEvent: limit}).Run(t.Context())
			if !errors.Is(err, row.err) || summary.Delivered != row.delivered || len(p.opened) != 1 {
				t.Errorf("the run came to %+v and %v with %d streams, want %d delivered and %v", summary, err, len(p.opened), row.delivered, row.err)
			}
			if row.err != nil && !strings.Contains(err.Error(), "evt_1") {
				t.Errorf("the error does not tell where: %v", err)
			}
		})
	}
}
