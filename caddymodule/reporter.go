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

// reporter tells metrics, events and logs what the gate does. Lines that a stranger or a dead store could cause in any
// number are written at debug level or at most so often.
type reporter struct {
	provider string
	platform contract.Provider
	metrics  *metrics
	events   *events
	logger   *zap.Logger
	faults   *rate.Limiter
	// refusals has a limit for every code, so that none of them keeps another from being seen.
	refusals map[contract.Code]*rate.Limiter
	// searches bounds the work of looking for what a request would match, and hints the lines on what was found: forgeries,
	// which match nothing, must not use up the line of those that do.
	searches *rate.Limiter
	hints    *rate.Limiter
}

func newReporter(h *Handler) *reporter {
	return &reporter{
		provider: h.provider.Name, platform: h.provider, metrics: h.metrics, events: h.events, logger: h.logger,
		faults:   rate.NewLimiter(rate.Every(10*time.Second), 3),
		refusals: refusalLimits(),
		searches: rate.NewLimiter(rate.Every(30*time.Second), 1),
		hints:    rate.NewLimiter(rate.Every(time.Minute), 1),
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
	if (v.Unrecorded || v.Code == contract.CodeStoreUnavailable) && p.faults.Allow() {
		p.logger.Error("the store cannot answer", zap.Error(v.Cause), zap.Bool("forwarded", v.Unrecorded))
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
			zap.String("remote_addr", r.RemoteAddr),
		)
	}
}

// refused logs a refusal, once in a while for each code: a wrong secret is seen at once, and a flood does not fill the log.
func (p *reporter) refused(r *http.Request, v gate.Verdict) {
	limit, limited := p.refusals[v.Code]
	if !limited || !limit.Allow() {
		return
	}
	message := "a request was refused; others with this code are counted and not logged for a minute"
	if v.Decision != gate.Refuse {
		message = "a request would have been refused; others with this code are counted and not logged for a minute"
	}
	refusal, _ := contract.RefusalFor(v.Code)
	p.logger.Warn(message,
		zap.String("code", string(v.Code)),
		zap.String("detail", refusal.Detail),
		zap.NamedError("cause", v.Cause),
		zap.String("remote_addr", r.RemoteAddr),
	)
}

// StoreAsked counts a question to the store, and logs its fault once in a while.
func (p *reporter) StoreAsked(op gate.Operation, took time.Duration, fault error) {
	p.metrics.asked(op, took, fault)
	if fault != nil && op != gate.OpClaim && p.faults.Allow() { // the verdict reports a claim's fault
		p.logger.Error("the store cannot answer", zap.String("operation", string(op)), zap.Error(fault))
	}
}

// BreakerMoved logs that the store is left alone, or answers again.
func (p *reporter) BreakerMoved(open bool) {
	if open {
		p.logger.Error("the store has failed too often: it is left alone, and tried every second")
		return
	}
	p.logger.Info("the store answers again")
}

// OutcomePending logs a delivery whose success is still to be recorded: should the process be killed before, its id is known.
func (p *reporter) OutcomePending(d gate.Delivery, err error) {
	p.logger.Warn("a delivery succeeded and that is not recorded yet: the store is offered it again",
		zap.String("id", d.ID), zap.Error(err))
}

// OutcomeRecorded logs that a delivery's success is recorded after all, or has fewer copies than it should.
func (p *reporter) OutcomeRecorded(d gate.Delivery, err error) {
	if err != nil {
		p.logger.Warn("a delivery's success is recorded, with fewer copies than it should have", zap.String("id", d.ID), zap.Error(err))
		return
	}
	p.logger.Info("a delivery's success is recorded after all", zap.String("id", d.ID))
}

// ClaimLost logs a delivery that may be processed a second time.
func (p *reporter) ClaimLost(d gate.Delivery, err error) {
	p.metrics.lost.WithLabelValues(p.provider).Inc()
	p.events.emit(EventClaimLost, p.provider, "", d)
	p.logger.Error("a delivery succeeded and that could not be recorded: a copy of it would be processed again",
		zap.String("id", d.ID), zap.Error(err))
}

// Mismatched logs, once in a while, under which reading of the contract a request would have passed. The sender is never
// told.
func (p *reporter) Mismatched(explain func() []signature.Finding) {
	if !p.searches.Allow() {
		return
	}
	findings := explain()
	if len(findings) == 0 || !p.hints.Allow() {
		return
	}
	hints := make([]string, len(findings))
	for i, f := range findings {
		hints[i] = f.String() + optionFor(p.platform, f)
	}
	p.logger.Warn("a delivery was refused whose signature fits otherwise: compare the provider's settings with these",
		zap.Strings("findings", hints))
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
