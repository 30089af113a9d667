package console_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
)

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
		return m.curlCommand(request.method, d.url, request.headers, decode(request.body_base64), request.body_base64);
	})`)
	for _, part := range []string{"curl -i -X POST '" + d.URL + "'", "-H 'Dari-Webhook-Signature: t=", "--data-raw '" + string(sent.Body) + "'"} {
		if !strings.Contains(curl, part) {
			t.Errorf("the curl command lacks %s:\n%s", part, curl)
		}
	}
	binary := eval[string](p, `import('./console/js/curl.js').then((m) => m.curlCommand('GET', 'http://x/', {}, new Uint8Array([0, 255]), 'AP8=', 9))`)
	if want := "# This body is cut: its first 2 of 9 bytes.\nprintf %s 'AP8=' | base64 -d | curl -i -X GET 'http://x/' \\\n  --data-binary @-"; binary != want {
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

// TestWhatWasForgottenIsSaid fills a small mock with deliveries that go on failing: the page says what it cannot show.
func TestWhatWasForgottenIsSaid(t *testing.T) {
	t.Parallel()
	mock, r := start(t, func(o *mockserver.Options) {
		o.MaxMemory = 64 << 10
		o.RetrySchedule = slices.Repeat([]time.Duration{time.Minute}, 20)
	})
	r.down.Store(true)
	var id string
	for range 4 {
		id = emit(t, mock, contract.ToolCallRequested, 1, map[string]any{"arguments": strings.Repeat("n", 13_500)})
	}
	settle(t, mock, 15*time.Minute)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelector('#detail .note')`)
	if got := p.text("#detail .note"); !strings.Contains(got, " earlier attempts were forgotten") {
		t.Errorf("the note says %q", got)
	}
}
