package caddymodule

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/internal/gate"
)

// placeholderPrefix begins every placeholder of the handler.
const placeholderPrefix = "http.dari_webhook."

// verdictVar is the request variable that holds the verdict for matchers and placeholders.
const verdictVar = "dari_webhook.verdict"

// noteVerdict makes a verdict known to placeholders, matchers and gates further on. Of two gates in one route the last has
// the say.
func (h *Handler) noteVerdict(r *http.Request, v gate.Verdict) {
	n, ok := caddyhttp.GetVar(r.Context(), verdictVar).(*noted)
	if !ok {
		n = new(noted)
		caddyhttp.SetVar(r.Context(), verdictVar, n)
		if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			repl.Map(func(key string) (any, bool) { return placeholder(&n.Verdict, key) })
		}
	}
	n.Verdict = v
	n.noteClaim(h, v)
}

// notedVerdict returns the verdict of a gate earlier in the route.
func notedVerdict(r *http.Request) (*gate.Verdict, bool) {
	n, ok := caddyhttp.GetVar(r.Context(), verdictVar).(*noted)
	if !ok {
		return nil, false
	}
	return &n.Verdict, true
}

// placeholder returns the value of one placeholder, and reports whether it is one of the handler's.
func placeholder(v *gate.Verdict, key string) (any, bool) {
	name, ours := strings.CutPrefix(key, placeholderPrefix)
	if !ours {
		return nil, false
	}
	switch name {
	case "id":
		return v.Delivery.ID, true
	case "event":
		return v.Delivery.Type, true
	case "timestamp":
		return timestampOf(v), true
	case "session_id":
		return v.Delivery.Session, true
	case "batch_id":
		return v.Delivery.Batch, true
	case "agent_id":
		return v.Delivery.Agent, true
	case "code":
		return string(v.Code), true
	case "verified":
		return v.Verified, true
	case "duplicate":
		return v.Decision == gate.Duplicate, true
	default:
		return nil, false
	}
}

// timestampOf writes when a delivery was signed as it stands in headers; empty when it is not known.
func timestampOf(v *gate.Verdict) string {
	if v.Delivery.Time.IsZero() {
		return ""
	}
	return strconv.FormatInt(v.Delivery.Time.Unix(), 10)
}
