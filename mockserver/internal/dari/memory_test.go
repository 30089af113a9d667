package dari

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/scenario"
)

// newPlatform makes a platform with an agent that runs a scenario.
func newPlatform(t *testing.T, script string, memory int) *Platform {
	t.Helper()
	p, err := New(Options{
		Keys: map[string]string{"key": DefaultOrg}, Clock: clock.New(clock.Options{}), Scenarios: scenario.Builtin(),
		BaseURL: func() string { return "http://mock" }, MaxMemory: memory,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetAgent("agt_mock", client.AgentSpec{Scenario: script}); err != nil {
		t.Fatal(err)
	}
	return p
}

// start starts a session with a message of a length.
func (p *Platform) start(length int) (*session, *message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, _ := p.agents.get("agt_mock")
	s, err := p.newSession(a, "", sessionSpec{Metadata: map[string]string{"customer": "c_1"}})
	if err != nil {
		return nil, nil, err
	}
	m, _, err := p.addMessage(s, []map[string]any{{"type": "text", "text": strings.Repeat("m", length)}})
	return s, m, err
}

// audit measures every session anew.
func (p *Platform) audit(t *testing.T) {
	t.Helper()
	all := 0
	for _, s := range p.sessions.all() {
		if s.kept != s.measure() {
			t.Errorf("session %s was counted as %d bytes and takes %d", s.ID, s.kept, s.measure())
		}
		all += s.measure()
	}
	if p.kept != all {
		t.Errorf("the sessions were counted as %d bytes and take %d", p.kept, all)
	}
}

func TestSessionsAreCounted(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, "two_tools", 1<<30)
	s, m, err := p.start(1000)
	if err != nil {
		t.Fatal(err)
	}
	p.audit(t)
	for m.Status == waiting {
		call := m.CallID
		if _, _, err := p.submit(s, resultBody{MessageID: &m.ID, ToolCallID: &call, Result: json.RawMessage(`"` + strings.Repeat("r", 700) + `"`)}); err != nil {
			t.Fatal(err)
		}
		p.audit(t)
	}
	if _, err := p.Emit(client.Event{Type: contract.ToolCallRequested, Count: 1500}); err != nil {
		t.Fatal(err)
	}
	p.audit(t)
	if p.dropSession(s); p.sessions.len() == 0 {
		t.Error("the session to keep was dropped")
	}
	p.audit(t)
	p.Reset()
	if p.kept != 0 {
		t.Errorf("the empty platform counts %d bytes", p.kept)
	}
}

func TestSessionsMakeRoom(t *testing.T) {
	t.Parallel()
	const memory = 200_000
	for name, row := range map[string]struct {
		script string
		full   bool
	}{
		"ok/ended sessions are forgotten":        {"complete", false},
		"fail/sessions under way are not":        {"tool_call", true},
		"ok/sessions that are idle are as ended": {"reply", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, row.script, memory)
			var err error
			for i := 0; i < 50 && err == nil; i++ {
				_, _, err = p.start(10_000)
			}
			p.audit(t)
			if (err != nil) != row.full || row.full && !strings.Contains(err.Error(), "/_mock/reset") {
				t.Errorf("after 50 messages: %v", err)
			}
			if p.kept > memory+50_000 || p.sessions.len() < 3 {
				t.Errorf("%d sessions take %d bytes", p.sessions.len(), p.kept)
			}
		})
	}
}

func TestResultsAndBatchesAreBounded(t *testing.T) {
	t.Parallel()
	var r results
	big := client.Result{Result: json.RawMessage(strings.Repeat("1", 1<<20))}
	dropped := 0
	for range 100 {
		dropped += len(r.add("key", big))
	}
	if len(r.list) != 64 || len(r.keys) != 64 || dropped != 36 || r.bytes != maxResultBytes {
		t.Errorf("%d results with %d bytes are kept, and %d dropped", len(r.list), r.bytes, dropped)
	}
	for range maxResults {
		r.add("key", client.Result{})
	}
	if len(r.list) != maxResults || r.bytes != 0 {
		t.Errorf("%d results with %d bytes are kept", len(r.list), r.bytes)
	}

	p := newPlatform(t, "complete", 0)
	item := batchItem{Metadata: map[string]string{"k": strings.Repeat("v", 1<<20)}}
	for i := range 100 {
		p.keepBatch(&batch{ID: fmt.Sprint("batch_", i), Items: []batchItem{item}})
	}
	if n := p.batches.len(); n < 60 || n > 64 || p.batchBytes > maxBatchBytes {
		t.Errorf("%d batches take %d bytes", n, p.batchBytes)
	}
}
