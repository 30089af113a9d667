package caddymodule

import (
	"net/http"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

// hintPause is how long after one line that explains a refusal the next may come, and searchPause how long after one search
// for what a request would match the next may begin.
const (
	hintPause   = 10 * time.Second
	searchPause = 10 * time.Second
)

// reporter tells metrics, events and logs what the gate does. Lines that a stranger or a dead store could cause in any
// number are written at debug level or at most so often.
type reporter struct {
	provider string
	platform contract.Provider
	scheme   contract.Scheme
	metrics  *metrics
	events   *events
	logger   *zap.Logger
	faults   *rate.Limiter
	fewer    fewerCopies
	// refusals has a limit for every code, so that none of them keeps another from being seen.
	refusals map[contract.Code]*rate.Limiter
	// searches bounds the work of looking for what a request would match, and with it the lines on what was found.
	searches *rate.Limiter
	// hints bounds the lines on headers that depart from the scheme.
	hints *rate.Limiter
	// history answers whoever asks what is wrong.
	history *history
	now     func() time.Time
	// scopes bounds the lines on gates that claim a delivery from each other.
	scopes *rate.Limiter
}

func newReporter(h *Handler) *reporter {
	return &reporter{
		provider: h.provider.Name, platform: h.provider, metrics: h.metrics, events: h.events, logger: h.logger,
		faults:   rate.NewLimiter(rate.Every(10*time.Second), 3),
		fewer:    fewerCopies{limit: rate.NewLimiter(rate.Every(time.Minute), 3)},
		refusals: refusalLimits(),
		searches: rate.NewLimiter(rate.Every(searchPause), 1),
		hints:    rate.NewLimiter(rate.Every(hintPause), 1),
		history:  new(history),
		now:      clock,
		scopes:   rate.NewLimiter(rate.Every(time.Minute), 1),
	}
}

// refusalLimits lets one line a minute through for every code but that of the store, whose faults are lines of their own.
func refusalLimits() map[contract.Code]*rate.Limiter {
	limits := make(map[contract.Code]*rate.Limiter)
	for _, r := range contract.Refusals() {
		if r.Code != contract.CodeStoreUnavailable {
			limits[r.Code] = rate.NewLimiter(rate.Every(time.Minute), 1)
		}
	}
	return limits
}

// verdict reports the verdict on a request.
func (p *reporter) verdict(r *http.Request, v gate.Verdict) {
	p.events.verdict(p.provider, v)
	p.history.verdict(r, v, p.scheme, p.now())
	if (v.Unrecorded || v.Code == contract.CodeStoreUnavailable) && p.faults.Allow() {
		p.logger.Error("store unavailable", zap.Error(v.Cause), zap.Bool("forwarded", v.Unrecorded))
	}
	if v.Code != "" {
		p.refused(r, v)
	}
	if c := p.logger.Check(zap.DebugLevel, "judged"); c != nil {
		c.Write(
			zap.String("decision", decisionOf(v, false)),
			zap.String("code", string(v.Code)),
			zap.String("clause", string(v.Clause)),
			zap.NamedError("cause", v.Cause),
			zap.String("id", v.Delivery.ID),
			zap.String("event", v.Delivery.Type),
			zap.String("client_ip", clientIP(r)),
		)
	}
}

// sameScope logs that a delivery has met two gates with one scope.
func (p *reporter) sameScope(r *http.Request, v gate.Verdict, vouched bool) {
	message := "two gates with one scope in a delivery's way: this one forwards under the other's claim; remove one, or give it a scope of its own"
	if !v.Nested {
		if !vouched || v.Code != contract.CodeInFlight {
			return
		}
		message = "delivery in flight at another gate that says it has sent it here: two gates with one scope refuse each other's deliveries;" +
			" give this one a scope of its own, or dedup off"
	}
	if p.scopes.Allow() {
		p.logger.Warn(message, zap.String("id", v.Delivery.ID), zap.String("client_ip", clientIP(r)))
	}
}

// refused logs a refusal, once in a while for each code: a wrong secret is seen at once, and a flood does not fill the log.
func (p *reporter) refused(r *http.Request, v gate.Verdict) {
	p.hintHeader(r, v)
	limit, limited := p.refusals[v.Code]
	if !limited || !limit.Allow() {
		return
	}
	refusal, _ := contract.RefusalFor(v.Code)
	message := "request refused: "
	if v.Decision != gate.Refuse {
		message = "request would be refused: "
	}
	p.logger.Warn(message+refusal.Title+" (more of these are counted, not logged, for a minute)", append(heldBy(v),
		zap.String("code", string(v.Code)),
		zap.String("detail", refusal.Detail),
		zap.NamedError("cause", v.Cause),
		zap.String("client_ip", clientIP(r)),
	)...)
}

// hintHeader logs, once in a while, in what the header of a request departs from the scheme that is refused before its
// signature can be compared. The sender is never told.
func (p *reporter) hintHeader(r *http.Request, v gate.Verdict) {
	switch v.Code {
	case contract.CodeSignatureMissing, contract.CodeSignatureMalformed, contract.CodeSignatureAmbiguous,
		contract.CodeTimestampMissing, contract.CodeTimestampMalformed:
	default:
		return
	}
	if p.hints.Tokens() < 1 {
		return
	}
	found := signature.HeaderHints(p.scheme, r.Header)
	if len(found) == 0 || !p.hints.Allow() { // a header that says nothing must not use up the line of one that does
		return
	}
	hints := make([]string, len(found))
	for i, hint := range found {
		hints[i] = string(hint)
	}
	p.hint(v.Code, hints, zap.String("client_ip", clientIP(r)))
}

// hint logs what would make refused requests pass.
func (p *reporter) hint(code contract.Code, findings []string, more ...zap.Field) {
	p.history.hinted(code, findings, p.now())
	refusal, _ := contract.RefusalFor(code)
	p.logger.Warn(refusal.Title+" explained: the sender reads the contract otherwise; compare the provider's settings with these",
		append(more, zap.String("code", string(code)), zap.Strings("findings", findings))...)
}

// StoreAsked counts a question to the store, and logs its fault once in a while.
func (p *reporter) StoreAsked(op gate.Operation, took time.Duration, fault error) {
	p.metrics.asked(op, took, fault)
	if fault != nil && op != gate.OpClaim && p.faults.Allow() { // the verdict reports a claim's fault
		p.logger.Error("store unavailable", zap.String("operation", string(op)), zap.Error(fault))
	}
}

// BreakerMoved logs that the store's circuit breaker has opened or closed.
func (p *reporter) BreakerMoved(open bool) {
	if open {
		p.logger.Error("store circuit breaker open; probing every second")
		return
	}
	p.logger.Info("store circuit breaker closed; the store answers again")
}

// OutcomePending logs a delivery whose success is still to be recorded: should the process be killed before, its id is known.
func (p *reporter) OutcomePending(d gate.Delivery, err error) {
	p.logger.Warn("commit pending: the delivery succeeded and the store has not recorded it; retrying in the background",
		zap.String("id", d.ID), zap.Error(err))
}

// OutcomeRecorded logs that a delivery's success is recorded after all, or has fewer copies than it should.
func (p *reporter) OutcomeRecorded(d gate.Delivery, err error) {
	if err != nil {
		p.fewer.log(p.logger, d, err)
		return
	}
	p.logger.Info("pending commit recorded", zap.String("id", d.ID))
}

// ClaimLost logs a delivery that may be processed a second time.
func (p *reporter) ClaimLost(d gate.Delivery, err error) {
	p.metrics.lost.WithLabelValues(p.provider).Inc()
	p.events.emit(EventClaimLost, p.provider, "", d)
	p.logger.Error("commit lost: the delivery succeeded and a redelivery would be processed twice",
		zap.String("id", d.ID), zap.Error(err))
}

// Mismatched logs, once in a while, under which reading of the contract a request would have passed. The sender is never
// told.
func (p *reporter) Mismatched(explain func() []signature.Finding) {
	if !p.searches.Allow() {
		return
	}
	var hints []string
	for _, f := range explain() {
		hints = append(hints, f.String()+optionFor(p.platform, f))
	}
	if len(hints) > 0 {
		p.hint(contract.CodeSignatureMismatch, hints)
	}
}

// optionFor names the option of the gate under which a finding passes; "" where it takes more than that.
func optionFor(platform contract.Provider, f signature.Finding) string {
	s, known := platform.SchemeFor(f.Scheme)
	if !known || !f.Plain() {
		return ""
	}
	if chosen, _ := platform.SchemeSigning(s.Content); chosen != s {
		return ""
	}
	return "; option: signed_content " + nameOf(s.Content)
}

// Interface guard.
var _ gate.Observer = (*reporter)(nil)
