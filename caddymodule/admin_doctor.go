package caddymodule

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
	"github.com/darihook/darihook/signature"
)

const (
	// greatSkew is from how many seconds on a difference of clocks is a problem.
	greatSkew = 30
	// recently is how long after a refusal, or a hint, it counts as a problem.
	recently = time.Hour
)

// adminDoctor is what is to be known where deliveries do not arrive.
type adminDoctor struct {
	Healthy bool `json:"healthy"`
	// Problems say what is probably wrong, and what to do.
	Problems []string      `json:"problems"`
	Gates    []gateReport  `json:"gates"`
	Stores   []adminHealth `json:"stores"`
}

// gateReport is what a gate tells of itself.
type gateReport struct {
	Server   string         `json:"server,omitempty"`
	Host     string         `json:"host,omitempty"`
	Route    string         `json:"route,omitempty"`
	Provider string         `json:"provider"`
	Scope    string         `json:"scope"`
	Scheme   string         `json:"scheme,omitempty"`
	Observes bool           `json:"observes,omitempty"`
	Secrets  []secretReport `json:"secrets"`
	Clock    *skew          `json:"clock,omitempty"`
	// Verified is when a delivery was verified last, as far as that was noted: once in a second.
	Verified *time.Time     `json:"verified,omitempty"`
	Breaker  string         `json:"breaker"`
	Pending  int64          `json:"pending_outcomes"`
	Refusals []pastRefusals `json:"refusals"`
	Hints    []pastHint     `json:"hints"`
	// Logs are those that would print signatures.
	Logs []string `json:"logs_with_signatures,omitempty"`
}

// secretReport is the shape of a secret, and nothing of the secret.
type secretReport struct {
	Secret int               `json:"secret"` // its place, from 1
	Bytes  int               `json:"bytes"`
	Prefix string            `json:"prefix,omitempty"` // of a platform, such as whsec_
	Short  bool              `json:"short,omitempty"`
	Doubt  signature.Mistake `json:"doubt,omitempty"`
}

// showDoctor examines every gate and every store.
func showDoctor(ctx context.Context, running *gauges, _ *http.Request) (int, any, error) {
	report := adminDoctor{Problems: []string{}, Gates: []gateReport{}, Stores: running.health(ctx)}
	for _, h := range running.handlers() {
		g := h.report()
		report.Gates = append(report.Gates, g)
		for _, problem := range g.problems(h.reporter.now()) {
			report.Problems = append(report.Problems, g.name()+": "+problem)
		}
	}
	for _, s := range report.Stores {
		if !s.Healthy {
			report.Problems = append(report.Problems, fmt.Sprintf("store %s: store unavailable, circuit breaker %s: %s", strings.TrimSpace(s.Store+" "+s.Address), s.Breaker, s.Error))
		}
	}
	report.Healthy = len(report.Problems) == 0
	return http.StatusOK, report, nil
}

// report tells of the gate what it knows.
func (h *Handler) report() gateReport {
	stats, past := h.gate.Stats(), h.reporter.history
	r := gateReport{
		Host: strings.Join(h.place.hosts, ", "), Route: strings.Join(h.place.paths, ", "),
		Provider: h.provider.Name, Scope: h.gate.Scope(), Scheme: h.gate.Scheme().Name, Observes: h.Observe,
		Clock: past.skewed(), Breaker: stats.Breaker.String(), Pending: stats.Pending, Logs: h.printing,
	}
	if h.place.server != nil {
		r.Server = h.place.server.Name()
	}
	for i, s := range h.gate.Secrets() {
		bytes, prefix := s.Shape()
		r.Secrets = append(r.Secrets, secretReport{i + 1, bytes, prefix, s.Short(), s.Doubt()})
	}
	if at := past.verifiedAt.Load(); at != 0 {
		verified := time.Unix(0, at).UTC()
		r.Verified = &verified
	}
	r.Refusals, r.Hints = past.past()
	return r
}

// name tells one gate from others.
func (r gateReport) name() string {
	name := "gate " + r.Scope
	if r.Scope != r.Provider {
		name += " (" + r.Provider + ")"
	}
	if where := strings.TrimSpace(r.Host + " " + r.Route); where != "" {
		name += " at " + where
	}
	return name
}

// problems says what is probably wrong with the gate.
func (r gateReport) problems(now time.Time) (problems []string) {
	add := func(format string, values ...any) { problems = append(problems, fmt.Sprintf(format, values...)) }
	for _, s := range r.Secrets {
		if s.Doubt != "" {
			add("secret %d was probably copied with something else: %s; remove what is not part of it", s.Secret, s.Doubt)
		}
	}
	if c := r.Clock; c != nil && math.Abs(c.Seconds) >= greatSkew {
		direction := "behind"
		if c.Seconds < 0 {
			direction = "ahead of"
		}
		add("senders' clocks are %.0f seconds %s this machine's (%d samples): set both by NTP", math.Abs(c.Seconds), direction, c.Samples)
	}
	for _, h := range r.Hints {
		if now.Sub(h.At) < recently {
			refusal, _ := contract.RefusalFor(h.Code)
			add("%s explained: %s", refusal.Title, strings.Join(h.Findings, "; "))
		}
	}
	for _, past := range r.Refusals {
		if past.Code == contract.CodeSignatureMismatch && r.Verified == nil && len(r.Hints) == 0 && now.Sub(past.Last) < recently {
			add("%d × %s, and nothing was ever verified: the secret is probably another than the platform's", past.Count, past.Title)
		}
	}
	if r.Breaker == gate.BreakerOpen.String() {
		add("store circuit breaker open")
	}
	return problems
}
