package caddymodule

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// problemBase begins the type of every problem document; the code follows.
const problemBase = "https://github.com/darihook/darihook/blob/main/README.md#"

// problem is the body of a refusal (RFC 9457).
type problem struct {
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Status int           `json:"status"`
	Detail string        `json:"detail"`
	Code   contract.Code `json:"code"`
}

// problems holds the body of every refusal. None depends on the request.
var problems = func() map[contract.Code][]byte {
	all := make(map[contract.Code][]byte)
	for _, r := range contract.Refusals() {
		body, err := json.Marshal(problem{problemBase + string(r.Code), r.Title, r.Status, r.Detail, r.Code})
		if err != nil {
			panic(err) // strings and a number
		}
		all[r.Code] = append(body, '\n')
	}
	return all
}()

// refuse answers a request with its refusal: by the site's error routes where one of them takes it, and by a problem
// document otherwise. The headers are the same either way.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, v gate.Verdict) error {
	refusal, ok := contract.RefusalFor(v.Code)
	if !ok { // a code without an answer must not become a success
		refusal.Status = http.StatusInternalServerError
	}
	h.setRefusalHeaders(w.Header(), refusal, v.RetryAfter)
	if r.ProtoMajor == 1 && (r.Header.Get("Expect") != "" || unended(v.Code)) {
		// Nobody wants the body any more, which its sender may not have begun, or may never end. The server would read some
		// of it all the same before it sends the answer, since it does not see through a body that Caddy has wrapped.
		w.Header().Set("Connection", "close")
	}
	failure := func() error {
		return caddyhttp.Error(refusal.Status, &signature.Error{Code: v.Code, Clause: v.Clause, Err: v.Cause})
	}
	plain := func(w http.ResponseWriter) { answerProblem(w, refusal.Status, v.Code) }
	if answered, err := h.answerByRoutes(w, r, failure, plain); answered || err != nil {
		return err
	}
	answerProblem(w, refusal.Status, v.Code)
	lingerAfter(w, r, v)
	return nil
}

// answerProblem answers with a problem document.
func answerProblem(w http.ResponseWriter, status int, code contract.Code) {
	body := problems[code]
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // nobody is left to tell
}

// answerByRoutes has an error route answer a failure where there is one for it: of the subroutes around the gate, from the inside
// out, and then of the server, which gets the error. With a secret in the URL the server's are run here: Caddy logs the errors
// that it gets together with the URL.
func (h *Handler) answerByRoutes(w http.ResponseWriter, r *http.Request, failure func() error, plain func(http.ResponseWriter)) (answered bool, err error) {
	for _, routes := range h.around {
		if answerHere(w, r, routes, failure, plain) {
			return true, nil
		}
	}
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	switch {
	case !ok:
		return false, nil
	case h.URLSecret != nil:
		restoreURL(r)
		return answerHere(w, r, server.Errors, failure, plain), nil
	case len(h.around) > 0:
		return false, nil
	}
	if _, err = forErrorRoutes(r, server.Errors, failure); err != nil {
		dropBody(r)
	}
	return false, err
}

// answerHere has error routes answer a failure where one of them would. The plain answer ends them: behind those of a subroute
// Caddy would go on with what stands behind the subroute, as if nothing had happened. It also stands in for routes that fail,
// whose error must not go up: it would come to these routes again, or to Caddy's log.
func answerHere(w http.ResponseWriter, r *http.Request, routes *caddyhttp.HTTPErrorConfig, failure func() error, plain func(http.ResponseWriter)) bool {
	failed, _ := forErrorRoutes(r, routes, failure)
	if failed == nil {
		return false
	}
	dropBody(failed)
	end := caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		plain(w)
		return nil
	})
	if err := routes.Routes.Compile(end).ServeHTTP(w, failed); err != nil {
		plain(w)
	}
	return true
}

// restoreURL gives a request the method and the URL back that it came with, as Caddy does ahead of the server's error routes.
func restoreURL(r *http.Request) {
	original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok || original.URL == nil {
		return
	}
	r.Method, r.RequestURI, *r.URL = original.Method, original.RequestURI, *original.URL
}

// errorsAround returns the error routes of the subroutes around the gate that is being provisioned, the innermost first.
func errorsAround(ctx caddy.Context) (around []*caddyhttp.HTTPErrorConfig) {
	for _, module := range slices.Backward(ctx.Modules()) {
		if sub, ok := module.(*caddyhttp.Subroute); ok && sub.Errors != nil {
			around = append(around, sub.Errors)
		}
	}
	return around
}

// unended reports whether a refusal leaves a body behind of which nobody knows how it goes on.
func unended(code contract.Code) bool {
	return code == contract.CodeBodyTooLarge || code == contract.CodeBodyUnreadable
}

// setRefusalHeaders sets what every answer to a refused request carries.
func (h *Handler) setRefusalHeaders(header http.Header, refusal contract.Refusal, retryAfter time.Duration) {
	header.Set(contract.HeaderError, string(refusal.Code))
	header.Set("Cache-Control", "no-store")
	switch refusal.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Dari-Webhook realm="`+h.provider.Name+`"`)
	case http.StatusMethodNotAllowed:
		header.Set("Allow", strings.Join(h.provider.Methods, ", "))
	}
	if refusal.Retry {
		seconds := max(1, int64((retryAfter+time.Second-1)/time.Second))
		header.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
}

// forErrorRoutes returns the error of a failure, and the request that has it, where one of some error routes would answer it.
// Without a route the answer would have no body: a Caddyfile keeps the error routes of all sites of a server in one list. The
// error is made for a route alone, since it looks at the stack to tell where it comes from.
func forErrorRoutes(r *http.Request, routes *caddyhttp.HTTPErrorConfig, failure func() error) (*http.Request, error) {
	if routes == nil || len(routes.Routes) == 0 {
		return nil, nil
	}
	err := failure()
	if failed := routes.WithError(r, err); anyRoute(routes.Routes, failed) {
		return failed, err
	}
	return nil, nil
}

// anyRoute reports whether one of the routes has a handler for the request that is more than a list of routes none of
// which matches.
func anyRoute(routes caddyhttp.RouteList, r *http.Request) bool {
	for _, route := range routes {
		if matched, err := route.MatcherSets.AnyMatchWithError(r); err != nil || !matched {
			continue
		}
		for _, handler := range route.Handlers {
			if sub, ok := handler.(*caddyhttp.Subroute); !ok || anyRoute(sub.Routes, r) {
				return true
			}
		}
	}
	return false
}
