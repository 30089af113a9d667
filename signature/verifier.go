package signature

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
)

// MaxSecrets is how many secrets one [Verifier] or [Signer] takes. A rotation needs two.
const MaxSecrets = contract.MaxSignatures

// The reasons for which a set of secrets is refused.
var (
	// ErrNoSecret refuses an empty set: a verifier without a secret must not exist (clause SIG-012).
	ErrNoSecret = errors.New("no secret is given")
	// ErrTooManySecrets refuses more than [MaxSecrets], since each is tried on every request.
	ErrTooManySecrets = errors.New("more than 16 secrets are given")
)

// Options say how a [Verifier] judges requests.
type Options struct {
	// Scheme of the deliveries. It must pass [CheckScheme].
	Scheme contract.Scheme
	// Secrets of which any may have signed: from 1 to [MaxSecrets].
	Secrets []Secret
	// Window that timestamps must lie in. Default: [contract.DefaultPast] in both directions.
	Window Window
}

// Verifier judges requests by one scheme under a fixed set of secrets. It is safe for concurrent use.
type Verifier struct {
	plan   *plan
	window Window
	states sync.Pool // of *state
}

// NewVerifier returns a verifier. Errors: [ErrScheme], [ErrNoSecret], [ErrTooManySecrets], [ErrEmptySecret],
// [ErrSecretEncoding], [ErrSecretKind] and [ErrWindow], wrapped.
func NewVerifier(o Options) (*Verifier, error) {
	plan, err := compile(o.Scheme)
	if err != nil {
		return nil, err
	}
	keys, err := keysOf(o.Secrets, o.Scheme, Secret.key)
	if err != nil {
		return nil, err
	}
	if err := o.Window.check(); err != nil {
		return nil, err
	}
	v := &Verifier{plan: plan, window: o.Window}
	v.states.New = func() any { return newState(&v.states, o.Scheme.Algorithm, keys) }
	// The first state is made now: where crypto/hmac would refuse a key, it is at the start and not at a request.
	v.states.Put(v.states.New())
	return v, nil
}

// keysOf returns the keys of a set of secrets, each as keyOf has it.
func keysOf(secrets []Secret, scheme contract.Scheme, keyOf func(Secret, contract.Scheme) ([]byte, error)) ([][]byte, error) {
	switch {
	case len(secrets) == 0:
		return nil, ErrNoSecret
	case len(secrets) > MaxSecrets:
		return nil, ErrTooManySecrets
	}
	keys := make([][]byte, len(secrets))
	for i, secret := range secrets {
		key, err := keyOf(secret, scheme)
		if err != nil {
			return nil, fmt.Errorf("reading secret %d of %d: %w", i+1, len(secrets), err)
		}
		keys[i] = key
	}
	return keys, nil
}

// Verified is what a request has proved.
type Verified struct {
	// Timestamp is the time that the headers carry, in whole seconds; zero where the scheme puts none there. It is
	// authentic where the scheme's content has {timestamp}.
	Timestamp time.Time
	// ID is the id header where the scheme's content has {id}, and "" elsewhere.
	ID string
	// Secret is the index in [Options.Secrets] of the secret that signed; the first where several fit.
	Secret int
}

// Verify judges a whole request: its headers, its raw body exactly as it came over the wire, and the time at which it
// arrived. A refusal is an [*Error], and there is no other kind of error. Where the scheme dates a delivery by a field of
// its body alone (TimestampField), judging its age is left to the caller, who parses the body.
func (v *Verifier) Verify(h Headers, body []byte, now time.Time) (Verified, error) {
	s, err := v.Parse(h)
	if err != nil {
		return Verified{}, err
	}
	if err := v.Fresh(&s, now); err != nil {
		return Verified{}, err
	}
	d := v.Digest(&s)
	defer d.Close()
	_, _ = d.Write(body) // only a closed digest refuses
	secret, ok := d.Match()
	if !ok {
		return Verified{}, errMismatch
	}
	t, _ := s.Timestamp()
	return Verified{Timestamp: t, ID: s.id, Secret: secret}, nil
}

// Parse reads the headers of a request. The first fault in this order is the one that is reported: no signature, more
// than one signature header or timestamp, the form of the header, no timestamp, the form of the timestamp, the id.
func (v *Verifier) Parse(h Headers) (Signature, error) {
	var s Signature
	if err := v.plan.read(&s, h); err != nil {
		return Signature{}, err
	}
	return s, nil
}

// Fresh judges a request's timestamp by the window. Where the scheme puts no timestamp into the headers it returns nil.
func (v *Verifier) Fresh(s *Signature, now time.Time) error {
	t, ok := s.Timestamp()
	if !ok {
		return nil
	}
	return v.window.Check(t, now)
}

// Digest starts to hash a request's body. Close it in any case.
func (v *Verifier) Digest(s *Signature) *Digest {
	// Small enough to be inlined: the handle then stays on the caller's stack.
	return &Digest{v.begin(s)}
}

// begin takes a state from the pool and loads the request into it.
func (v *Verifier) begin(s *Signature) *state {
	st := v.states.Get().(*state)
	st.begin(v.plan, s)
	return st
}
