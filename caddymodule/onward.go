package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/net/http/httpguts"

	"github.com/darihook/darihook/internal/gate"
)

// unasked are the fields by which a sender asks the next handler for something else than to process the delivery once, whole
// and by its own method. Nobody has signed them, and the body is all there.
var unasked = []string{
	"Upgrade", "HTTP2-Settings", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", // another protocol
	"Sec-WebSocket-Extensions", "Sec-WebSocket-Accept",
	"Expect", "Incremental", // the body in another way; reverse_proxy refuses the latter where it buffers
	"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", // less than the work
	"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", // another method
}

// dropUnasked drops the unasked fields, and what no trailer may have.
func dropUnasked(r *http.Request) {
	endHop(r.Header)
	drop(r.Header, unasked)
	drop(r.Trailer, unasked)
	dropNoTrailer(r.Trailer)
}

// drop removes fields from a header or a trailer, under every name that some receiver may take for theirs.
func drop(fields http.Header, names []string) {
	for field := range fields {
		if slices.ContainsFunc(names, func(name string) bool { return sameField(field, name) }) {
			delete(fields, field)
		}
	}
}

// endHop drops the fields of the sender's connection: Connection and what it names (RFC 9110, section 7.6.1), but for the
// gate's own, which are not the sender's to take away.
func endHop(h http.Header) {
	lines, found := h["Connection"]
	if !found {
		return
	}
	delete(h, "Connection")
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); !isOurs(name) {
				h.Del(name)
			}
		}
	}
}

// dropNoTrailer drops what no trailer may have: fields that frame, route or judge a message, and names that are none. The
// server checks those of the header alone, and a proxy would refuse the delivery for them.
func dropNoTrailer(trailer http.Header) {
	for name := range trailer {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidTrailerHeader(name) {
			delete(trailer, name)
		}
	}
}

// cutLoose keeps a sender that hangs up from cancelling the receiver's work, which ends with longestWork instead, or when Caddy
// exits. The request stays the same one, since Caddy's placeholders and logs look at it. The returned function gives it its
// sender's context back, for whoever stands ahead of the gate, and ends the other one.
func cutLoose(r *http.Request, rec *recorder) (end func()) {
	asked := r.Context()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(asked), longestWork)
	under := &work{sender: asked, cut: func() { rec.leaving.Store(true); cancel() }}
	leaving.join(under)
	*r = *r.WithContext(ctx)
	return func() {
		leaving.leave(under)
		if r.Context() != ctx { // a handler has put a value into the request, which those ahead may have to see
			context.AfterFunc(asked, cancel)
			return
		}
		*r = *r.WithContext(asked)
		cancel()
	}
}

// giveBody exchanges a request's body for the bytes that were verified. They are all there, so that their length is known. No
// GetBody makes more of them: net/http would send a request again by itself that has one and an Idempotency-Key.
func giveBody(r *http.Request, a *gate.Admission) {
	r.Body, r.GetBody, r.TransferEncoding = a.Body(), nil, nil
	r.ContentLength = a.Size()
	switch {
	case a.Size() > 0:
		r.Header.Set("Content-Length", strconv.FormatInt(a.Size(), 10))
		return
	case replayable(r):
		r.ContentLength = -1 // not known to be empty before it is read, it counts as a body
	default:
		r.Body = http.NoBody
	}
	r.Header.Del("Content-Length")
}

// unvouch takes the gate's word back. Error routes get the request without its body, and a gate vouches for nothing else.
func unvouch(r *http.Request) {
	strip(r.Header)
	dropBody(r)
}

// dropBody leaves a request without the body that the gate has read, or has not wanted. A proxy on an error route would fail
// for want of it. The trailer goes too: the server still writes to it when it reads the rest of the body.
func dropBody(r *http.Request) {
	r.Body, r.ContentLength, r.Trailer = http.NoBody, 0, nil
	r.Header.Del("Content-Length")
}

// replayable reports whether net/http would send a request without a body again when its connection breaks, although the
// receiver may have processed it.
func replayable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil
}

// switching are the fields of an answer that leaves HTTP.
var switching = []string{"Connection", "Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"}

// errSwitched keeps a delivery from counting as processed whose receiver has left HTTP.
var errSwitched = errors.New("the receiver switched protocols unasked")

// switched reports whether a receiver has answered 101. reverse_proxy answers nothing where it was not asked for, and keeps
// the status for placeholders alone.
func switched(rec *recorder, r *http.Request) bool {
	if rec.status != 0 {
		return rec.status == http.StatusSwitchingProtocols
	}
	repl, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if repl == nil {
		return false
	}
	status, _ := repl.Get("http.reverse_proxy.status_code")
	return status == http.StatusSwitchingProtocols
}
