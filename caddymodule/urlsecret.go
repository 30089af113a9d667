package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/darihook/darihook/internal/excerpt"
	"github.com/darihook/darihook/internal/gate"
)

// The places of a secret in a URL.
const (
	inPath  = "path"
	inQuery = "query"
)

// URLSecret is the place of the secret in the endpoint's URL, for a platform that signs nothing. The secret is taken out of
// what is forwarded. Caddy would write it to the access log and to the log of errors, so that the gate writes
// the line of the first itself, and runs the error routes itself, so that no error comes to the second.
type URLSecret struct {
	// In is path, for the last segment of the path, or query, for a parameter of the query.
	In string `json:"in,omitempty"`
	// Name of the query's parameter.
	Name string `json:"name,omitempty"`
}

// check refuses a place that is none.
func (u *URLSecret) check() error {
	switch {
	case u.In == inPath && u.Name == "", u.In == inQuery && u.Name != "":
		return nil
	}
	return errors.New("url_secret: want path, or query and the parameter's name")
}

// checkURLSecret makes sure that there is a place for the secret where there is no signature, and only there.
func (h *Handler) checkURLSecret() error {
	switch unsigned := h.provider.Unsigned(); {
	case unsigned && h.URLSecret == nil:
		return fmt.Errorf("provider %s signs nothing: url_secret must say where the URL holds a secret", h.provider.Name)
	case !unsigned && h.URLSecret != nil:
		return fmt.Errorf("provider %s signs its deliveries: url_secret has no place", h.provider.Name)
	case unsigned:
		return h.URLSecret.check()
	}
	return nil
}

// cut takes the secret out of a URL and returns it; empty where there is none, or several.
func (u *URLSecret) cut(from *url.URL) (secret string) {
	if u.In == inPath {
		return cutSegment(from)
	}
	return cutParameter(from, u.Name)
}

// cutSegment takes the last segment of the path out of a URL.
func cutSegment(from *url.URL) (segment string) {
	if at := strings.LastIndexByte(from.RawPath, '/'); at >= 0 {
		from.RawPath = from.RawPath[:at]
	}
	at := strings.LastIndexByte(from.Path, '/')
	if at < 0 {
		return ""
	}
	segment, from.Path = from.Path[at+1:], from.Path[:at]
	if from.Path == "" {
		from.Path, from.RawPath = "/", ""
	}
	return segment
}

// cutParameter takes every parameter of a name out of a URL's query, and returns the value of the only one. The others stay
// as they are written.
func cutParameter(from *url.URL, name string) (value string) {
	var kept, found []string
	for part := range strings.SplitSeq(from.RawQuery, "&") {
		key, text, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(key); err == nil && plain == name {
			found = append(found, text)
		} else if part != "" {
			kept = append(kept, part)
		}
	}
	from.RawQuery = strings.Join(kept, "&")
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

// hide takes the secret out of a request, and out of the copy of the original one that Caddy keeps for placeholders.
func (u *URLSecret) hide(r *http.Request) (secret string) {
	secret = u.cut(r.URL)
	r.RequestURI = r.URL.RequestURI()
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		if u.cut(original.URL); holds(original.URL.RequestURI(), secret) { // a rewrite has put it into its place
			*original.URL = *r.URL
		}
		original.RequestURI = original.URL.RequestURI()
		if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			repl.Set("http.request.orig_uri", original.RequestURI) // it would be looked up in a copy that stays as it is
		}
		*r = *r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, original))
	}
	return secret
}

// holds reports whether a text holds a secret, as it is or as a URL spells it.
func holds(text, secret string) bool {
	if secret == "" {
		return false
	}
	plain, err := url.PathUnescape(text)
	return strings.Contains(text, secret) || err == nil && strings.Contains(plain, secret)
}

// dropHolding drops the fields that repeat a secret, as Referer does and what a proxy adds about the URL.
func dropHolding(fields http.Header, secret string) {
	for name, values := range fields {
		if slices.ContainsFunc(values, func(value string) bool { return holds(value, secret) }) {
			delete(fields, name)
		}
	}
}

// serveHidden serves a request whose URL holds a secret: judged as any other, and kept out of the logs. An error that went up
// would be logged together with the URL.
func (h *Handler) serveHidden(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, asked gate.Request) error {
	asked.URLSecret = h.URLSecret.hide(r)
	w, end := h.accessLine(w, r, asked.URLSecret)
	defer end()
	rec := record(w)
	if err := h.judge(rec, r, next, asked); err != nil {
		h.answerError(rec, r, err)
	}
	return nil
}

// redacted stands for what a log must not show; Caddy uses the same word for credentials.
const redacted = "REDACTED"

// loggableURI returns what a log may show of a URL. One that was not verified may hold the secret in another place.
func loggableURI(r *http.Request) string {
	if verified(r) {
		return excerpt.Of(r.RequestURI)
	}
	return redacted
}

// verified reports whether a gate has found the secret of a request right.
func verified(r *http.Request) bool {
	v, ok := notedVerdict(r)
	return ok && v.Verified
}

// answerError answers for a receiver that has failed, by the error routes that Caddy would ask, or by the status alone.
func (h *Handler) answerError(rec *recorder, r *http.Request, err error) {
	status := http.StatusInternalServerError
	if known, ok := errors.AsType[caddyhttp.HandlerError](err); ok && known.StatusCode != 0 {
		status = known.StatusCode
	}
	h.logger.Error("the receiver failed", zap.String("uri", loggableURI(r)), zap.Int("status", status), zap.Error(excerpt.Error(err)))
	if rec.status != 0 {
		return
	}
	plain := func(w http.ResponseWriter) { w.WriteHeader(status) }
	if answered, _ := h.answerByRoutes(rec, r, func() error { return err }, plain); !answered {
		plain(rec)
	}
}
