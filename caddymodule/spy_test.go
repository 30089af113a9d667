package caddymodule_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(spyHandler{})
	caddy.RegisterModule(spyMatcher{})
	httpcaddyfile.RegisterHandlerDirective("spy", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		s := new(spyHandler)
		s.Answer = h.NextArg()
		return s, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("spy", httpcaddyfile.Before, "root")
}

// spies note what handlers, matchers and receivers see of the gate's fields that the test's sender has forged.
var spies spyNotes

type spyNotes struct {
	mu    sync.Mutex
	seen  int
	forgd []string
}

// reset forgets what was seen, and returns how many requests that were, and the forged fields in them.
func (s *spyNotes) reset() (seen int, forged []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, forged = s.seen, s.forgd
	s.seen, s.forgd = 0, nil
	return seen, forged
}

// look notes the forged fields of a request.
func (s *spyNotes) look(where string, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	for _, fields := range []http.Header{r.Header, r.Trailer} {
		for name, values := range fields {
			if isOneOfTheGates(name) {
				s.forgd = append(s.forgd, fmt.Sprintf("%s saw %s %s with %q: %q", where, r.Method, r.RequestURI, name, values))
			}
		}
	}
}

var neitherLetterNorDigit = regexp.MustCompile(`[^A-Z0-9]`)

// isOneOfTheGates reads a field's name as a CGI server does.
func isOneOfTheGates(name string) bool {
	variable := neitherLetterNorDigit.ReplaceAllString(strings.ToUpper(strings.TrimSpace(name)), "_")
	what, ok := strings.CutPrefix(variable, "DARI_WEBHOOK_")
	return ok && slices.Contains([]string{"VERIFIED", "ID", "EVENT", "TIMESTAMP", "DUPLICATE", "ERROR"}, what)
}

// spyHandler looks at requests that pass, or answers them.
type spyHandler struct {
	Answer bool `json:"answer,omitempty"`
}

func (spyHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.spy", New: func() caddy.Module { return new(spyHandler) }}
}

func (s spyHandler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	spies.look("a handler", r)
	if s.Answer {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return next.ServeHTTP(w, r)
}

// spyMatcher looks at requests, and matches all.
type spyMatcher struct{}

func (spyMatcher) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.spy", New: func() caddy.Module { return new(spyMatcher) }}
}

func (spyMatcher) MatchWithError(r *http.Request) (bool, error) {
	spies.look("a matcher", r)
	return true, nil
}

func (spyMatcher) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

// newSpy is a receiver that looks at what it gets.
func newSpy(t *testing.T) *receiver {
	return newReceiver(t, func(w http.ResponseWriter, r *http.Request) {
		spies.look("the receiver", r)
		w.WriteHeader(http.StatusNoContent)
	})
}
