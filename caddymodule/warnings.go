package caddymodule

import (
	"cmp"
	"time"

	"go.uber.org/zap"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// From where on a setting is warned of.
const (
	// fewBytes is a limit of the body that real deliveries soon pass.
	fewBytes = 1 << 10
	// fewIDs is a bound of a store that is reached within minutes.
	fewIDs = 1000
	// longLease is how long a sender should not be kept waiting for a gate that has died.
	longLease = time.Hour
	// shortWork is less time than receivers, and senders over a slow network, take now and then.
	shortWork = time.Second
)

// warn tells the operator what works and is not wise, or probably not meant.
func (h *Handler) warn() {
	h.secrets.warn()
	h.warnScheme()
	h.warnTolerance()
	h.warnBody()
	h.warnTimes()
	if h.lease != nil {
		h.Dedup.warn(h.logger)
	}
	if h.Forward != nil {
		h.Forward.warn(h.logger)
	}
	if h.Observe {
		h.logger.Warn("the gate observes: it lets every request through")
	}
}

// warnScheme tells of what a platform's scheme leaves open.
func (h *Handler) warnScheme() {
	switch s := h.gate.Scheme(); {
	case h.provider.Unsigned():
		h.logger.Warn("the provider signs nothing: whoever knows the URL may send anything, and may send it again")
	case !s.Dated():
		h.logger.Warn("the provider dates nothing: a delivery that is replayed passes again once it has been forgotten",
			zap.String("scheme", s.Name))
	case !s.Content.Signs("timestamp"):
		h.logger.Warn("the timestamp is not signed: a delivery that is replayed with a new one is told by the time in its body alone",
			zap.String("scheme", s.Name))
	}
}

// warnTolerance tells of a window that nothing is held against.
func (h *Handler) warnTolerance() {
	if h.Tolerance != nil && (h.provider.Unsigned() || !h.gate.Scheme().Dated()) {
		h.logger.Warn("tolerance has no effect: the provider dates nothing; leave it out")
	}
}

// warnBody tells of limits that deliveries will not keep.
func (h *Handler) warnBody() {
	if h.MaxBody > 0 && h.MaxBody < fewBytes {
		h.logger.Warn("max_body is so small that ordinary deliveries are refused: give it a unit, such as 5MiB",
			zap.Int64("max_body", h.MaxBody))
	}
	if h.gate.LongestBodies() < 2 {
		h.logger.Warn("body_budget holds one body of max_body at a time: others are refused meanwhile; raise body_budget, or lower max_body",
			zap.Int64("body_budget", cmp.Or(h.BodyBudget, gate.DefaultBodyBudget)), zap.Int64("max_body", cmp.Or(h.MaxBody, contract.MaxBody)))
	}
}

// warnTimes tells of bodies that have hardly the time to arrive, and of windows that clocks do not keep, or that a store's memory does not cover.
func (h *Handler) warnTimes() {
	if timeout := time.Duration(h.BodyTimeout); timeout > 0 && timeout < shortWork {
		h.logger.Warn("body_timeout is less than a second: ordinary deliveries over a slow network are refused; raise it",
			zap.Duration("body_timeout", timeout))
	}
	if t := h.Tolerance; t != nil && t.Future > 0 && time.Duration(t.Future) < time.Second {
		h.logger.Warn("tolerance ahead is less than a second: a sender whose clock is that little ahead is refused; raise it",
			zap.Duration("ahead", time.Duration(t.Future)))
	}
	if ttl, least := h.memory(); ttl < least {
		h.logger.Warn("ttl is shorter than the time in which a signature stays valid: a delivery that is replayed in between passes again",
			zap.Duration("ttl", ttl), zap.Duration("valid", least))
	}
}

// memory returns how long an outcome is remembered, and how long it must be so that no signature outlives it. Both are zero
// where nothing is remembered, or nothing dated.
func (h *Handler) memory() (ttl, least time.Duration) {
	if h.lease == nil || !h.gate.Scheme().Dated() {
		return 0, 0
	}
	past, future := h.window().Bounds()
	return cmp.Or(time.Duration(h.Dedup.TTL), gate.DefaultTTL), past + future
}

// warn tells of claims that are lost or kept too easily, and of statuses that end a delivery too soon or never.
func (p *Dedup) warn(logger *zap.Logger) {
	lease := cmp.Or(time.Duration(p.Lease), gate.DefaultLease)
	timeout := cmp.Or(time.Duration(p.Timeout), gate.DefaultStoreTimeout)
	wait := time.Duration(p.Wait)
	if 3*timeout >= 2*lease { // it is renewed when a third of it is over, and two thirds are left for the answer
		logger.Warn("lease is so short, beside the store's timeout, that one slow answer loses a claim, and a copy may run beside the first: raise lease, or lower timeout",
			zap.Duration("lease", lease), zap.Duration("timeout", timeout))
	}
	if lease > longLease {
		logger.Warn("lease is so long that the copies of a delivery whose gate has died are refused for hours: it is renewed while the receiver works, and can be short",
			zap.Duration("lease", lease))
	}
	if wait > lease {
		logger.Warn("in_flight wait is longer than lease: copies hold memory for a receiver that is still at work, when most senders have given up; lower wait",
			zap.Duration("wait", wait), zap.Duration("lease", lease))
	}
	if !p.succeededAny(200, 299) {
		logger.Warn("success has no status of 2xx: what the receiver answers so counts as failed, and runs again; add 2xx",
			zap.Ints("success", p.Success))
	}
	if p.succeededAny(500, 599) {
		logger.Warn("success has a status of 5xx: a delivery that the receiver fails at is taken for processed and is lost; leave it out",
			zap.Ints("success", p.Success))
	}
}

// succeededAny reports whether a status of a range counts as success.
func (p *Dedup) succeededAny(from, to int) bool {
	for status := from; status <= to; status++ {
		if p.succeeded(status) {
			return true
		}
	}
	return false
}

// warn tells of bounds that receivers do not keep.
func (f *Forward) warn(logger *zap.Logger) {
	if timeout := time.Duration(f.Timeout); timeout > 0 && timeout < shortWork {
		logger.Warn("forward timeout is less than a second: a receiver that takes longer is given up while it works, and a copy may run beside it; raise it",
			zap.Duration("timeout", timeout))
	}
	if keep := time.Duration(f.KeepAlive); keep > 0 && keep < shortWork {
		logger.Warn("forward keepalive is less than a second: most deliveries make a connection of their own; raise it",
			zap.Duration("keepalive", keep))
	}
}

// warnFewIDs tells of a store that soon is full.
func warnFewIDs(logger *zap.Logger, maxIDs int) {
	if maxIDs > 0 && maxIDs < fewIDs {
		logger.Warn("max_ids is so small that the store soon forgets deliveries that may come again, or takes no new ones; raise it",
			zap.Int("max_ids", maxIDs))
	}
}
