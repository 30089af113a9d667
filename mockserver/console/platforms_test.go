package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
)

// taker is a receiver that takes everything.
func taker(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	return s.URL
}

// The page explains another platform's signatures by that platform's scheme, and offers its event types.
func TestThePageKnowsDanube(t *testing.T) {
	t.Parallel()
	mock := mockserver.New(t, func(o *mockserver.Options) { o.Provider = "danube" })
	mock.SetWebhook(t, taker(t))
	id := emit(t, mock, contract.WorkflowCompleted, 1, nil)
	settle(t, mock, 0)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelector('[data-role="signed"]')`)
	if steps := p.text(".steps"); !strings.Contains(steps, "X-Danube-Signature") || !strings.Contains(steps, "sha256= is a signature") {
		t.Errorf("the signature is explained as %q", steps)
	}
	p.click("#emit-open")
	p.until(`document.querySelectorAll('#emit select[name="type"] option').length === 5`)
}

// A platform that has neither event types nor signatures is shown without them.
func TestThePageKnowsTess(t *testing.T) {
	t.Parallel()
	mock := mockserver.New(t, func(o *mockserver.Options) { o.Provider = "tess" })
	mock.SetWebhook(t, taker(t))
	id := emit(t, mock, "", 1, nil)
	settle(t, mock, 0)
	p := open(t, mock, "#/deliveries/"+id)
	p.until(`document.querySelector('[aria-label="request body"]')`)
	if text := p.text("main"); !strings.Contains(text, "This request was not signed.") {
		t.Errorf("the page says %q", text)
	}
	p.click("#emit-open")
	p.until(`document.querySelector('#emit').open && !document.querySelector('#emit select[name="type"]')`)
	p.click(`#emit button[type="submit"]`)
	p.until(`document.getElementById('notice').innerText === 'Emitted an event'`)
	p.click(`[data-view="agents"]`)
	p.until(`document.querySelector('[name="webhook_url"]')`)
	if fields := eval[int](p, `document.querySelectorAll('[name="event_types"], [name="signing_secret"]').length`); fields != 0 {
		t.Errorf("the webhook's form has %d fields for what Tess does not have", fields)
	}
}
