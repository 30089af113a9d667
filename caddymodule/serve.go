package caddymodule

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// longestWork bounds how long the handlers behind the gate may take with a delivery. A sender that hangs up does not end the
// receiver's work, so something has to; the proxy's own time-outs are for tighter bounds.
const longestWork = time.Hour

// ServeHTTP judges a request and forwards it, answers it from the record, or refuses it.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	asked := gate.Request{Vouched: takeBack(r)}
	h.openFor(r.Context())
	if h.URLSecret != nil {
		return h.serveHidden(w, r, next, asked)
	}
	return h.judge(w, r, next, asked)
}

// judge judges a request and acts on the verdict.
func (h *Handler) judge(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, asked gate.Request) error {
	start := time.Now()
	body := h.timeBody(w, r)
	asked.Method, asked.Header, asked.Query = r.Method, r.Header, r.URL.RawQuery
	asked.Body, asked.Length = bodyOf(r, body), r.ContentLength
	asked.Held = h.claimedAhead(r)
	a, v := h.gate.Admit(r.Context(), asked)
	body.close()
	h.strip(r)
	if v.Verified && asked.URLSecret != "" {
		dropHolding(r.Header, asked.URLSecret)
	}
	h.metrics.judged(v, time.Since(start), h.Observe)
	h.reporter.verdict(r, v)
	h.reporter.sameScope(r, v, asked.Vouched)
	h.noteVerdict(r, v)
	switch {
	case h.Observe:
		return h.letThrough(w, r, next, a)
	case v.Decision == gate.Forward:
		return h.forward(w, r, next, a, v)
	case v.Decision == gate.Duplicate:
		w.Header().Set(contract.HeaderDuplicate, "true")
		w.WriteHeader(v.Status)
		return nil
	case v.Decision == gate.Challenged:
		answerChallenge(w, v.Answer)
		return nil
	default:
		return h.refuse(w, r, v)
	}
}

// strip removes from a request the fields by which only a gate vouches for it, whatever the verdict: error routes see a
// request that is refused. What a gate that observes lets through keeps what the sender says, for a receiver that verifies.
func (h *Handler) strip(r *http.Request) {
	strip(r.Trailer)
	if h.Observe {
		strip(r.Header, contract.HeaderID, contract.HeaderTimestamp)
		return
	}
	strip(r.Header)
}

// answerChallenge shows a platform that this is the endpoint that it is looking for.
func answerChallenge(w http.ResponseWriter, answer string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = io.WriteString(w, answer) // nobody is left to tell
}

// openFor waits for the gate's store, which a request may be earlier than.
func (h *Handler) openFor(ctx context.Context) {
	if h.lease == nil {
		return
	}
	h.lease.ready(ctx, func(err error) {
		if err != nil {
			h.logger.Error("applying the store's settings failed", zap.Error(err))
		}
	})
}

// bodyOf returns a request's body, which only a request made in a test may lack, with its time where it has one.
func bodyOf(r *http.Request, timed *timedBody) io.Reader {
	switch {
	case timed != nil:
		return timed
	case r.Body == nil:
		return http.NoBody
	default:
		return r.Body
	}
}

// letThrough hands a request on as it came, whatever the verdict on it.
func (h *Handler) letThrough(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, a *gate.Admission) error {
	defer func() { _ = a.Release() }() // there is no claim whose release could fail
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = a.Body()
	}
	return next.ServeHTTP(w, r)
}

// forward hands a verified delivery to the receiver and ends its admission by the outcome.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, a *gate.Admission, v gate.Verdict) (err error) {
	dropUnasked(r)
	vouch(r, v)
	if h.StripSignature {
		drop(r.Header, []string{h.gate.Scheme().Header})
	}
	rec := record(w)
	start := time.Now()
	rec.patience = patienceFor(r, start.Add(h.longestWork()))
	outcome := outcomePanic
	defer func() { // also while a panic goes by, which a broken upstream connection is
		h.metrics.received(outcome, time.Since(start))
		h.end(a, outcome, rec.final())
		h.endClaim(r)
	}()
	if err = h.handOver(rec, r, next, a); err == nil {
		err = notTaken(rec, r)
	}
	if err != nil {
		outcome = outcomeError
		unvouch(r)
		return err
	}
	outcome = outcomeFailure
	if h.Dedup.succeeded(rec.final()) {
		outcome = outcomeSuccess
	}
	return nil
}

// errUnhandled keeps a delivery that no handler has taken from counting as processed: Caddy answers it with an empty 200.
var errUnhandled = errors.New("no handler behind the gate has taken the delivery: its route needs a reverse_proxy, or the gate a forward")

// notTaken tells why a delivery counts as failed although no handler has said so.
func notTaken(rec *recorder, r *http.Request) error {
	switch {
	case switched(rec, r):
		drop(rec.Header(), switching)
		return caddyhttp.Error(http.StatusBadGateway, errSwitched)
	case rec.status == 0 && unhandled(r):
		return caddyhttp.Error(http.StatusBadGateway, errUnhandled)
	}
	return nil
}

// unhandled reports whether a request has come to the end of its route, where Caddy leaves this word.
func unhandled(r *http.Request) bool {
	end, _ := caddyhttp.GetVar(r.Context(), "unhandled").(bool)
	return end
}

// handOver has the receiver process a delivery, itself or by the next handler. The receiver's work is cut loose from the
// sender's connection: a sender that hangs up neither cancels it nor loses what came of it. It ends with its time, or when
// Caddy exits.
func (h *Handler) handOver(rec *recorder, r *http.Request, next caddyhttp.Handler, a *gate.Admission) error {
	if h.receiver != nil {
		return h.deliver(rec, r, a)
	}
	defer cutLoose(r, rec)()
	giveBody(r, a)
	return next.ServeHTTP(rec, r)
}

// longestWork is how long a delivery may take at the receiver.
func (h *Handler) longestWork() time.Duration {
	if h.receiver != nil {
		return h.receiver.Timeout()
	}
	return longestWork
}

// The outcomes of a forwarded delivery, as metrics name them.
const (
	outcomeSuccess = "success"
	outcomeFailure = "failure"
	outcomeError   = "error"
	outcomePanic   = "panic"
)

// end commits or releases an admission. The receiver's answer stands, whatever the store says: the observer has been told.
func (h *Handler) end(a *gate.Admission, outcome string, status int) {
	var err error
	if outcome == outcomeSuccess {
		err = a.Commit(status)
	} else {
		err = a.Release()
	}
	if c := h.logger.Check(zap.DebugLevel, "delivery ended"); c != nil {
		c.Write(zap.String("outcome", outcome), zap.Int("status", status), zap.Error(err))
	}
}
