// Package gate decides what becomes of one delivery: refused, answered from the record, or handed to the receiver, whose
// outcome is then recorded. It knows nothing of HTTP servers or proxies. Whoever embeds it calls [Gate.Admit], hands the
// delivery on when told to, and ends every admission by [Admission.Commit] or [Admission.Release].
//
// What breaks a rule is a [Verdict] with a code and a clause. A store that cannot answer is one too: it is part of the
// contract what a sender is told then.
package gate

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/gate/envelope"
	"github.com/darihook/darihook/signature"
)

// The defaults of Options.
const (
	// DefaultBodyBudget bounds the memory of all bodies in flight.
	DefaultBodyBudget = 256 << 20
	// DefaultTTL is how long an outcome is remembered: longer than platforms keep retrying.
	DefaultTTL = 72 * time.Hour
	// DefaultLease is how long a claim lasts without being renewed.
	DefaultLease = 30 * time.Second
	// DefaultWait is how long a copy waits for the outcome of one that is in flight.
	DefaultWait = 10 * time.Second
	// DefaultStoreTimeout bounds one question to the store.
	DefaultStoreTimeout = 250 * time.Millisecond
)

// Options say how a Gate judges and what it does with copies.
type Options struct {
	// Provider whose deliveries are judged. Required.
	Provider contract.Provider
	// Scheme that signs them. Default: the provider's, and of several the one that the secrets belong to.
	Scheme contract.Scheme
	// Secrets of which any may have signed; for a provider that signs nothing, those of which the URL holds one.
	// Required: at least one (clause SIG-012).
	Secrets []signature.Secret
	// Window that timestamps must lie in. Default: signature's.
	Window signature.Window
	// MaxBody is the longest body in bytes (clause GATE-004). Default: contract.MaxBody.
	MaxBody int64
	// BodyBudget is the memory in bytes for all bodies in flight (clause GATE-005). A body takes a buffer whose length is a
	// power of two, 4 KiB at least. It must hold one body of the greatest length; beyond that, its last quarter is kept for bodies of up to 64 KiB. Default: DefaultBodyBudget.
	BodyBudget int64
	// Scope of the keys in the store (clause DUP-007). Default: the provider's name.
	Scope string
	// Store that remembers deliveries. Nil: every verified delivery is forwarded.
	Store dedup.Store
	// TTL of an outcome in the store. Default: DefaultTTL.
	TTL time.Duration
	// Lease of a claim. It is renewed every third of it while the receiver works. Default: DefaultLease.
	Lease time.Duration
	// Wait is how long a copy waits for one that is in flight (clause DUP-003). Default: DefaultWait. Negative: not at
	// all.
	Wait time.Duration
	// AllowUnavailable forwards deliveries without deduplication while the store cannot answer, instead of refusing
	// them (clause DUP-006).
	AllowUnavailable bool
	// StoreTimeout bounds one question to the store. Default: DefaultStoreTimeout.
	StoreTimeout time.Duration
	// Observe judges every request, and forwards it whatever the verdict: nothing is refused, nothing deduplicated.
	Observe bool
	// Observer is told what happens. Nil: nobody.
	Observer Observer
	// Now is the clock that timestamps are judged by. Default: time.Now.
	Now func() time.Time
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.Scope == "" {
		o.Scope = o.Provider.Name
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	setDefault(&o.MaxBody, contract.MaxBody)
	setDefault(&o.BodyBudget, DefaultBodyBudget)
	setDefault(&o.TTL, DefaultTTL)
	setDefault(&o.Lease, DefaultLease)
	setDefault(&o.Wait, DefaultWait)
	setDefault(&o.StoreTimeout, DefaultStoreTimeout)
	return o
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// check finds what a Gate cannot work with.
func (o Options) check() error {
	switch {
	case len(o.Provider.Methods) == 0:
		return fmt.Errorf("provider %q has no method", o.Provider.Name)
	case o.MaxBody < 0 || o.MaxBody > maxBodyLimit:
		return fmt.Errorf("max body %d: must be between 1 and %d", o.MaxBody, int64(maxBodyLimit))
	case o.BodyBudget/o.copies() < classSize(classFor(o.MaxBody)):
		return fmt.Errorf("body budget %d: too little for one body of %d bytes, which takes %d: raise it, or lower the longest body",
			o.BodyBudget, o.MaxBody, classSize(classFor(o.MaxBody))*o.copies())
	case o.TTL < 0 || o.Lease < 0 || o.StoreTimeout < 0:
		return fmt.Errorf("negative duration: ttl %s, lease %s, store time-out %s", o.TTL, o.Lease, o.StoreTimeout)
	}
	if err := (dedup.Key{Scope: o.Scope, ID: "id"}).Validate(); err != nil {
		return fmt.Errorf("scope %q: %w", o.Scope, err)
	}
	return nil
}

// errNoTTL refuses a provider whose copies nothing tells from events that say the same, without a time that does.
var errNoTTL = errors.New("ttl must be set: equal bodies are copies of one delivery within it, and deliveries of their own beyond it")

// copies is how often a body is in memory while its signature is checked.
func (o Options) copies() int64 {
	if o.Scheme.Algorithm == contract.Ed25519 {
		return 2
	}
	return 1
}

// Gate judges the deliveries of one provider. It is safe for concurrent use.
type Gate struct {
	opts     Options
	verifier atomic.Pointer[signature.Verifier]
	// urlSecrets stands in for the verifier where nothing is signed.
	urlSecrets atomic.Pointer[signature.URLSecrets]
	secrets    atomic.Pointer[[]signature.Secret]
	scanner    *envelope.Scanner
	challenge  *envelope.Scanner // nil: there is none
	expected   expectation
	store      *guardedStore
	budget     budget
	flights    flights
	pending    outcomes     // that the store has not taken yet
	releases   atomic.Int64 // releases that it has not answered yet
	pace       pace
}

// New returns a Gate. Errors: no secret or an unusable one, an unusable scheme, or options out of range.
func New(opts Options) (*Gate, error) {
	var err error
	if opts.Scheme == (contract.Scheme{}) && !opts.Provider.Unsigned() {
		if opts.Scheme, err = signature.Choose(opts.Provider.Schemes(), opts.Secrets); err != nil {
			return nil, err
		}
	}
	if opts.Provider.ChooseTTL && opts.TTL == 0 && opts.Store != nil {
		return nil, fmt.Errorf("provider %s: %w", opts.Provider.Name, errNoTTL)
	}
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	limit := opts.BodyBudget / opts.copies()
	g := &Gate{opts: opts, budget: budget{limit: limit, large: largePart(limit, opts.MaxBody)}}
	if g.scanner, err = envelope.Compile(envelopeOf(opts)); err != nil {
		return nil, err
	}
	if g.challenge, err = compileChallenge(opts.Provider.Challenge); err != nil {
		return nil, err
	}
	if opts.Store != nil && !opts.Observe {
		g.store = guard(opts)
	}
	if err := g.SetSecrets(opts.Secrets); err != nil {
		return nil, err
	}
	return g, nil
}

// SetSecrets replaces the secrets. Requests that are being judged are tried with both the old and the new ones. Errors: no
// secret, or one that the scheme cannot use; the secrets in use then stay.
func (g *Gate) SetSecrets(secrets []signature.Secret) error {
	if g.opts.Provider.Unsigned() {
		return g.setURLSecrets(secrets)
	}
	v, err := signature.NewVerifier(signature.Options{Scheme: g.opts.Scheme, Secrets: secrets, Window: g.opts.Window})
	if err != nil {
		return err
	}
	g.verifier.Store(v)
	g.secrets.Store(&secrets)
	g.expected.secretsChanged()
	return nil
}

// Scheme returns the scheme that deliveries are judged by; the zero Scheme where nothing is signed.
func (g *Gate) Scheme() contract.Scheme { return g.opts.Scheme }

// Scope returns the scope of the gate's keys in its store.
func (g *Gate) Scope() string { return g.opts.Scope }

// Stats is what a Gate holds at one moment.
type Stats struct {
	// InFlight is the number of requests being judged, of admissions that have not ended, and of outcomes that are pending.
	InFlight int64
	// Pending is the number of outcomes that the store has not taken yet and is offered again. At most MaxPending.
	Pending int64
	// BodyBytes is the memory taken by bodies.
	BodyBytes int64
	// Breaker tells whether the store is asked, or has failed too often. Of several nodes it is that of the worst.
	Breaker Breaker
	// BestBreaker is that of the best node: while it is not open, the gate can take deliveries.
	BestBreaker Breaker
}

// Stats tells what the Gate holds.
func (g *Gate) Stats() Stats {
	worst, best := g.store.state()
	return Stats{
		InFlight:  g.flights.count(),
		Pending:   g.pending.n.Load(),
		BodyBytes: g.budget.used.Load() * g.opts.copies(),
		Breaker:   worst, BestBreaker: best,
	}
}

// Secrets returns the secrets in use. They print nothing of themselves.
func (g *Gate) Secrets() []signature.Secret { return *g.secrets.Load() }

// LongestBodies returns how many bodies of the greatest length there is memory for at once. A body holds a buffer whose length is
// a power of two, and bodies of more than 64 KiB share three quarters of the budget.
func (g *Gate) LongestBodies() int64 {
	size, limit := classSize(classFor(g.opts.MaxBody)), g.budget.limit
	if size > largestSmall {
		limit = g.budget.large
	}
	return limit / size
}

// Drain waits until no request is being judged, every admission has ended and no outcome is pending, or ctx is done, whose
// error it then returns.
func (g *Gate) Drain(ctx context.Context) error { return g.flights.drain(ctx) }
