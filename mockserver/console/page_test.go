package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver"
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
