package caddymodule

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	if h.URLSecret == nil {
		if err := forErrorRoutes(r, refusal.Status, v); err != nil {
			dropBody(r)
			return err
		}
	}
	body := problems[v.Code]
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(refusal.Status)
	_, _ = w.Write(body) // nobody is left to tell
	lingerAfter(w, r, v)
	return nil
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

// forErrorRoutes returns the error of a refusal where an error route of the server would answer it, and nil elsewhere.
// Without a route the answer would have no body: a Caddyfile keeps the error routes of all sites of a server in one list. The
// error is made for a route alone, since it looks at the stack to tell where it comes from.
func forErrorRoutes(r *http.Request, status int, v gate.Verdict) error {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Errors == nil || len(server.Errors.Routes) == 0 {
		return nil
	}
	err := caddyhttp.Error(status, &signature.Error{Code: v.Code, Clause: v.Clause, Err: v.Cause})
	if !anyRoute(server.Errors.Routes, server.Errors.WithError(r, err)) {
		return nil
	}
	return err
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
