package gate

import (
	"context"
	"sync"
	"time"

	"github.com/darihook/darihook/signature"
)

const (
	// maxExpectation is the longest time for which new secrets can be announced ahead.
	maxExpectation = time.Minute
	// maxHeld is how many requests wait for new secrets at once; each holds its body within the budget.
	maxHeld = 64
)

// expectation is the announcement that the secrets are about to change. A platform signs with a new secret from the moment
// that it hands it out, which is before the gate can know it; requests that do not match meanwhile are held instead of
// refused.
type expectation struct {
	mu      sync.Mutex
	until   time.Time
	changed chan struct{} // closed when the secrets change
	held    int
}

// ExpectSecrets announces that new secrets will be set soon, until a time at most a minute ahead; a time that has passed
// takes the announcement back. Until then a request whose signature does not match waits for SetSecrets and is judged again.
func (g *Gate) ExpectSecrets(until time.Time) {
	e := &g.expected
	e.mu.Lock()
	defer e.mu.Unlock()
	if latest := g.opts.Now().Add(maxExpectation); until.After(latest) {
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

// wait waits for new secrets while they are announced, and returns at once otherwise.
func (e *expectation) wait(ctx context.Context, now time.Time) {
	e.mu.Lock()
	rest := e.until.Sub(now)
	if rest <= 0 || e.held == maxHeld {
		e.mu.Unlock()
		return
	}
	if e.changed == nil {
		e.changed = make(chan struct{})
	}
	changed := e.changed
	e.held++
	e.mu.Unlock()

	timer := time.NewTimer(rest)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
	}
	e.mu.Lock()
	e.held--
	e.mu.Unlock()
}

// retry judges a request whose signature does not match once more, if the secrets have changed since it came or are about to.
// It reports whether it matches now.
func (g *Gate) retry(ctx context.Context, before *signature.Verifier, r Request, b *body) (signature.Signature, bool) {
	if g.verifier.Load() == before {
		g.expected.wait(ctx, g.opts.Now())
	}
	v := g.verifier.Load()
	if v == before {
		return signature.Signature{}, false
	}
	sig, err := v.Parse(r.Header)
	if err != nil {
		return signature.Signature{}, false
	}
	d := v.Digest(&sig)
	defer d.Close()
	_, _ = d.Write(b.bytes()) // only a closed digest refuses
	_, ok := d.Match()
	return sig, ok
}
