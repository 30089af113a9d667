package gate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// Admission is a delivery on its way to the receiver. It holds the body and, where there is a store, the claim, which it
// renews until it is ended by Commit or Release. The first of these calls decides; later ones do nothing. Its methods are
// safe for concurrent use.
type Admission struct {
	gate     *Gate
	ctx      context.Context
	delivery Delivery
	body     *body
	rest     io.Reader // what a gate that observes has not read

	key     dedup.Key
	owner   dedup.Owner
	claimed bool

	mu    sync.Mutex
	ended bool
	began time.Time   // when the claim was acquired
	timer *time.Timer // renews the claim; nil once it is let go
	until time.Time   // when the lease must have run out unless it is renewed
}

// admission begins an admission without a claim.
func (g *Gate) admission(ctx context.Context, d Delivery, b *body) *Admission {
	return &Admission{gate: g, ctx: context.WithoutCancel(ctx), delivery: d, body: b}
}

// hold gives the admission a claim to keep. The timer costs no goroutine unless the receiver takes longer than a third of
// the lease.
func (a *Admission) hold(key dedup.Key, owner dedup.Owner) {
	a.key, a.owner, a.claimed = key, owner, true
	a.mu.Lock()
	defer a.mu.Unlock()
	a.began = time.Now()
	a.until = a.began.Add(a.gate.opts.Lease)
	a.timer = time.AfterFunc(a.gate.opts.Lease/3, a.renew)
}

// renew extends the lease and sets the timer again. A claim that has been taken over is not renewed.
func (a *Admission) renew() {
	err := a.gate.store.renew(a.ctx, a.key, a.owner, a.gate.opts.Lease)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer == nil || errors.Is(err, dedup.ErrNotOwner) {
		return
	}
	if err == nil {
		a.until = time.Now().Add(a.gate.opts.Lease)
	}
	a.timer.Reset(a.gate.opts.Lease / 3)
}

// letGo stops renewing, and tells when the lease must have run out. It began before the store's answer came, so that it ends
// no later.
func (a *Admission) letGo() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	return a.until
}

// Size is the length of the body in bytes, as far as it has been read.
func (a *Admission) Size() int64 { return int64(a.body.n) }

// Bytes is the whole body. It must not be looked at after the admission has ended.
func (a *Admission) Bytes() []byte { return a.body.bytes() }

// Body returns a new reader of exactly the bytes that were signed, from their beginning. After the admission has ended it
// answers ErrEnded. Where the gate observes, the bytes that it has not read come from the request's own body, so that
// there only one Body can be read.
func (a *Admission) Body() io.ReadCloser {
	if a.rest == nil {
		return a.body.reader()
	}
	rest := a.rest
	if a.body.over {
		rest = io.MultiReader(bytes.NewReader(a.body.beyond[:]), rest)
	}
	if a.body.buf == nil {
		return io.NopCloser(rest)
	}
	prefix := a.body.reader()
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(prefix, rest), prefix}
}

// Commit ends the admission after the receiver's success and records the status for later copies. Its error means that
// the outcome may not be recorded yet; the receiver's answer stands all the same. Where the store has had too little time, the
// outcome is offered on in the background, and the Observer is told what came of it. The claim is never released: that would
// only let the next copy in earlier.
func (a *Admission) Commit(status int) error {
	if !a.end() {
		return nil
	}
	defer a.gate.flights.done()
	if !a.claimed {
		return nil
	}
	outcome := dedup.Outcome{Status: status, At: a.gate.opts.Now()}
	until := time.Now().Add(a.gate.opts.TTL)
	err := a.gate.store.commit(a.ctx, a.key, a.owner, outcome, a.gate.opts.TTL)
	leased := a.letGo()
	if err != nil {
		a.gate.pend(&pending{
			gate: a.gate, delivery: a.delivery, key: a.key, owner: a.owner, outcome: outcome, leased: leased, until: until,
		}, err)
	}
	return err
}

// Release ends the admission after anything but success: the next copy is a new attempt (clause DUP-002). Its error means
// that the claim may still be held; the release is then repeated in the background.
func (a *Admission) Release() error {
	if !a.end() {
		return nil
	}
	defer a.gate.flights.done()
	if !a.claimed {
		return nil
	}
	a.letGo()
	return a.gate.release(a.ctx, a.key, a.owner, isFinal)
}

// end gives the body back and reports whether the admission had not been ended yet.
func (a *Admission) end() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false
	}
	a.ended = true
	if a.claimed {
		a.gate.pace.note(time.Since(a.began))
	}
	a.body.retire()
	return true
}
