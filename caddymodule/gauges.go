package caddymodule

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/darihook/darihook/internal/gate"
)

// gauges show, whenever they are scraped, what all gates of a configuration and their stores hold. Gates of one provider
// are added up, and so are stores of one kind.
type gauges struct {
	inFlight, pending, bodyBytes, breakerOpen *prometheus.Desc // provider
	ids                                       *prometheus.Desc // store, state
	evicted, diskBytes                        *prometheus.Desc // store

	mu     sync.Mutex
	gates  map[string][]*gate.Gate
	users  []storeUser
	listed []*Handler // the gates, for whoever examines them
}

// storeUser is a gate that has a store.
type storeUser struct {
	provider string
	gate     *gate.Gate
	lease    *storeLease
}

func newGauges() *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(metricNamespace, metricSubsystem, name), help, labels, nil)
	}
	return &gauges{
		inFlight:    desc("in_flight", "Deliveries under way.", "provider"),
		pending:     desc("pending_outcomes", "Deliveries that succeeded and whose outcome the store has not taken yet.", "provider"),
		bodyBytes:   desc("body_bytes", "Memory taken by bodies.", "provider"),
		breakerOpen: desc("breaker_open", "Gates whose store failed too often, until a delivery finds it well.", "provider"),
		ids:         desc("store_ids", "Deliveries that the store knows, by state.", "store", "state"),
		evicted:     desc("store_evicted_total", "Outcomes forgotten before their time for want of room.", "store"),
		diskBytes:   desc("store_bytes", "Space that the store takes on disk.", "store"),
		gates:       make(map[string][]*gate.Gate),
	}
}

// add shows a gate, and its store if it has one.
func (c *gauges) add(provider string, g *gate.Gate, lease *storeLease) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gates[provider] = append(c.gates[provider], g)
	if lease != nil {
		c.users = append(c.users, storeUser{provider, g, lease})
	}
}

// list lets a gate be examined.
func (c *gauges) list(h *Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listed = append(c.listed, h)
}

// handlers returns the gates in the order in which they were provisioned.
func (c *gauges) handlers() []*Handler {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.listed)
}

// Describe tells the registry what there is.
func (c *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.inFlight, c.pending, c.bodyBytes, c.breakerOpen, c.ids, c.evicted, c.diskBytes} {
		ch <- d
	}
}

// Collect answers a scrape.
func (c *gauges) Collect(ch chan<- prometheus.Metric) {
	kinds := make(map[string]Stats)
	for _, s := range c.inUse("") { // a shared store counts once
		kinds[s.id.kind] = sum(kinds[s.id.kind], s.Stats())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for provider, gates := range c.gates {
		c.collectGates(ch, provider, gates)
	}
	for kind, s := range kinds {
		c.collectStore(ch, kind, s)
	}
}

func (c *gauges) collectGates(ch chan<- prometheus.Metric, provider string, gates []*gate.Gate) {
	var inFlight, pending, bodyBytes, open float64
	for _, g := range gates {
		s := g.Stats()
		inFlight += float64(s.InFlight)
		pending += float64(s.Pending)
		bodyBytes += float64(s.BodyBytes)
		if s.Breaker != gate.BreakerClosed {
			open++
		}
	}
	ch <- prometheus.MustNewConstMetric(c.inFlight, prometheus.GaugeValue, inFlight, provider)
	ch <- prometheus.MustNewConstMetric(c.pending, prometheus.GaugeValue, pending, provider)
	ch <- prometheus.MustNewConstMetric(c.bodyBytes, prometheus.GaugeValue, bodyBytes, provider)
	ch <- prometheus.MustNewConstMetric(c.breakerOpen, prometheus.GaugeValue, open, provider)
}

// sum adds up what stores of one kind hold; what one of them does not know is not known of all.
func sum(a, b Stats) Stats {
	add := func(a, b int64) int64 {
		if a < 0 || b < 0 {
			return -1
		}
		return a + b
	}
	return Stats{
		InFlight: add(a.InFlight, b.InFlight), Done: add(a.Done, b.Done),
		Evicted: add(a.Evicted, b.Evicted), DiskBytes: add(a.DiskBytes, b.DiskBytes),
	}
}

// collectStore shows what a kind of store holds, leaving out what it does not know.
func (c *gauges) collectStore(ch chan<- prometheus.Metric, kind string, s Stats) {
	show := func(d *prometheus.Desc, t prometheus.ValueType, v int64, labels ...string) {
		if v >= 0 {
			ch <- prometheus.MustNewConstMetric(d, t, float64(v), append([]string{kind}, labels...)...)
		}
	}
	show(c.ids, prometheus.GaugeValue, s.InFlight, "in_flight")
	show(c.ids, prometheus.GaugeValue, s.Done, "done")
	show(c.evicted, prometheus.CounterValue, s.Evicted)
	show(c.diskBytes, prometheus.GaugeValue, s.DiskBytes)
}
