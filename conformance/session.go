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
	// observes says how the effects of a receiver are seen.
	observes observation
	// finding is what the first delivery told about the target that a reader should know first. Empty: nothing.
	finding string

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
		s.observes = byArrival
		if err = s.host(ctx, s.cfg.UpstreamListen, http.StatusOK); err == nil {
			_, err = s.greet(ctx)
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
	d, err := s.greet(ctx)
	switch {
	case err != nil:
		return err
	case s.callsBack() && s.calledBack(ctx, d):
		s.observes = byArrival
	case s.cfg.Counter != "":
		s.observes = byCounter
	}
	return nil
}

// calledBack waits for the request that a delivery asks for, and reports whether it came, or could not be expected: a
// receiver that refuses even this delivery fails its clauses on acceptance, and those on effects must run as well.
func (s *session) calledBack(ctx context.Context, g greeting) bool {
	if !g.success() {
		return s.cfg.Counter == ""
	}
	patience := s.cfg.Patience
	if s.cfg.Counter != "" {
		patience = min(patience, 2*time.Second)
	}
	wait, cancel := context.WithTimeoutCause(ctx, patience, errPatience)
	defer cancel()
	if g.effect.await(wait, 1) != nil {
		return false
	}
	s.cfg.Patience = max(s.cfg.Patience, 3*g.effect.seen()[0].at.Sub(g.began))
	return true
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
