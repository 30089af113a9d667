package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"

	"github.com/darihook/darihook/contract"
)

// outcome is what the receiver behind the gate answered.
type outcome struct {
	status int
	header http.Header
	body   []byte
	// failure is why there was no answer.
	failure error
}

// trusted are the headers that the receiver may believe, since only the gate can have set them (clause GATE-003).
var trusted = []string{
	contract.HeaderVerified, contract.HeaderID, contract.HeaderEvent, contract.HeaderTimestamp,
}

// hopByHop are headers that concern one connection (RFC 9110 section 7.6.1).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Content-Length",
}

// settle forwards a claimed delivery and records its success, or releases it.
func (g *gate) settle(w http.ResponseWriter, r *http.Request, a admission, key string, own *claim) {
	if g.fault == copiesForwardedTogether {
		g.claims.end(key, own, 0, false) // so that no other copy sees this one under way
	}
	o := g.forward(r, a)
	switch {
	case g.fault != copiesForwardedTogether:
		g.claims.end(key, own, o.status, g.success(r, o))
	case g.success(r, o):
		g.claims.burn(key)
	}
	o.write(w)
}

// success reports whether an outcome ends the delivery: a 2xx answer and nothing else (clause GATE-007).
func (g *gate) success(r *http.Request, o outcome) bool {
	switch {
	case g.fault == refusalRemembered && o.status/100 == 4:
		return true
	case g.fault == redirectRemembered && o.status/100 == 3:
		return true
	case g.fault == resetRemembered && o.failure != nil && !isTimeout(o.failure):
		return true
	case g.fault == timeoutRemembered && isTimeout(o.failure):
		return true
	case g.fault == hangupLosesOutcome && r.Context().Err() != nil:
		return false
	}
	return o.status/100 == 2
}

// isTimeout reports whether the receiver took too long.
func isTimeout(err error) bool {
	timeout, ok := err.(interface{ Timeout() bool })
	return ok && timeout.Timeout()
}

// forward sends the verified bytes to the receiver, whether or not the sender is still there.
func (g *gate) forward(r *http.Request, a admission) outcome {
	ctx := context.WithoutCancel(r.Context())
	if g.fault == hangupCancels {
		ctx = r.Context()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, g.upstream+r.URL.RequestURI(), bytes.NewReader(g.forwarded(a.body)))
	if err != nil {
		return outcome{status: http.StatusBadGateway, failure: err}
	}
	request.Header = g.headers(r.Header, a)
	answer, err := g.client.Do(request)
	switch {
	case isTimeout(err):
		return outcome{status: http.StatusGatewayTimeout, failure: err}
	case err != nil:
		return outcome{status: http.StatusBadGateway, failure: err}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, contract.MaxBody))
	if err != nil {
		return outcome{status: http.StatusBadGateway, failure: err}
	}
	return outcome{status: answer.StatusCode, header: answer.Header, body: body}
}

// forwarded is the body for the receiver: the bytes that were signed (clause GATE-002).
func (g *gate) forwarded(body []byte) []byte {
	switch g.fault {
	case bodyRewritten:
		return compact(body)
	case newlineAppended:
		return append(bytes.Clone(body), '\n')
	case overlongForwardedCut:
		return body[:min(len(body), contract.MaxBody)]
	}
	return body
}

// headers copies the sender's headers and puts the gate's own findings in the place of any that claim to be such.
func (g *gate) headers(from http.Header, a admission) http.Header {
	to := from.Clone()
	for _, name := range hopByHop {
		to.Del(name)
	}
	if g.fault == findingsMissing {
		for _, name := range trusted {
			to.Del(name)
		}
		return to
	}
	for i, found := range []string{"true", a.envelope.id, a.kind, a.timestamp} {
		name := trusted[i]
		if g.fault == spoofedHeadersKept && to.Get(name) != "" || g.fault == spoofedEventKept && name == contract.HeaderEvent && to.Get(name) != "" {
			continue
		}
		to.Del(name)
		if found != "" && isVisible(found) {
			to.Set(name, found)
		}
	}
	return to
}

// isVisible reports whether a text can stand in a header as it is.
func isVisible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// write passes the receiver's answer on.
func (o outcome) write(w http.ResponseWriter) {
	maps.Copy(w.Header(), o.header)
	for _, name := range hopByHop {
		w.Header().Del(name)
	}
	w.WriteHeader(o.status)
	_, _ = w.Write(o.body) // the sender may have hung up
}

// refuse answers with a problem document (RFC 9457) and the code (clauses GATE-010 and GATE-011).
func (g *gate) refuse(w http.ResponseWriter, code contract.Code) {
	if g.fault == oneCodeForAll {
		code = sameStatus(code)
	}
	refusal, _ := contract.RefusalFor(code)
	switch {
	case g.fault == oneStatusForAll,
		g.fault == mismatchAnswered400 && code == contract.CodeSignatureMismatch:
		refusal.Status = http.StatusBadRequest
	}
	h := w.Header()
	if g.fault != codeMissing {
		h.Set(contract.HeaderError, string(code))
	}
	if refusal.Status == http.StatusUnauthorized && g.fault != challengeMissing {
		h.Set("WWW-Authenticate", `DariWebhook realm="deliveries"`)
	}
	if refusal.Status == http.StatusMethodNotAllowed && g.fault != allowMissing {
		h.Set("Allow", http.MethodPost)
	}
	if refusal.Retry && !g.withholdsRetryAfter(code) {
		h.Set("Retry-After", "1")
	}
	if g.fault == plainRefusal {
		http.Error(w, refusal.Detail, refusal.Status)
		return
	}
	told := string(code)
	if g.fault == problemWithoutCode {
		told = ""
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type": "about:blank", "title": refusal.Title, "status": refusal.Status, "detail": refusal.Detail, "code": told,
	})
}

// sameStatus returns the first code with the status of another, as if nobody had kept them apart.
func sameStatus(code contract.Code) contract.Code {
	wanted, _ := contract.RefusalFor(code)
	for _, r := range contract.Refusals() {
		if r.Status == wanted.Status {
			return r.Code
		}
	}
	return code
}

// withholdsRetryAfter reports whether a fault keeps back when to come again.
func (g *gate) withholdsRetryAfter(code contract.Code) bool {
	return g.fault == overloadWithoutRetry && code == contract.CodeOverloaded ||
		g.fault == storeFaultWithoutRetry && code == contract.CodeStoreUnavailable
}
