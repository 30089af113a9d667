package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

func TestFaultsAreSwitched(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	p := open(t, mock, "#/faults")
	p.until(`document.getElementById('fault-list').innerText.includes('Everything works')`)
	p.expect("422")
	p.fill("#fault-kind", "stale")
	p.fill(`#view-faults [name="duration"]`, "long ago")
	p.click(`#view-faults [type="submit"]`)
	p.until(`document.querySelector('#view-faults [name="duration"]').getAttribute('aria-invalid') === 'true'`)
	p.until(`document.activeElement.name === 'duration'`)
	p.fill(`#view-faults [name="duration"]`, "20m")
	p.click(`#view-faults [type="submit"]`)
	p.until(`document.querySelector('#fault-list li').innerText.includes('Struck 0 of 1')`)
	id := emit(t, mock, contract.SessionCompleted, 1, nil)
	p.until(`document.querySelector('#fault-list li').innerText.includes('spent')`)
	if d, err := mock.Client.Delivery(t.Context(), id); err != nil || d.Attempts[0].Response.Status != http.StatusUnauthorized {
		t.Errorf("the fault did not strike: %+v %v", d.Attempts, err)
	}

	p.fill("#fault-kind", "no_signature")
	p.fill(`#view-faults [name="next"]`, "")
	p.fill(`#view-faults [name="probability"]`, "0.5")
	p.click(`#view-faults [type="submit"]`)
	p.until(`document.getElementById('fault-list').innerText.includes('probability 0.5 (seed 0)')`)
	p.click(`.views [data-view="deliveries"]`)
	p.until(`document.getElementById('fault-banner').innerText.includes('1 fault on: no_signature')`)
	p.click(`.views [data-view="faults"]`)
	p.click(`[aria-label="Remove the fault no_signature"]`)
	p.until(`document.querySelectorAll('#fault-list li').length === 1`)
	if left, err := mock.Client.Faults(t.Context()); err != nil || len(left) != 1 || left[0].Kind != "stale" {
		t.Errorf("the mock has the faults %+v, %v", left, err)
	}
}

func TestEventsAreEmitted(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	p := open(t, mock, "")
	p.click("#emit-open")
	p.until(`document.getElementById('emit').open && document.getElementById('emit').contains(document.activeElement)`)
	p.fill(`#emit [name="data"]`, `{"tool_name":`)
	p.click(`#emit [type="submit"]`)
	p.until(`document.querySelector('#emit .problem').innerText.includes('No JSON')`)
	p.fill(`#emit [name="data"]`, `{"tool_name":"get_weather"}`)
	p.click(`#emit summary`)
	p.click(`#emit [value="wrong_secret"]`)
	p.click(`#emit [type="submit"]`)
	p.until(`!document.getElementById('emit').open && location.hash.startsWith('#/deliveries/dlv_')`)
	p.until(`document.querySelector('.timeline .outcome').innerText.includes('401 Unauthorized')`)
	if got := p.text(".timeline .outcome"); !strings.Contains(got, "wrong_secret") {
		t.Errorf("the attempt reads %q", got)
	}
	if got := p.text(`[aria-label="request body"]`); !strings.Contains(got, `"tool_name":"get_weather"`) {
		t.Errorf("the body reads %q", got)
	}
}

func TestWebhooksAreSet(t *testing.T) {
	t.Parallel()
	mock := mockserver.New(t)
	r := startReceiver(t)
	p := open(t, mock, "#/agents")
	p.expect("422")
	p.fill(`#agent-list [name="webhook_url"]`, "ftp://nowhere")
	p.click(`#agent-list [type="submit"]`)
	p.until(`document.querySelector('#agent-list .problem')`)
	p.fill(`#agent-list [name="webhook_url"]`, r.URL)
	p.click(`#agent-list [value="session.failed"]`)
	p.click(`#agent-list [type="submit"]`)
	p.until(`document.querySelector('#agent-list [aria-label^="Copy the secret"]')`)
	agents, err := mock.Client.Agents(t.Context())
	if err != nil || agents[0].WebhookURL != r.URL || fmt.Sprint(agents[0].EventTypes) != "[tool.call_requested session.failed]" {
		t.Errorf("the mock has %+v, %v", agents, err)
	}
	if html := eval[string](p, `document.documentElement.outerHTML`); strings.Contains(html, contract.SecretPrefix) {
		t.Error("the new secret is in the page")
	}
}

func TestToolResultsAreShown(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	p := open(t, mock, "#/results")
	p.until(`document.getElementById('result-list').innerText.includes('No tool results yet')`)
	callTool(t, mock)
	p.until(`document.querySelector('#result-list li').innerText.includes('Taken with 202 Accepted')`)
	if got := p.text("#result-list pre"); !strings.Contains(got, `"celsius": 21`) {
		t.Errorf("the result reads %q", got)
	}
	p.click(`.views [data-view="platform"]`)
	p.until(`document.getElementById('overview').innerText.includes('Retry schedule') && document.getElementById('overview').innerText.includes('at once')`)
}

func TestResetAsksFirst(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	emit(t, mock, contract.SessionCompleted, 2, nil)
	p := open(t, mock, "#/platform")
	p.click("#reset-open")
	p.until(`document.getElementById('reset').open && document.activeElement.innerText === 'Cancel'`)
	p.press(kb.Escape)
	p.until(`!document.getElementById('reset').open`)
	if page, err := mock.Client.Deliveries(t.Context(), client.Query{}); err != nil || page.Total != 2 {
		t.Fatalf("asking has emptied the mock: %d deliveries, %v", page.Total, err)
	}
	p.click("#reset-open")
	p.click("#reset-confirm")
	p.until(`document.getElementById('count-deliveries').innerText === '0'`)
	p.click(`.views [data-view="deliveries"]`)
	p.until(`document.getElementById('rows-empty').innerText.includes('No deliveries yet')`)
}

// callTool sends a message to the first agent, and answers the tool call that follows from it as an application would.
func callTool(t *testing.T, mock *mockserver.Mock) {
	t.Helper()
	post := func(url, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+mock.APIKey)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%s is answered with %d", url, resp.StatusCode)
		}
	}
	post(mock.URL+"/v1/agents/"+mock.AgentID+"/messages", `{"type":"user.message","content":[{"type":"text","text":"How warm is it?"}]}`)
	settle(t, mock, 0)
	sent, err := mock.Client.Deliveries(t.Context(), client.Query{Type: contract.ToolCallRequested})
	if err != nil || len(sent.Deliveries) != 1 {
		t.Fatalf("the message led to %d tool calls: %v", len(sent.Deliveries), err)
	}
	var call struct {
		Data struct {
			SubmitURL  string `json:"submit_url"`
			MessageID  string `json:"message_id"`
			ToolCallID string `json:"tool_call_id"`
		}
	}
	if err := json.Unmarshal(sent.Deliveries[0].Attempts[0].Request.Body, &call); err != nil {
		t.Fatal(err)
	}
	post(call.Data.SubmitURL, fmt.Sprintf(`{"type":"tool.result_submitted","message_id":%q,"tool_call_id":%q,"is_error":false,"result":{"celsius":21}}`,
		call.Data.MessageID, call.Data.ToolCallID))
}
