package console_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/console"
)

// get asks the handler for a path.
func get(method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	console.Handler().ServeHTTP(w, r)
	return w
}

// loaded finds what the page and its modules load.
var loaded = regexp.MustCompile(`(?:src|href)="([^"#]+)"|from '(\./[^']+)'`)

// crawl returns every file that the page loads, directly or through its modules, with its text.
func crawl(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	todo := []string{console.Path}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if _, done := files[name]; done {
			continue
		}
		resp := get("GET", name)
		if resp.Code != http.StatusOK {
			t.Fatalf("%s is loaded and answers %d", name, resp.Code)
		}
		files[name] = resp.Body.String()
		if strings.HasSuffix(name, ".svg") {
			continue
		}
		for _, found := range loaded.FindAllStringSubmatch(files[name], -1) {
			todo = append(todo, path.Join(path.Dir(name), found[1]+found[2]))
		}
	}
	if len(files) < 20 {
		t.Fatalf("the page loads only %d files: the crawl does not see them", len(files))
	}
	return files
}

func TestEveryFileIsServedWithItsTypeAndPolicy(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		"": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml", ".json": "application/json",
	}
	for name := range crawl(t) {
		h := get("GET", name).Header()
		if got, want := h.Get("Content-Type"), types[path.Ext(name)]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "require-trusted-types-for 'script'", "frame-ancestors 'none'"} {
			if !strings.Contains(h.Get("Content-Security-Policy"), part) {
				t.Errorf("the policy of %s lacks %s: %s", name, part, h.Get("Content-Security-Policy"))
			}
		}
		if h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s can be sniffed", name)
		}
	}
}

func TestThePageHoldsNoCodeAndNamesNoOtherServer(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son[a-z]+="|\sstyle="|<style|javascript:`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setHTML|createContextualFragment`)
	elsewhere := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	for name, text := range crawl(t) {
		if path.Ext(name) == "" {
			if found := inline.FindString(text); found != "" {
				t.Errorf("the page has inline code or style: %s", found)
			}
		}
		if found := markup.FindString(text); found != "" {
			t.Errorf("%s can turn a string into markup or code: %s", name, found)
		}
		for _, url := range elsewhere.FindAllString(text, -1) {
			if !strings.Contains(url, "www.w3.org") && !strings.Contains(url, "example.com") {
				t.Errorf("%s names another server: %s", name, url)
			}
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	rows := []struct {
		name, method, target string
		status               int
		header, value        string
	}{
		{"ok/page", "GET", console.Path, http.StatusOK, "Cache-Control", "no-cache"},
		{"ok/head", "HEAD", console.Path, http.StatusOK, "Content-Type", "text/html; charset=utf-8"},
		{"ok/final-slash", "GET", console.Path + "/", http.StatusPermanentRedirect, "Location", console.Path},
		{"fail/unknown", "GET", console.Path + "/js/nothing.js", http.StatusNotFound, "", ""},
		{"fail/directory", "GET", console.Path + "/js", http.StatusNotFound, "", ""},
		{"fail/parent", "GET", console.Path + "/../console.go", http.StatusNotFound, "", ""},
		{"fail/post", "POST", console.Path, http.StatusMethodNotAllowed, "Allow", "GET, HEAD"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			resp := get(row.method, row.target)
			if resp.Code != row.status || row.header != "" && resp.Header().Get(row.header) != row.value {
				t.Errorf("got %d with %s %q, want %d with %q", resp.Code, row.header, resp.Header().Get(row.header), row.status, row.value)
			}
			if row.method == "HEAD" && resp.Body.Len() > 0 {
				t.Error("HEAD is answered with a body")
			}
		})
	}
}

func TestAReloadCostsNoBody(t *testing.T) {
	t.Parallel()
	tag := get("GET", console.Path).Header().Get("ETag")
	if tag == "" {
		t.Fatal("there is no validator")
	}
	if again := get("GET", console.Path, "If-None-Match", tag); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("the same page again is answered with %d", again.Code)
	}
}

func TestThePageKnowsTheContract(t *testing.T) {
	t.Parallel()
	var facts struct {
		Providers []struct {
			Name    string
			Schemes []contract.Scheme
			Events  []struct {
				Type    string
				Default bool
			}
		}
		PastSeconds float64 `json:"past_seconds"`
	}
	if err := json.Unmarshal(get("GET", console.Path+"/providers.json").Body.Bytes(), &facts); err != nil {
		t.Fatal(err)
	}
	if len(facts.Providers) != len(contract.Providers()) || facts.PastSeconds != contract.DefaultPast.Seconds() {
		t.Fatalf("the page has %d providers and a window of %v s", len(facts.Providers), facts.PastSeconds)
	}
	for i, p := range contract.Providers() {
		got := facts.Providers[i]
		if got.Name != p.Name || len(got.Schemes) != len(p.Schemes()) || len(got.Events) != len(p.Events) {
			t.Errorf("the page's facts about %s are not the contract's: %+v", p.Name, got)
		}
		for j, s := range p.Schemes() {
			if got.Schemes[j] != s {
				t.Errorf("scheme %s is %+v", s.Name, got.Schemes[j])
			}
		}
	}
}
