package gate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// MaxExpectation is the longest time for which new secrets can be announced ahead.
const MaxExpectation = time.Minute

const (
	// maxHeld is how many requests wait for new secrets at once, and heldShare the part of the body budget that their
	// bodies may take, one body excepted: forged requests wait as well as others, and must leave the rest of the budget to
	// deliveries that match.
	maxHeld   = 1024
	heldShare = 4
)

// errNoPlace is the cause of a refusal where a request could match under secrets that are about to come, and cannot wait.
var errNoPlace = errors.New("the signature does not match, new secrets are announced, and as many requests as may wait for them already")

// expectation is the announcement that the secrets are about to change. A platform signs with a new secret from the moment
// that it hands it out, which is before the gate can know it; requests that do not match meanwhile are held instead of
// refused.
type expectation struct {
	mu      sync.Mutex
	until   time.Time
	changed chan struct{} // closed when the secrets change
	held    int           // requests that wait
	bytes   int64         // the memory of their bodies
}

// ExpectSecrets announces that new secrets will be set soon, until a time at most a minute ahead; a time that has passed
// takes the announcement back. Until then a request whose signature does not match waits for SetSecrets and is judged again.
func (g *Gate) ExpectSecrets(until time.Time) {
	e := &g.expected
	e.mu.Lock()
	defer e.mu.Unlock()
	if latest := g.opts.Now().Add(MaxExpectation); until.After(latest) {
		until = latest
	}
	e.until = until
}

// secretsChanged wakes the requests that are held.
func (e *expectation) secretsChanged() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changed != nil {
		close(e.changed)
		e.changed = nil
	}
}

// enter takes a place for a request whose body takes up size bytes, and returns what tells it of new secrets and for how
// long they are announced: not at all, when that is no longer than zero. It reports whether there was a place.
func (e *expectation) enter(now time.Time, size, limit int64) (changed <-chan struct{}, rest time.Duration, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if rest = e.until.Sub(now); rest <= 0 {
		return nil, rest, true
	}
	if e.held > 0 && (e.held == maxHeld || e.bytes+size > limit) {
		return nil, rest, false
	}
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	e.held++
	e.bytes += size
	return e.changed, rest, true
}

// leave gives a place back.
func (e *expectation) leave(size int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.held--
	e.bytes -= size
}

// wait waits for new secrets while they are announced, and returns at once otherwise. It reports false, at once too, where
// they are announced and there is no place to wait in.
func (e *expectation) wait(ctx context.Context, now time.Time, size, limit int64) bool {
	changed, rest, ok := e.enter(now, size, limit)
	if !ok || rest <= 0 {
		return ok
	}
	defer e.leave(size)
	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
	return true
}

// retry judges a request whose signature does not match once more, if the secrets have changed since it came or are about to.
// Where it could not wait for them it is refused as overload, so that its sender comes again: it may be the platform's.
func (g *Gate) retry(ctx context.Context, before *signature.Verifier, r Request, b *body) (signature.Signature, *refusal) {
	if g.verifier.Load() == before && !g.expected.wait(ctx, g.opts.Now(), int64(len(b.buf)), g.budget.limit/heldShare) {
		return signature.Signature{}, refuse(contract.CodeOverloaded, errNoPlace)
	}
	mismatch := refuse(contract.CodeSignatureMismatch, nil)
	v := g.verifier.Load()
	if v == before {
		return signature.Signature{}, mismatch
	}
	sig, err := v.Parse(r.Header)
	if err != nil {
		return signature.Signature{}, mismatch
	}
	d := v.Digest(&sig)
	defer d.Close()
	_, _ = d.Write(b.bytes()) // only a closed digest refuses
	if _, ok := d.Match(); !ok {
		return signature.Signature{}, mismatch
	}
	return sig, nil
}
