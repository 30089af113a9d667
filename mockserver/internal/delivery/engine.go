// Package delivery is the engine that carries events to their endpoints.
//
// A delivery waits in its endpoint's queue and is attempted by one of a bounded number of workers, of which one endpoint
// can occupy a few only, so that a slow endpoint delays no other. An attempt that is not answered with 2xx is repeated
// after the schedule's next pause, with the same id and body, and with a timestamp and signature made anew (clauses
// ID-001, DLV-002, TIME-004). The engine knows nothing of any provider: where a delivery goes, and how it is signed,
// it asks.
package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/trust"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/ident"
	"github.com/darihook/darihook/mockserver/internal/storage"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// Target is where deliveries to an endpoint go at the moment, and how they are signed.
type Target struct {
	Provider contract.Provider
	Scheme   contract.Scheme
	URL      string
	// Method of the requests. Default: POST.
	Method string
	// Secrets that each give a signature; none at all leaves deliveries unsigned.
	Secrets []string
}

func (t Target) method() string { return cmp.Or(t.Method, http.MethodPost) }

// Options say how an engine works.
type Options struct {
	// Clock by which retries are scheduled. Required.
	Clock *clock.Clock
	// Target finds an endpoint of a provider. Its error ends the delivery. Required.
	Target func(provider, endpoint string) (Target, error)
	// Ended is told of a delivery that has succeeded, or whose attempts are used up, after its last attempt and before
	// the clock counts that as over. Default: nothing.
	Ended func(End)
	// Store keeps deliveries. Default: memory alone.
	Store *storage.File
	// Faults strike attempts. Required.
	Faults *faults.Set
	// Policy is checked for every address that is connected to.
	Policy target.Policy
	// Trust says which certificates of receivers are accepted.
	Trust trust.Options
	// Schedule is the pause before each attempt, the first included. Default: Dari's.
	Schedule []time.Duration
	// Jitter is the part of a pause by which it may be shorter, 0 to 1, so that failures at one moment spread. It
	// never makes a pause longer. Default: 0.
	Jitter float64
	// Cap is the longest pause that an answer's Retry-After can ask for. Default: 24 hours.
	Cap time.Duration
	// Timeout of an attempt in real time. Default: Dari's.
	Timeout time.Duration
	// Workers bounds the attempts under way. Default: 256.
	Workers int
	// PerEndpoint bounds the attempts under way to one endpoint. Default: 8.
	PerEndpoint int
	// History is how many finished deliveries are remembered. Default: 10,000.
	History int
	// MaxPending is how many deliveries may wait; past it Submit refuses. Default: 200,000.
	MaxPending int
	// MaxMemory is how many bytes deliveries may take, those that wait and those that are remembered. Past it the oldest that
	// have ended are forgotten, and then Submit refuses. Default: 1 GiB.
	MaxMemory int
	// Seed of the jitter.
	Seed uint64
	// SignVirtualTime signs with the platform's time in place of the real one.
	SignVirtualTime bool
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	standard := contract.Dari().Delivery
	if len(o.Schedule) == 0 {
		o.Schedule = standard.Schedule
	}
	for value, otherwise := range map[*int]int{
		&o.Workers: 256, &o.PerEndpoint: 8, &o.History: 10_000, &o.MaxPending: 200_000, &o.MaxMemory: 1 << 30,
	} {
		if *value == 0 {
			*value = otherwise
		}
	}
	for value, otherwise := range map[*time.Duration]time.Duration{&o.Cap: 24 * time.Hour, &o.Timeout: standard.Timeout} {
		if *value == 0 {
			*value = otherwise
		}
	}
	return o
}

// The reasons for which the engine refuses a call.
var (
	// ErrFull answers a Submit beyond MaxPending or MaxMemory.
	ErrFull = errors.New("too many deliveries are pending")
	// ErrStopped answers a Submit or Resend after Stop.
	ErrStopped = errors.New("the engine is stopped")
	// ErrUnknown answers a call that names a delivery which does not exist or was dropped.
	ErrUnknown = errors.New("unknown delivery")
)

// Engine delivers. Make one with [New]. Its methods are safe for concurrent use.
type Engine struct {
	o      Options
	sender *sender
	signer *signers

	mu        sync.Mutex
	ordinal   uint64
	epoch     uint64 // grows with every Reset; jobs of an earlier one are void
	book      book
	endpoints map[string]*endpoint
	ring      []*endpoint // endpoints with queued work and room for it, in turn
	running   int         // workers
	stopped   bool
	idle      chan struct{} // closed when the last worker ends after Stop
	base      context.Context
	cancel    context.CancelFunc

	watchers watchers
}

// New returns an engine that has loaded what the store holds and waits for Start.
func New(o Options) (*Engine, error) {
	o = o.withDefaults()
	e := &Engine{
		o:         o,
		sender:    newSender(o.Policy, o.Trust, o.Workers),
		signer:    newSigners(),
		book:      newBook(),
		endpoints: map[string]*endpoint{},
		idle:      make(chan struct{}),
	}
	e.base, e.cancel = context.WithCancel(context.Background())
	if err := e.load(); err != nil {
		return nil, fmt.Errorf("loading deliveries: %w", err)
	}
	return e, nil
}

// Queue takes deliveries and tells of them, as an [Engine] does.
type Queue interface {
	Submit(...Order) ([]string, error)
	List(f Filter, limit int) Page
	Room(count, bytes int) error
}

// End is a delivery that has ended.
type End struct {
	Provider, Endpoint string
	Delivery           client.Delivery
	Body               []byte
}

// Order asks for one delivery.
type Order struct {
	// ID of the delivery, unique for ever. Default: dlv_ and a random one.
	ID string
	// Provider and Endpoint say whom Options.Target is asked for.
	Provider, Endpoint string
	// Agent that the delivery is shown and struck by faults as one of, where agents have several endpoints. Default: the
	// endpoint.
	Agent              string
	EventID, Type, URL string
	Body               []byte
	// Faults strike this delivery alone.
	Faults []faults.Fault
}

// Submit accepts deliveries and returns their ids, in the same order. The first attempt of each begins when a worker is
// free. Errors: [ErrFull], in which case none was accepted, and [ErrStopped].
func (e *Engine) Submit(orders ...Order) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return nil, ErrStopped
	}
	size := 0
	for _, order := range orders {
		size += order.size()
	}
	if err := e.admit(len(orders), size); err != nil {
		return nil, err
	}
	e.prune(size)
	ids := make([]string, len(orders))
	for i, order := range orders {
		entry := e.enter(order)
		ids[i] = entry.ID
		e.begin(entry)
	}
	return ids, nil
}

// enter makes the entry of an order.
func (e *Engine) enter(order Order) *entry {
	e.ordinal++
	entry := &entry{
		Delivery: client.Delivery{
			ID: cmp.Or(order.ID, ident.New("dlv")), EventID: order.EventID, AgentID: cmp.Or(order.Agent, order.Endpoint),
			Type: order.Type, URL: order.URL, Status: client.Pending, CreatedAt: e.o.Clock.Now(),
		},
		provider: order.Provider,
		endpoint: order.Endpoint,
		ordinal:  e.ordinal,
		body:     order.Body,
	}
	for _, f := range order.Faults {
		entry.own = append(entry.own, &f)
	}
	e.book.add(entry)
	return entry
}

// begin starts the schedule of a new or resent delivery.
func (e *Engine) begin(entry *entry) {
	entry.tries = 0
	entry.Status = client.Pending
	e.after(entry, e.pause(entry, 0))
	e.changed(entry)
}

// Resend delivers a finished delivery once more by the whole schedule, and a pending one by one more attempt at once.
// Errors: [ErrUnknown], [ErrStopped].
func (e *Engine) Resend(id string) (client.Delivery, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	entry, ok := e.book.byID[id]
	switch {
	case e.stopped:
		return client.Delivery{}, ErrStopped
	case !ok:
		return client.Delivery{}, ErrUnknown
	case entry.open > 0:
		entry.open++
		e.ready(e.job(entry, nil, true))
		e.changed(entry)
	default:
		e.book.reopen(entry)
		e.begin(entry)
	}
	return entry.snapshot(), nil
}

// Get returns a delivery. Errors: [ErrUnknown].
func (e *Engine) Get(id string) (client.Delivery, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	entry, ok := e.book.byID[id]
	if !ok {
		return client.Delivery{}, ErrUnknown
	}
	return entry.snapshot(), nil
}

// Reset forgets every delivery. Attempts under way end unseen.
func (e *Engine) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, entry := range e.book.byID {
		entry.unschedule()
	}
	for _, ep := range e.endpoints {
		ep.abandon(e.o.Clock)
	}
	e.epoch++
	e.ordinal = 0
	e.book = newBook()
	e.endpoints = map[string]*endpoint{}
	e.ring = nil
	e.o.Store.Clear(table)
	e.watchers.tell(client.Summary{})
}

// Stop takes no more work and cuts off the attempts under way. What is pending stays pending in the store.
func (e *Engine) Stop() {
	e.mu.Lock()
	first := !e.stopped
	e.stopped = true
	if first && e.running == 0 {
		close(e.idle)
	}
	e.mu.Unlock()
	e.cancel()
	<-e.idle
	e.sender.close()
	e.watchers.close()
}

// Counts tells how many deliveries there are, and what they take.
type Counts struct {
	Pending, Succeeded, Failed, InFlight int
	Dropped                              uint64
	// Memory is how many bytes they take, of MaxMemory at most.
	Memory, MaxMemory int
}

// Counts returns how many deliveries there are of each status.
func (e *Engine) Counts() Counts {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.book.counts()
	c.Memory, c.MaxMemory = e.book.bytes, e.o.MaxMemory
	for _, ep := range e.endpoints {
		c.InFlight += ep.running
	}
	return c
}
