// Package console is the mock platform's web page: a live list of deliveries, what was sent and answered in every
// attempt, how the signature came about, and switches for faults, webhooks and the clock.
//
// The page is plain HTML, CSS and JavaScript modules, embedded as they are. It has no build step, loads nothing from
// anywhere else, and uses the control API that every other client uses. What a receiver has answered is shown as text and
// never as markup; the page's security policy forbids inline scripts and every way of turning a string into markup.
package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// policy is the page's Content-Security-Policy: its own files, its own server, and no string that becomes code or
// markup (the trusted-types part).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Path is where the page is served. The files that it loads are below it.
const Path = "/_mock/console"

//go:embed static
var static embed.FS

// asset is one file, ready to be served.
type asset struct {
	name string
	body []byte
	etag string
}

// Handler serves the page at [Path] and its files below. It answers GET and HEAD alone, with validators, so that a reload
// costs one small exchange per file.
func Handler() http.Handler {
	assets := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		if r.URL.Path == Path+"/" {
			http.Redirect(w, r, "../console", http.StatusPermanentRedirect)
			return
		}
		a, ok := assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		a.serve(w, r)
	})
}

// serve answers with the file. Content types come from the table below and not from the machine's.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", contentType(a.name))
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.etag)
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.body))
}

// load reads the embedded files and the facts about the providers by the paths at which they are served.
func load() map[string]asset {
	assets := map[string]asset{Path + "/providers.json": newAsset("providers.json", providersJSON())}
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		served := Path + strings.TrimPrefix(name, "static")
		assets[strings.TrimSuffix(served, "/index.html")] = newAsset(name, body)
		return nil
	})
	if err != nil {
		panic("console: reading the embedded files: " + err.Error()) // the files are part of the program
	}
	return assets
}

func newAsset(name string, body []byte) asset {
	sum := sha256.Sum256(body)
	return asset{name, body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// contentType returns the type of a file by its name.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".json":
		return "application/json"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}
