package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/client"
)

// These tests drive the console in a real browser against a real mock; each has a mock and a tab of its own.

func TestDeliveriesArriveLive(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	p := open(t, mock, "")
	p.until(`document.getElementById('rows-empty').innerText.includes('No deliveries yet')`)
	id := emit(t, mock, contract.SessionCompleted, 1, nil)
	p.until(`document.querySelector('#rows li .row-status').innerText.includes('Succeeded')`)
	if got := p.text("#rows li a"); !strings.Contains(got, contract.SessionCompleted) || !strings.Contains(got, "200") {
		t.Errorf("the row says %q", got)
	}
	p.until(`document.getElementById('count-deliveries').innerText === '1'`)
	p.until(`document.getElementById('news').textContent.includes('1 new delivery')`)

	emit(t, mock, contract.ToolCallRequested, 3, nil)
	p.until(`document.querySelectorAll('#rows li').length === 4`)
	p.click(`#filters input[value="failed"]`)
	p.until(`document.getElementById('rows-empty').innerText.includes('Nothing matches')`)
	p.click(`#filters input[value=""]`)
	p.fill("#filter-text", id)
	p.until(`document.querySelectorAll('#rows li').length === 1`)
	p.fill("#filter-text", "")
	p.fill("#filter-type", contract.ToolCallRequested)
	p.until(`document.querySelectorAll('#rows li').length === 3`)
}

func TestADeliveryShowsItsBytes(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	id := emit(t, mock, contract.ToolCallRequested, 1, map[string]any{"tool_name": "say_grüezi"})
	settle(t, mock, 0)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelector('[aria-label="request body"]')`)
	d, err := mock.Client.Delivery(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	sent := d.Attempts[0].Request
	if got := eval[string](p, `document.querySelector('[aria-label="request body"]').textContent`); got != string(sent.Body) {
		t.Errorf("the page shows %q, and %q was sent", got, sent.Body)
	}
	for name, values := range sent.Headers {
		if got := p.text(".headers"); !strings.Contains(got, name) || !strings.Contains(got, values[0]) {
			t.Errorf("the page does not show %s: %s", name, values[0])
		}
	}
	if got := p.text(`[aria-label="answer body"]`); got != `{"received":true}` {
		t.Errorf("the answer reads %q", got)
	}
	p.click(`input[aria-label="request body as hex"]`)
	first := fmt.Sprintf("000000  % x  ", sent.Body[:8])
	p.until(fmt.Sprintf(`document.querySelector('[aria-label="request body"]').textContent.startsWith(%q)`, first))

	p.click("#copy-curl")
	p.until(`document.getElementById('notice').innerText === 'Copied the attempt as a curl command'`)
	curl := eval[string](p, `import('./console/js/curl.js').then(async (m) => {
		const d = await (await fetch('./deliveries/`+id+`')).json();
		const { request } = d.attempts[0];
		const { decode } = await import('./console/js/bytes.js');
		return m.curlCommand(d.url, request.headers, decode(request.body_base64), request.body_base64);
	})`)
	for _, part := range []string{"curl -i -X POST '" + d.URL + "'", "-H 'Dari-Webhook-Signature: t=", "--data-raw '" + string(sent.Body) + "'"} {
		if !strings.Contains(curl, part) {
			t.Errorf("the curl command lacks %s:\n%s", part, curl)
		}
	}
	binary := eval[string](p, `import('./console/js/curl.js').then((m) => m.curlCommand('http://x/', {}, new Uint8Array([0, 255]), 'AP8=', 9))`)
	if want := "# This body is cut: its first 2 of 9 bytes.\nprintf %s 'AP8=' | base64 -d | curl -i -X POST 'http://x/' \\\n  --data-binary @-"; binary != want {
		t.Errorf("the curl command of a binary body is\n%s\nwant\n%s", binary, want)
	}
	if got := eval[string](p, `import('./console/js/curl.js').then((m) => m.quote("it's $(x) \\ @y"))`); got != `'it'\''s $(x) \ @y'` {
		t.Errorf("a shell would read %s", got)
	}
}

func TestTheSignatureIsExplained(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	id := emit(t, mock, contract.SessionCompleted, 1, nil, "stale")
	settle(t, mock, 0)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelector('[data-role="signed"]')`)
	d, err := mock.Client.Delivery(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	sent := d.Attempts[0].Request
	timestamp := sent.Headers.Get(contract.HeaderTimestamp)
	want := timestamp + "." + string(sent.Body)
	if got := eval[string](p, `document.querySelector('[data-role="signed"]').textContent`); got != want {
		t.Errorf("the page says that %q is signed, want %q", got, want)
	}
	if got := eval[string](p, `document.querySelector('[data-role="signed"] .timestamp').textContent`); got != timestamp {
		t.Errorf("the marked timestamp is %q, want %q", got, timestamp)
	}
	steps := p.text(".steps")
	for _, part := range []string{"t=" + timestamp, "<timestamp>.<body>", "A copy sent now is refused as stale", "the whole secret", "lower-case hex"} {
		if !strings.Contains(steps, part) {
			t.Errorf("the explanation lacks %q:\n%s", part, steps)
		}
	}
	if note := p.text("#detail .note"); !strings.Contains(note, "stale") || !strings.Contains(note, "timestamp in the past") {
		t.Errorf("the fault is told as %q", note)
	}
	if body := p.text("body"); strings.Contains(strings.ReplaceAll(body, "whsec_ included", ""), contract.SecretPrefix) {
		t.Error("the page shows a secret")
	}
}

// TestEverySchemesHeaderIsRead reads headers of schemes that the mock does not sign with by default.
func TestEverySchemesHeaderIsRead(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	p := open(t, mock, "")
	rows := []struct{ name, call, want string }{
		{"ok/two-signatures", `partsOf('t=1,v1=a,v1=b', { tag: 'v1', tag_separator: '=', item_separator: ',', timestamp_tag: 't' })`,
			`[{"kind":"timestamp","tag":"t","value":"1"},{"kind":"value","tag":"v1","value":"a"},{"kind":"value","tag":"v1","value":"b"}]`},
		{"ok/base64-and-unknown", `partsOf('v1,aa== v2,bb', { tag: 'v1', tag_separator: ',', item_separator: ' ' })`,
			`[{"kind":"value","tag":"v1","value":"aa=="},{"kind":"other","tag":"v2","value":"bb"}]`},
		{"ok/bare", `partsOf('a=b', {})`, `[{"kind":"value","tag":"","value":"a=b"}]`},
		{"fail/no-tag", `partsOf('junk', { tag: 'v1', tag_separator: '=', item_separator: ',' })`, `[{"kind":"other","tag":"","value":"junk"}]`},
		{"ok/template", `segmentsOf('v0:{timestamp}:{body}')`, `[{"text":"v0:"},{"name":"timestamp"},{"text":":"},{"name":"body"}]`},
	}
	for _, row := range rows {
		if got := eval[string](p, `import('./console/js/signature.js').then((m) => JSON.stringify(m.`+row.call+`))`); got != row.want {
			t.Errorf("%s: %s is %s, want %s", row.name, row.call, got, row.want)
		}
	}
}

func TestAnswersAreText(t *testing.T) {
	t.Parallel()
	mock, r := start(t)
	hostile := `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`
	r.answer.Store(&hostile)
	id := emit(t, mock, contract.ToolCallRequested, 1, map[string]any{"tool_name": hostile})
	settle(t, mock, 0)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelector('[aria-label="answer body"]')`)
	if got := eval[string](p, `document.querySelector('[aria-label="answer body"]').textContent`); got != hostile {
		t.Errorf("the answer reads %q", got)
	}
	if eval[int](p, `document.querySelectorAll('#detail img, #detail script').length`) != 0 || eval[string](p, `document.title`) == "owned" {
		t.Error("an answer became markup")
	}
	refused := `(() => { try { document.createElement('p').innerHTML = '<b>x</b>'; return false; } catch { return true; } })()`
	p.expect("TrustedHTML")
	if !eval[bool](p, refused) {
		t.Error("the page's policy lets strings become markup")
	}
}

func TestResendAndTheClock(t *testing.T) {
	t.Parallel()
	mock, r := start(t)
	r.down.Store(true)
	id := emit(t, mock, contract.ToolCallRequested, 1, nil)
	settle(t, mock, 0)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelectorAll('.timeline button').length === 1 && document.querySelector('.timeline .planned')`)
	p.click(`[data-advance="1m"]`)
	p.until(`document.querySelectorAll('.timeline button').length === 3`)
	if got := p.text(".timeline"); !strings.Contains(got, "503 Service Unavailable") || !strings.Contains(got, "Next attempt at") {
		t.Errorf("the timeline reads %q", got)
	}
	r.down.Store(false)
	p.fill("#clock-duration", "2m")
	p.click(`#clock-form button`)
	p.until(`document.querySelector('.detail-top .status').innerText.includes('Succeeded')`)
	p.click("#resend")
	p.until(`document.querySelectorAll('.timeline button').length === 5`)
	if d, err := mock.Client.Delivery(t.Context(), id); err != nil || len(d.Attempts) != 5 {
		t.Errorf("the mock made %d attempts: %v", len(d.Attempts), err)
	}

	p.expect("422")
	p.fill("#clock-duration", "soon")
	p.click(`#clock-form button`)
	p.until(`document.getElementById('alert').innerText.includes('must be a duration')`)
}

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

// TestTheKeyboardIsEnough goes from the top of the page to a resent delivery and back without a pointer.
func TestTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	emit(t, mock, contract.SessionCompleted, 3, nil)
	settle(t, mock, 0)
	p := open(t, mock, "")
	p.until(`document.querySelectorAll('#rows li').length === 3`)
	p.press(kb.Tab)
	p.until(`document.activeElement.classList.contains('skip') && document.activeElement.getBoundingClientRect().top >= 0`)
	p.press(kb.Enter)
	p.until(`document.activeElement.id === 'main'`)
	for range 30 {
		p.press(kb.Tab)
		if eval[bool](p, `document.activeElement.matches('#rows a')`) {
			break
		}
	}
	p.press(kb.ArrowDown, kb.ArrowDown, kb.ArrowUp)
	p.until(`document.activeElement === document.querySelectorAll('#rows a')[1]`)
	if eval[string](p, `getComputedStyle(document.activeElement).outlineStyle`) != "solid" {
		t.Error("the focus is not to be seen")
	}
	p.press(kb.Enter)
	p.until(`document.activeElement.id === 'detail-title'`)
	p.press(kb.Tab)
	p.until(`document.activeElement.id === 'resend'`)
	p.press(kb.Enter)
	p.until(`document.querySelectorAll('.timeline button').length === 2`)
	p.press(kb.Tab, kb.Tab)
	p.until(`document.activeElement.dataset.key === 'attempt-1'`)
	p.press(" ")
	p.until(`location.hash.endsWith('/1') && document.activeElement.getAttribute('aria-pressed') === 'true'`)
	p.press(kb.Escape)
	p.until(`document.activeElement === document.querySelectorAll('#rows a')[1]`)
}

func TestNothingIsWiderThanTheWindow(t *testing.T) {
	t.Parallel()
	mock, r := start(t, schedule)
	failing := rehearse(t, mock, r)
	p := open(t, mock, "")
	for _, width := range []int64{320, 360, 800} {
		p.do(chromedp.EmulateViewport(width, 700))
		for _, hash := range []string{"#/deliveries", "#/deliveries/" + failing, "#/faults", "#/agents", "#/results", "#/platform"} {
			eval[bool](p, fmt.Sprintf(`(location.hash = %q, true)`, hash))
			p.until(`[...document.querySelectorAll('main > section')].filter((s) => s.checkVisibility()).length === 1`)
			if strings.Contains(hash, "dlv_") {
				p.until(`document.querySelector('[data-role="signed"]').checkVisibility()`)
			}
			if wide := eval[int](p, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("%s is %d px too wide for a window of %d", hash, wide, width)
			}
		}
		p.click("#emit-open")
		if wide := eval[int](p, `document.getElementById('emit').getBoundingClientRect().right - innerWidth`); wide > 0 {
			t.Errorf("the dialog is %d px too wide for a window of %d", wide, width)
		}
		p.press(kb.Escape)
	}
}

func TestManyDeliveriesArePaged(t *testing.T) {
	t.Parallel()
	mock, _ := start(t)
	p := open(t, mock, "")
	const many = 350
	emit(t, mock, contract.SessionCompleted, many, nil)
	settle(t, mock, 0)
	p.until(`document.getElementById('n-succeeded').innerText === '350' && document.getElementById('page-range').innerText === '1–100 of 350'`)
	if rows := eval[int](p, `document.querySelectorAll('#rows li').length`); rows != 100 {
		t.Errorf("the list has %d rows", rows)
	}
	p.click("#page-older")
	p.until(`document.getElementById('page-range').innerText === '101–200 of 350'`)
	p.click("#page-newest")
	p.until(`document.getElementById('page-range').innerText === '1–100 of 350'`)
	id := emit(t, mock, contract.SessionFailed, 1, nil)
	p.until(fmt.Sprintf(`document.querySelector('#rows a').hash.endsWith(%q)`, id))
}

func TestALostConnectionIsTold(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	server, err := mockserver.Start(ctx, mockserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, &mockserver.Mock{Server: server}, "")
	p.expect("ERR_")
	stop()
	select {
	case <-server.Done():
	case <-time.After(patience):
		t.Fatal("the mock does not end while a page is open")
	}
	p.until(`document.getElementById('connection').innerText.includes('Connection lost')`)
}
