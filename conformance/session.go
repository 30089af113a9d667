package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/contract"
)

// session is one run: the target, the suite's own end points, and what the run has learnt so far.
type session struct {
	cfg      Config
	provider contract.Provider
	scheme   contract.Scheme
	client   *http.Client
	redact   *redactor

	// tally tells a target that is broken from one that is another than was meant.
	tally tally

	// nonce makes every id of this run differ from those of other runs, and serial from each other.
	nonce  string
	serial atomic.Int64

	// sink is where effects arrive, and base the URL under which the target reaches it. Receiver and gate only.
	sink *sink
	base string
	// observes says how the effects of a receiver are seen, and synchronous that they come before the answer.
	observes    observation
	synchronous bool

	// sending is what the role sender has learnt. Nil for other roles.
	sending *sending
	// webhooks are the provider's, as the roles sender and config reach them. Nil for other roles.
	webhooks webhooks
}

// observation is how the suite sees that a delivery was processed.
type observation int

const (
	unobserved observation = iota
	byArrival
	byCounter
)

// errSetup marks what keeps a run from starting though the configuration is in order: the verdict is undetermined.
type errSetup struct{ error }

// open prepares a session. An error is a *UsageError or an errSetup.
func open(ctx context.Context, cfg Config) (*session, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	provider, _ := contract.ProviderFor(cfg.Provider)
	scheme, err := cfg.scheme(provider)
	if err != nil {
		return nil, err
	}
	var nonce [6]byte
	rand.Read(nonce[:])
	s := &session{
		cfg: cfg, provider: provider, scheme: scheme,
		client: newClient(cfg.Timeout * 3 / 2), redact: &redactor{}, nonce: hex.EncodeToString(nonce[:]),
	}
	if cfg.callsAPI() {
		s.webhooks = apis()[cfg.Provider].open()
	}
	s.redact.learn(cfg.Secret, cfg.SecondSecret, cfg.APIKey)
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// prepare starts the suite's own end of the role and finds out whether the target can be judged at all.
func (s *session) prepare(ctx context.Context) error {
	var err error
	switch s.cfg.Role {
	case contract.Receiver:
		if err = s.host(ctx, s.cfg.Listen, http.StatusAccepted); err == nil {
			err = s.observe(ctx)
		}
	case contract.Gate:
		s.observes, s.synchronous = byArrival, true
		if err = s.host(ctx, s.cfg.UpstreamListen, http.StatusOK); err == nil {
			err = s.reach(ctx, s.cfg.Target)
		}
	case contract.Config:
		err = s.reachAPI(ctx)
	case contract.Sender:
		if err = s.reachAPI(ctx); err == nil {
			err = s.prepareSender(ctx)
		}
	}
	if err != nil {
		return errSetup{err}
	}
	return nil
}

// host starts the sink and works out its public URL.
func (s *session) host(ctx context.Context, listen string, usual int) error {
	var err error
	if s.sink, err = newSink(ctx, listen, usual); err != nil {
		return err
	}
	s.base = strings.TrimSuffix(s.cfg.PublicURL, "/")
	if s.base == "" {
		s.base = "http://" + s.sink.addr
	}
	return nil
}

// reach makes sure that something answers at a URL.
func (s *session) reach(ctx context.Context, target string) error {
	a := exchange(ctx, s.client, message{method: http.MethodGet, url: target})
	if a.err == nil {
		return nil
	}
	return fmt.Errorf("the target %s cannot be reached: %w", withoutUser(target), a.err)
}

// withoutUser is a URL without the user name and password that it may hold.
func withoutUser(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

// observe finds out how the effects of a receiver can be seen, by a delivery that is right in every way. Where deliveries
// ask for no request of the receiver's, only a counter can show them.
func (s *session) observe(ctx context.Context) error {
	if err := s.reach(ctx, s.cfg.Target); err != nil {
		return err
	}
	if !s.callsBack() {
		if s.cfg.Counter != "" {
			s.observes = byCounter
		}
		return nil
	}
	p := &probe{session: s}
	d := p.delivery(s.workType())
	a := exchange(ctx, s.client, p.signed(d))
	s.synchronous = len(d.effect.seen()) > 0
	wait, cancel := context.WithTimeoutCause(ctx, min(s.cfg.Patience, 2*time.Second), errPatience)
	defer cancel()
	switch {
	case a.success() && d.effect.await(wait, 1) == nil:
		s.observes = byArrival
	case s.cfg.Counter != "":
		s.observes, s.synchronous = byCounter, false
	case !a.success():
		// A receiver that refuses even this fails its clauses on acceptance; those on effects must run as well.
		s.observes = byArrival
	}
	return nil
}

// close ends what the session started.
func (s *session) close() {
	if s.sink != nil {
		s.sink.close()
	}
	if s.sending != nil {
		s.leave()
		s.sending.close()
	}
}

// name makes an id up: a prefix and a part that no other id of any run has.
func (s *session) name(prefix string) string {
	return fmt.Sprintf("%s%s%05d", prefix, s.nonce, s.serial.Add(1))
}
