package caddymodule

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/darihook/darihook/internal/gate"
)

const (
	metricNamespace = "caddy"
	metricSubsystem = "dari_webhook"
)

// The decisions, as metrics name them.
const (
	decisionRefused   = "refused"
	decisionForwarded = "forwarded"
	decisionDuplicate = "duplicate"
	decisionObserved  = "observed"
	// decisionChallenged is a challenge of the provider that the gate has answered itself.
	decisionChallenged = "challenged"
)

// The results of a change of the secret file, as metrics name them.
const (
	reloadOK    = "ok"
	reloadError = "error"
)

// durations are the bounds of the histograms: from what a verdict in memory takes to what a slow receiver does.
var durations = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// metrics are one handler's part of the collectors that all handlers of a configuration share. They live in the
// configuration's own registry: collectors of the process would vanish from it with the first reload. No label takes a
// value from a request.
type metrics struct {
	provider   string
	requests   *prometheus.CounterVec   // provider, decision, code
	judging    *prometheus.HistogramVec // provider, decision
	receivers  *prometheus.HistogramVec // provider, outcome
	operations *prometheus.HistogramVec // provider, operation
	faults     *prometheus.CounterVec   // provider, operation, reason
	lost       *prometheus.CounterVec   // provider
	unrecorded *prometheus.CounterVec   // provider
	reloads    *prometheus.CounterVec   // provider, result
	gauges     *gauges
}

// newMetrics registers the collectors, or finds those of another handler.
func newMetrics(registry *prometheus.Registry, provider string) (*metrics, error) {
	m := &metrics{provider: provider}
	r := registrar{registry: registry}
	m.requests = r.counter("requests_total", "Requests by what was decided, with the code of a refusal.", "provider", "decision", "code")
	m.judging = r.histogram("judging_seconds", "Time from a request's arrival to the verdict, the wait for another copy included.", "provider", "decision")
	m.receivers = r.histogram("receiver_seconds", "Time that receivers took, by outcome.", "provider", "outcome")
	m.operations = r.histogram("store_seconds", "Time that the store took to answer.", "provider", "operation")
	m.faults = r.counter("store_faults_total", "Questions that the store could not answer, by reason.", "provider", "operation", "reason")
	m.lost = r.counter("lost_claims_total", "Deliveries whose success could not be recorded, so that a copy may be processed again.", "provider")
	m.unrecorded = r.counter("unrecorded_total", "Deliveries forwarded without deduplication because the store could not answer.", "provider")
	m.reloads = r.counter("secret_reloads_total", "Changes of the secret file, by result.", "provider", "result")
	m.gauges = registered(&r, newGauges())
	if r.err != nil {
		return nil, r.err
	}
	m.begin()
	return m, nil
}

// begin shows the counters that alerts watch from their zero on. One that appeared with its first event would appear as 1,
// and Prometheus's increase, which sees no step from nothing to 1, would miss the event.
func (m *metrics) begin() {
	m.lost.WithLabelValues(m.provider)
	m.unrecorded.WithLabelValues(m.provider)
	for _, result := range []string{reloadOK, reloadError} {
		m.reloads.WithLabelValues(m.provider, result)
	}
}

// registrar registers collectors until one of them fails.
type registrar struct {
	registry *prometheus.Registry
	err      error
}

// registered registers a collector, or returns the equal one that is registered already.
func registered[C prometheus.Collector](r *registrar, c C) C {
	err := r.registry.Register(c)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := already.ExistingCollector.(C); ok {
			return existing
		}
	}
	r.err = errors.Join(r.err, err)
	return c
}

func (r *registrar) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return registered(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricNamespace, Subsystem: metricSubsystem, Name: name, Help: help,
	}, labels))
}

func (r *registrar) histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return registered(r, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metricNamespace, Subsystem: metricSubsystem, Name: name, Help: help, Buckets: durations,
	}, labels))
}

// watch has the gauges show a gate and its store.
func (m *metrics) watch(g *gate.Gate, lease *storeLease) { m.gauges.add(m.provider, g, lease) }

// judged counts a verdict.
func (m *metrics) judged(v gate.Verdict, took time.Duration, observing bool) {
	decision := decisionOf(v, observing)
	m.requests.WithLabelValues(m.provider, decision, string(v.Code)).Inc()
	m.judging.WithLabelValues(m.provider, decision).Observe(took.Seconds())
	if v.Unrecorded {
		m.unrecorded.WithLabelValues(m.provider).Inc()
	}
}

func decisionOf(v gate.Verdict, observing bool) string {
	switch {
	case observing:
		return decisionObserved
	case v.Decision == gate.Forward:
		return decisionForwarded
	case v.Decision == gate.Duplicate:
		return decisionDuplicate
	case v.Decision == gate.Challenged:
		return decisionChallenged
	default:
		return decisionRefused
	}
}

// received counts what became of a forwarded delivery.
func (m *metrics) received(outcome string, took time.Duration) {
	m.receivers.WithLabelValues(m.provider, outcome).Observe(took.Seconds())
}

// asked counts a question to the store.
func (m *metrics) asked(op gate.Operation, took time.Duration, fault error) {
	m.operations.WithLabelValues(m.provider, string(op)).Observe(took.Seconds())
	if fault != nil {
		m.faults.WithLabelValues(m.provider, string(op), faultReason(fault)).Inc()
	}
}

// secretsRead counts a change of the secret file.
func (m *metrics) secretsRead(err error) {
	result := reloadOK
	if err != nil {
		result = reloadError
	}
	m.reloads.WithLabelValues(m.provider, result).Inc()
}
