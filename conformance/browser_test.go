package conformance_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/darihook/darihook/conformance"
)

// browser starts a headless Chromium. Without one the test is skipped, but not where CI is set, since a skip would go
// unseen there.
func browser(t *testing.T) context.Context {
	t.Helper()
	path := slices.IndexFunc([]string{"chromium", "chromium-browser", "google-chrome"}, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil
	})
	if path < 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium to look at the report with")
		}
		t.Skip("no Chromium to look at the report with")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-background-networking", true), chromedp.NoFirstRun)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// pageEvents are what a page did besides being shown.
type pageEvents struct {
	requests []string
	errors   []string
}

func (e *pageEvents) listen(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting the browser: %v", err)
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch event := event.(type) {
		case *network.EventRequestWillBeSent:
			e.requests = append(e.requests, event.Request.URL)
		case *runtime.EventExceptionThrown:
			e.errors = append(e.errors, event.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatalf("listening to the browser: %v", err)
	}
}

// TestPageInABrowser looks at the page of a failing run: the result, the failing clause open with its transcript, the
// filters, a narrow screen; nothing is fetched from anywhere and no script fails.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browser(t)
	report := judgeWith(t, mutantCalled(t, "receiver/signature-optional"), func(*conformance.Config) {})
	dir := t.TempDir()
	if err := report.Write(dir); err != nil {
		t.Fatalf("writing the report: %v", err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)

	var events pageEvents
	events.listen(ctx, t)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(400, 800),
		chromedp.Navigate(server.URL+"/"+conformance.FileHTML)); err != nil {
		t.Fatalf("opening the page: %v", err)
	}
	before := look(ctx, t)
	if before.Result != "non-conformant" || !strings.Contains(before.Clause, "v1= value") {
		t.Errorf("the page says %q, and of SIG-003 %q", before.Result, before.Clause)
	}
	if !before.Open || before.Exchanges == 0 {
		t.Errorf("the failing clause is open: %t, with %d exchanges", before.Open, before.Exchanges)
	}
	if before.Shown != len(report.Clauses) {
		t.Errorf("%d clauses, want %d", before.Shown, len(report.Clauses))
	}
	if before.Width > before.Screen {
		t.Errorf("the page is %d pixels wide on a screen of %d", before.Width, before.Screen)
	}
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(`button[data-show="non-conformant"]`))); err != nil {
		t.Fatalf("clicking the filter: %v", err)
	}
	if after := look(ctx, t); after.Shown == 0 || after.Shown != len(broken(report)) {
		t.Errorf("%d clauses after filtering, want %d", after.Shown, len(broken(report)))
	}
	if len(events.errors) > 0 {
		t.Errorf("scripts of the page fail: %v", events.errors)
	}
	if others := foreign(events.requests, server.URL); len(others) > 0 {
		t.Errorf("the page fetches %v", others)
	}
	if shot := os.Getenv("DARIHOOK_SCREENSHOT"); shot != "" {
		screenshot(ctx, t, shot)
	}
}

// seenPage is what a person sees of the page.
type seenPage struct {
	Result, Clause                  string
	Open                            bool
	Exchanges, Shown, Width, Screen int
}

// look asks the page what it shows.
func look(ctx context.Context, t *testing.T) seenPage {
	t.Helper()
	seen, err := chromedp.Run(ctx, chromedp.Evaluate[seenPage](`({
		Result: document.querySelector("#result").textContent,
		Clause: document.querySelector("#SIG-003 .text").textContent,
		Open: document.querySelector("#SIG-003").open,
		Exchanges: document.querySelectorAll("#SIG-003 .wire pre").length,
		Shown: [...document.querySelectorAll(".clause")].filter(c => c.checkVisibility()).length,
		Width: document.documentElement.scrollWidth, Screen: window.innerWidth,
	})`))
	if err != nil {
		t.Fatalf("looking at the page: %v", err)
	}
	return seen
}

// foreign lists the requests besides that for the page and the icon that browsers ask every server for.
func foreign(requests []string, base string) []string {
	return slices.DeleteFunc(requests, func(u string) bool {
		return u == base+"/"+conformance.FileHTML || u == base+"/favicon.ico"
	})
}

// screenshot keeps what the browser shows, for people.
func screenshot(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1200, 900)); err != nil {
		t.Fatalf("widening the window: %v", err)
	}
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatalf("taking a screenshot: %v", err)
	}
	if err := os.WriteFile(path, image, 0o644); err != nil {
		t.Fatalf("keeping the screenshot: %v", err)
	}
}
