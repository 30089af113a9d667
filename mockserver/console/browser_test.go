package console_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/darihook/darihook/mockserver"
	"github.com/darihook/darihook/mockserver/console"
)

// patience is how long a test waits for the page to do what it should.
const patience = 10 * time.Second

// browser is the headless Chromium of all tests: tabs are cheap and browsers are not.
type browser struct {
	ctx  context.Context
	stop func()
}

// launch starts the browser when the first test asks for it; launched tells whether one has.
var (
	launch   = sync.OnceValues(startBrowser)
	launched atomic.Bool
)

func TestMain(m *testing.M) {
	code := m.Run()
	if launched.Load() {
		if b, err := launch(); err == nil {
			b.stop()
		}
	}
	os.Exit(code)
}

// chromium finds the browser's program.
func chromium() (path string, err error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", err
}

// theBrowser returns the browser. Where there is none the test is skipped, unless CI=true says that one has to be there.
func theBrowser(t *testing.T) *browser {
	t.Helper()
	if _, err := chromium(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no Chromium on this machine, and CI=true")
		}
		t.Skip("there is no Chromium on this machine: the page is not tested")
	}
	launched.Store(true)
	b, err := launch()
	if err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	return b
}

// startBrowser starts a browser with an empty profile that talks to nobody of its own accord.
func startBrowser() (*browser, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "console-test-")
	if err != nil {
		return nil, err
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.WSURLReadTimeout(time.Minute),
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-extensions",
		"disable-dev-shm-usage", "disable-background-timer-throttling", "disable-renderer-backgrounding",
		"disable-backgrounding-occluded-windows", "disable-lcd-text", "hide-scrollbars",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(allocator)
	b := &browser{ctx, func() {
		chromedp.Cancel(ctx)
		stopBrowser()
		stopAllocator()
		os.RemoveAll(profile)
	}}
	return b, chromedp.Do(ctx)
}

// page is the console in a tab of its own, and what the browser had to say about it.
type page struct {
	t    *testing.T
	ctx  context.Context
	mock *mockserver.Mock

	mu       sync.Mutex
	requests []string
	problems []string
	// expected are parts of console messages that are no problem, such as refusals that a test provokes.
	expected []string
}

// open opens the console of a mock. At the end the test fails if the page has written an error or a warning, or asked
// anyone but the mock for anything.
func open(t *testing.T, mock *mockserver.Mock, hash string) *page {
	t.Helper()
	p := &page{t: t, mock: mock}
	tab, closeTab := chromedp.NewContext(theBrowser(t).ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(p.listen))
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	p.ctx = ctx
	t.Cleanup(func() {
		p.audit()
		cancel()
		closeTab()
	})
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return err
	}), chromedp.EmulateViewport(1440, 900), chromedp.Navigate(mock.URL+console.Path+hash))
	p.until(`document.getElementById('connection').dataset.state === 'live'`)
	return p
}

// listen keeps what the page asks for and complains about.
func (p *page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, fmt.Sprintf("exception: %+v", e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		p.problems = append(p.problems, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			p.problems = append(p.problems, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	}
}

// expect allows console messages that have the text.
func (p *page) expect(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, text)
}

// audit fails the test for what the page did behind its back.
func (p *page) audit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) == 0 {
		p.t.Error("the browser has seen no requests at all, so that none could be checked")
	}
	for _, url := range p.requests {
		if !strings.HasPrefix(url, p.mock.URL+"/_mock/") {
			p.t.Errorf("the page asked for %s", url)
		}
	}
problems:
	for _, problem := range p.problems {
		for _, text := range p.expected {
			if strings.Contains(problem, text) {
				continue problems
			}
		}
		p.t.Errorf("the page complained: %s", problem)
	}
}

// do runs actions.
func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatalf("driving the page: %v", err)
	}
}

// eval evaluates an expression, which may be a promise.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return v
}

// until waits until a condition holds in the page.
func (p *page) until(condition string) {
	p.t.Helper()
	met := eval[bool](p, fmt.Sprintf(`new Promise((resolve) => {
		const end = performance.now() + %d;
		const check = () => {
			let met = false;
			try { met = Boolean(%s); } catch {}
			if (met || performance.now() > end) resolve(met); else setTimeout(check, 10);
		};
		check();
	})`, patience.Milliseconds(), condition))
	if !met {
		p.t.Fatalf("this never came true: %s\nthe page says: %.3000s", condition, eval[string](p, `document.body.innerText`))
	}
}

// click clicks on the first visible element that matches.
func (p *page) click(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q).checkVisibility()`, selector))
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

// fill sets a control's value as a person would have left it.
func (p *page) fill(selector, value string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q)`, selector))
	eval[bool](p, fmt.Sprintf(`(() => {
		const control = document.querySelector(%q);
		control.value = %q;
		for (const type of ['input', 'change']) control.dispatchEvent(new Event(type, { bubbles: true }));
		return true;
	})()`, selector, value))
}

// text returns what is to be read of an element.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? ''`, selector))
}

// press presses keys, one after the other.
func (p *page) press(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
}

// media sets what the system prefers.
func (p *page) media(features map[string]string) {
	p.t.Helper()
	var list []*emulation.MediaFeature
	for name, value := range features {
		list = append(list, &emulation.MediaFeature{Name: name, Value: value})
	}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list}); err != nil {
		p.t.Fatalf("setting what the system prefers: %v", err)
	}
}
