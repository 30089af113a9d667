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
	metrics  *metrics
	events   *events
	logger   *zap.Logger
	hints    *rate.Limiter
	faults   *rate.Limiter
}

func newReporter(h *Handler) *reporter {
	return &reporter{
		provider: h.provider.Name, metrics: h.metrics, events: h.events, logger: h.logger,
		hints:  rate.NewLimiter(rate.Every(time.Minute), 1),
		faults: rate.NewLimiter(rate.Every(10*time.Second), 3),
	}
}

// verdict reports the verdict on a request.
func (p *reporter) verdict(r *http.Request, v gate.Verdict) {
	p.events.verdict(p.provider, v)
	if (v.Unrecorded || v.Code == contract.CodeStoreUnavailable) && p.faults.Allow() {
		p.logger.Error("the store cannot answer", zap.Error(v.Cause), zap.Bool("forwarded", v.Unrecorded))
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
		p.logger.Error("the store has failed too often and is left alone for a while")
		return
	}
	p.logger.Info("the store answers again")
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
	if !p.hints.Allow() {
		return
	}
	findings := explain()
	if len(findings) == 0 {
		return
	}
	hints := make([]string, len(findings))
	for i, f := range findings {
		hints[i] = f.String()
	}
	p.logger.Warn("a delivery was refused whose signature fits otherwise: compare the provider's settings with these",
		zap.Strings("findings", hints))
}

// Interface guard.
var _ gate.Observer = (*reporter)(nil)
