package mockserver

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/trust"
	"github.com/darihook/darihook/mockserver/internal/scenario"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// DefaultListen is where the mock listens unless it is told otherwise.
const DefaultListen = "127.0.0.1:4180"

// maxClockScale bounds Options.ClockScale.
const maxClockScale = 1e6

// Options say how a mock platform works. The zero value is a platform in memory with the real clock and Dari's schedule,
// on a free port of the loopback interface.
type Options struct {
	// Provider is the platform that the mock is, one of [Providers]. Default: "dari".
	Provider string
	// Listen is host:port, or "unix/" or "unix:" and the path of a socket. Default: 127.0.0.1 and a free port.
	Listen string
	// PublicURL is how applications reach the mock, for submit_url. Default: http:// and the address listened on.
	PublicURL string
	// AllowHosts are host names, besides localhost and IP addresses, that requests to /_mock/ may name: a page in a
	// browser could otherwise reach the mock through a name of its own that resolves to this machine.
	AllowHosts []string
	// APIKey of the default organization. Default: a random one, the same again for the same Data.
	APIKey string
	// OtherAPIKey belongs to a second organization, which owns nothing. Default: there is none.
	OtherAPIKey string
	// AgentID of the agent that exists from the start. Default: "agt_mock" for Dari, "account_mock" for
	// Danube, where an account has the webhooks, and "1" for Tess.
	AgentID string
	// AutoCreate makes an agent of every well-formed id that is asked for, where the API knows agents.
	AutoCreate bool
	// ForwardTo is the URL of the first agent's webhook, subscribed to every event type, from the start and after a reset.
	// Default: there is no webhook.
	ForwardTo string
	// Secret signs what goes to ForwardTo. Default: a new one, or the one that Data holds.
	Secret string
	// AllowInsecureURLs admits webhooks over plain HTTP and at addresses that are not public.
	AllowInsecureURLs bool
	// TLSConfig is what connections to receivers over HTTPS are made with. Default: Go's own.
	TLSConfig *tls.Config
	// RootCAs are the authorities that receivers' certificates may come from, in place of TLSConfig's. Default: the machine's.
	RootCAs *x509.CertPool
	// InsecureSkipVerify accepts any certificate from receivers at loopback, private and link-local addresses.
	InsecureSkipVerify bool
	// Data is the file that keeps the state. Default: memory alone.
	Data string
	// Scenarios are further scripts, as YAML or JSON; one of a built-in name replaces it.
	Scenarios [][]byte
	// Scenario that the first agent runs. Default: "tool_call".
	Scenario string
	// RateLimit is how many calls of the API a key may make in a minute of the platform's clock, where the platform is known
	// to limit them, as Tess is. Default: no limit.
	RateLimit int
	// Scheme names the signing scheme, one of the provider's. Default: the provider's own.
	Scheme string

	// ManualClock stands still until it is advanced. ClockScale is then without effect.
	ManualClock bool
	// ClockScale is how many seconds of the platform pass in a real one, at most a million. Default: 1.
	ClockScale float64
	// SignVirtualTime dates signatures by the platform's clock. Default: by the real time, which receivers judge by.
	SignVirtualTime bool

	// RetrySchedule is the pause before each attempt. Default: the provider's, and Dari's where that is not known.
	RetrySchedule []time.Duration
	// Jitter is the part of a pause by which it may be shorter, 0 to 1. Default: 0.
	Jitter float64
	// Seed of the jitter.
	Seed uint64
	// RetryAfterCap is the longest pause that Retry-After can ask for. Default: 24 hours.
	RetryAfterCap time.Duration
	// Timeout of an attempt, in real time. Default: the provider's, 10 seconds with each of them.
	Timeout time.Duration
	// Workers bounds the attempts under way, and PerEndpoint those to one endpoint. Default: 256 and 8.
	Workers, PerEndpoint int
	// History is how many finished deliveries are remembered, and MaxPending how many may wait. Default: 10,000 and
	// 200,000.
	History, MaxPending int
	// MaxMemory is how many bytes deliveries may take, those that wait and those that are remembered: beyond it the oldest
	// finished ones are forgotten, and then events are refused. A platform's sessions may take a quarter as much. Default: 1 GiB.
	MaxMemory int

	// Console is served at /_mock/console and below. Default: the page of package console.
	Console http.Handler
	// Resolver finds the addresses of webhook hosts. Default: the machine's.
	Resolver Resolver
}

// Resolver finds the addresses of a name, as [net.Resolver] does.
type Resolver = target.Resolver

// noProvider tells a platform that the mock cannot be from a name that is none's.
func (o Options) noProvider() error {
	platforms := strings.Join(Providers(), ", ")
	if p, ok := contract.ProviderFor(o.Provider); ok {
		return fmt.Errorf("the mock cannot be %s; it can be %s", p.Title, platforms)
	}
	return fmt.Errorf("%w; the mock can be %s", contract.UnknownProvider(o.Provider), platforms)
}

// check refuses what cannot work, and names the option.
func (o Options) check() error {
	p, ok := o.provider()
	if !ok {
		return o.noProvider()
	}
	if _, ok := p.contract.SchemeFor(o.Scheme); o.Scheme != "" && !ok {
		return errors.New(contract.Unknown("scheme", o.Scheme, p.contract.SchemeNames()))
	}
	if o.Jitter < 0 || o.Jitter > 1 {
		return errors.New("jitter must be from 0 to 1")
	}
	if !(o.ClockScale >= 0 && o.ClockScale <= maxClockScale) { // NaN is neither
		return errors.New("the clock's scale must be positive, and at most a million")
	}
	if len(o.RetrySchedule) > 1000 {
		return errors.New("a schedule has at most 1000 attempts")
	}
	for _, pause := range o.RetrySchedule {
		if pause < 0 {
			return errors.New("a pause of the schedule cannot be negative")
		}
	}
	for _, n := range []int{o.Workers, o.PerEndpoint, o.History, o.MaxPending, o.MaxMemory, o.RateLimit} {
		if n < 0 {
			return errors.New("a bound cannot be negative")
		}
	}
	if o.Secret != "" && o.ForwardTo == "" {
		return errors.New("a secret needs a URL to forward to")
	}
	if o.APIKey != "" && o.APIKey == o.OtherAPIKey {
		return errors.New("the two organizations cannot have the same key")
	}
	return nil
}

// delivery returns how the provider delivers, or Dari where that is not known.
func (o Options) delivery() contract.Delivery {
	if p, ok := o.provider(); ok && len(p.contract.Delivery.Schedule) > 0 {
		return p.contract.Delivery
	}
	return contract.Dari().Delivery
}

// trust returns which certificates of receivers are accepted.
func (o Options) trust() trust.Options {
	config := o.TLSConfig
	if o.RootCAs != nil {
		if config = config.Clone(); config == nil {
			config = new(tls.Config)
		}
		config.RootCAs = o.RootCAs
	}
	return trust.Options{Config: config, SkipVerify: o.InsecureSkipVerify}
}

// schedule returns the schedule in force.
func (o Options) schedule() []time.Duration {
	if len(o.RetrySchedule) > 0 {
		return o.RetrySchedule
	}
	return o.delivery().Schedule
}

// timeout returns the time that an attempt may take.
func (o Options) timeout() time.Duration { return cmp.Or(o.Timeout, o.delivery().Timeout) }

// scale returns the clock's scale, 0 for a manual one.
func (o Options) scale() float64 {
	switch {
	case o.ManualClock:
		return 0
	case o.ClockScale == 0:
		return 1
	}
	return o.ClockScale
}

// scenarios returns the built-in scripts and the given ones.
func (o Options) scenarios() (map[string]*scenario.Scenario, error) {
	all := scenario.Builtin()
	for i, text := range o.Scenarios {
		s, err := scenario.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("reading scenario %d: %w", i+1, err)
		}
		all[s.Name] = s
	}
	if _, ok := all[o.Scenario]; o.Scenario != "" && !ok {
		return nil, errors.New(contract.Unknown("scenario", o.Scenario, slices.Sorted(maps.Keys(all))))
	}
	return all, nil
}
