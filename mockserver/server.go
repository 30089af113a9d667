package mockserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/control"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/scenario"
	"github.com/darihook/darihook/mockserver/internal/storage"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// Version of the control API.
const Version = "1"

// Server is a running mock platform. Make one with [Start].
type Server struct {
	// URL of the mock, without a final slash. On a Unix socket it is "unix:" and the path.
	URL string
	// APIKey of the default organization.
	APIKey string
	// AgentID of the agent that exists from the start.
	AgentID string
	// Secret that signs what goes to Options.ForwardTo; empty where there is no such URL, and for a secret that was restored.
	Secret string
	// Client drives the mock.
	Client *client.Client

	o         Options
	base      string // what submit_url begins with
	provider  provider
	store     *storage.File
	clock     *clock.Clock
	unheard   unheard
	faults    *faults.Set
	primary   platform // the one that the control calls drive
	platforms map[string]platform
	engine    *delivery.Engine
	http      *http.Server
	started   time.Time
	ended     chan struct{}
	fault     error // why serving ended, set before ended is closed
}

// Start starts a mock platform. It ends with ctx or with Close, whichever comes first. Errors: what is wrong with the
// options, an address that cannot be listened on, or a state file that is refused.
func Start(ctx context.Context, o Options) (*Server, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	listener, err := listen(ctx, o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s, err := assemble(ctx, o, listener.Addr())
	if err != nil {
		listener.Close()
		return nil, err
	}
	s.serve(ctx, listener)
	return s, nil
}

// assemble puts the parts together without starting any of them.
func assemble(ctx context.Context, o Options, at net.Addr) (_ *Server, err error) {
	s := &Server{o: o, faults: new(faults.Set), started: time.Now(), ended: make(chan struct{})}
	s.provider, _ = o.provider() // checked
	s.AgentID = cmp.Or(o.AgentID, s.provider.agent)
	s.locate(at)
	if o.Data != "" {
		if s.store, err = storage.Open(o.Data); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if err := s.restore(); err != nil {
		return nil, err
	}
	scripts, err := o.scenarios()
	if err != nil {
		return nil, err
	}
	if err := s.assemblePlatforms(scripts); err != nil {
		return nil, err
	}
	if err := s.assembleEngine(); err != nil {
		return nil, err
	}
	if err := s.firstAgent(ctx); err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           s.handler(slices.Sorted(maps.Keys(scripts))),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.Client = client.New(s.URL)
	return s, nil
}

// abandon gives up what was assembled.
func (s *Server) abandon() {
	if s.clock != nil {
		s.clock.Stop()
	}
	s.store.Close()
}

// locate says how the mock is reached.
func (s *Server) locate(at net.Addr) {
	s.URL = "http://" + reachable(at)
	s.base = s.URL
	if at.Network() == "unix" {
		s.URL, s.base = "unix:"+at.String(), "http://localhost"
	}
	if s.o.PublicURL != "" {
		s.base = strings.TrimRight(s.o.PublicURL, "/")
	}
}

func (s *Server) policy() target.Policy {
	return target.Policy{AllowInsecure: s.o.AllowInsecureURLs, Resolver: s.o.Resolver}
}

// assemblePlatforms makes the provider's platform.
func (s *Server) assemblePlatforms(scripts map[string]*scenario.Scenario) (err error) {
	if s.primary, err = s.provider.open(s, scripts); err != nil {
		return err
	}
	s.platforms = map[string]platform{s.primary.Provider().Name: s.primary}
	return nil
}

func (s *Server) assembleEngine() (err error) {
	s.engine, err = delivery.New(delivery.Options{
		Clock: s.clock, Store: s.store, Faults: s.faults, Policy: s.policy(),
		Trust:    s.o.trust(),
		Target:   s.target,
		Ended:    s.deliveryEnded,
		Schedule: s.o.schedule(), Jitter: s.o.Jitter, Seed: s.o.Seed, Cap: s.o.RetryAfterCap, Timeout: s.o.timeout(),
		Workers: s.o.Workers, PerEndpoint: s.o.PerEndpoint, History: s.o.History, MaxPending: s.o.MaxPending, MaxMemory: s.o.MaxMemory,
		SignVirtualTime: s.o.SignVirtualTime,
	})
	return err
}

// firstAgent makes the agent that exists from the start, or finds it in the restored state, and sets its webhook where one is
// asked for.
func (s *Server) firstAgent(ctx context.Context) error {
	if _, err := s.primary.SetAgent(s.AgentID, client.AgentSpec{Scenario: s.o.Scenario}); err != nil {
		return fmt.Errorf("making the first agent: %w", err)
	}
	if s.o.ForwardTo == "" {
		return nil
	}
	spec := client.WebhookSpec{URL: s.o.ForwardTo, Secret: cmp.Or(s.o.Secret, s.Secret), KeepSecret: true}
	made, err := s.primary.SetWebhook(ctx, s.AgentID, spec)
	if err != nil {
		return fmt.Errorf("setting the webhook to forward to: %w", err)
	}
	s.Secret = spec.Secret + made // one of them is empty
	return nil
}

// serve begins to answer, and to deliver what was pending.
func (s *Server) serve(ctx context.Context, listener net.Listener) {
	for _, p := range s.platforms {
		p.Resume(s.engine)
	}
	s.engine.Start()
	stop := context.AfterFunc(ctx, func() { s.Close() })
	go func() {
		err := s.http.Serve(listener)
		stop()
		if !errors.Is(err, http.ErrServerClosed) {
			s.fault = fmt.Errorf("serving: %w", err)
			s.engine.Stop()
		}
		close(s.ended)
	}()
}

// reset empties the mock and makes the first agent anew.
func (s *Server) reset() {
	s.engine.Reset()
	for _, p := range s.platforms {
		p.Reset()
	}
	s.faults.Clear()
	s.unheard.clear()
	_ = s.firstAgent(context.Background()) // it was made at the start with the same options, so that it cannot fail
}

// Done is closed when the mock has stopped answering.
func (s *Server) Done() <-chan struct{} { return s.ended }

// grace is how long a stop waits for calls under way.
const grace = 5 * time.Second

// Close stops the mock: it takes no more calls, ends the attempts under way, and closes the state file. What is pending
// stays pending in the file. A second Close does nothing.
func (s *Server) Close() error {
	s.engine.Stop()
	for _, p := range s.platforms {
		p.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		s.http.Close()
	}
	<-s.ended
	s.clock.Stop()
	return errors.Join(s.fault, s.store.Close())
}

// Schedule returns the pause before each attempt.
func (s *Server) Schedule() []time.Duration { return slices.Clone(s.o.schedule()) }

// status fills in what the control API cannot know.
func (s *Server) status(status *client.Status) {
	status.Version, status.URL = Version, s.URL
	for _, pause := range s.o.schedule() {
		status.Schedule = append(status.Schedule, pause.String())
	}
}

// control is the API under /_mock/.
func (s *Server) control(scenarios []string) *control.API {
	return &control.API{
		Platform: s.primary, Engine: s.engine, Faults: s.faults, Clock: s.clock, Store: s.store, Scenarios: scenarios,
		Reset: s.reset, Undelivered: s.unheard.add, Advanced: s.saveClock, Status: s.status, Started: s.started,
	}
}

// newKey makes an API key.
func (s *Server) newKey() string { return ident.New(s.provider.contract.Name + "_key") }
