package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
)

// probe is what a spec works with: the session, and a transcript of its own. Its failing methods end the spec and may
// only be called on the spec's goroutine.
type probe struct {
	*session
	mu  sync.Mutex
	log []Exchange
	// turnedAway are the deliveries that must have no effect.
	turnedAway []turnedAway
}

// turnedAway is a delivery that was refused, and why it had to be.
type turnedAway struct {
	*delivery
	why string
}

// fail ends the spec: what the clause asks for does not hold.
func (p *probe) fail(expected, actual string, args ...any) {
	p.failure(Failure{Expected: expected, Actual: fmt.Sprintf(actual, args...)})
}

func (p *probe) failure(f Failure) {
	f.Expected, f.Actual, f.Diff = p.redact.clean(f.Expected), p.redact.clean(f.Actual), p.redact.clean(f.Diff)
	panic(outcome{verdict: NonConformant, failure: &f})
}

// cannotTell ends the spec: the set-up does not allow a verdict.
func (p *probe) cannotTell(format string, args ...any) {
	panic(outcome{verdict: Undetermined, reason: p.redact.clean(fmt.Sprintf(format, args...))})
}

// skip ends the spec: it does not apply here.
func (p *probe) skip(cause Cause, format string, args ...any) {
	panic(outcome{verdict: Skipped, cause: cause, reason: p.redact.clean(fmt.Sprintf(format, args...))})
}

// atAGlance is how long two values may be whose difference is seen without being shown.
const atAGlance = 80

// same fails with a difference when two values are not equal.
func (p *probe) same(what string, want, got any) {
	diff := cmp.Diff(want, got)
	if diff == "" {
		return
	}
	f := Failure{Expected: fmt.Sprintf("%s: %v", what, want), Actual: fmt.Sprintf("%s: %v", what, got)}
	if max(len(f.Expected), len(f.Actual)) > atAGlance {
		f.Diff = diff
	}
	p.failure(f)
}

// send sends a message and keeps the exchange in the transcript. A target that
// refuses the connection, or does not answer at all, cannot be judged.
func (p *probe) send(ctx context.Context, m message) answer {
	a := exchange(ctx, p.client, m)
	p.keep(m, a)
	switch {
	case errors.Is(a.err, errRefused):
		p.cannotTell("the target refused the connection")
	case errors.Is(a.err, errLate):
		p.cannotTell("no answer came within %s, which clause DLV-012 asks for; --timeout allows more", p.client.Timeout)
	}
	return a
}

// keep adds an exchange to the transcript. It may be called on any goroutine.
func (p *probe) keep(m message, a answer) {
	h := m.header.Clone()
	if m.host != "" {
		h = cloneWith(h, "Host", m.host)
	}
	e := Exchange{
		From: "suite", Method: m.method, URL: p.redact.clean(m.url),
		Headers: headerLines(p.redact, h), Body: showBody(p.redact, m.body),
		Status: a.status, AnswerHeaders: headerLines(p.redact, a.header), AnswerBody: showBody(p.redact, a.body),
		Duration: a.took,
	}
	if a.err != nil {
		e.Error = p.redact.clean(a.err.Error())
	}
	e.Curl = curl(e.Method, e.URL, e.Headers, e.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, e)
}

func cloneWith(h http.Header, name, value string) http.Header {
	h = h.Clone()
	if h == nil {
		h = http.Header{}
	}
	h[name] = []string{value}
	return h
}

// accepts sends a message that must be answered with success.
func (p *probe) accepts(ctx context.Context, m message, why string) answer {
	a := p.send(ctx, m)
	p.tally.right(a)
	if !a.success() {
		p.fail("2xx: "+why, "%s", a)
	}
	return a
}

// refuses sends a message that must be answered with a 4xx status, or with the given one, and have no effect.
func (p *probe) refuses(ctx context.Context, d *delivery, m message, status int, why string) answer {
	a := p.send(ctx, m)
	p.tally.wrong(a)
	want := "4xx"
	if status != 0 {
		want = fmt.Sprint(status)
	}
	if !a.refusal() || status != 0 && a.status != status {
		p.fail(want+": "+why, "%s", a)
	}
	p.untouched(d, why)
	return a
}

// untouched asks that a delivery that was refused has no effect. Effects may come after the answer, so that they are looked
// for when the spec has ended.
func (p *probe) untouched(d *delivery, why string) {
	p.turnedAway = append(p.turnedAway, turnedAway{d, why})
}

// aftermath fails when a delivery that was refused has had an effect all the same.
func (p *probe) aftermath(ctx context.Context) {
	all := p.turnedAway
	p.turnedAway = nil
	if len(all) == 0 || p.observes == unobserved {
		return
	}
	pause(ctx, p.cfg.Settle)
	for _, r := range all {
		if p.effects(ctx, r.delivery) > 0 {
			p.fail("no effect: "+r.why, "the delivery was refused and yet processed")
		}
	}
}

// effects is how often a delivery was processed as far as is known now.
func (p *probe) effects(ctx context.Context, d *delivery) int {
	if p.observes == byCounter {
		return p.count(ctx, d)
	}
	return len(d.effect.seen())
}

// settle watches for arrivals beyond n for as long as Config.Settle says.
func (p *probe) settle(ctx context.Context, e *effect, n int) {
	wait, cancel := context.WithTimeoutCause(ctx, p.cfg.Settle, errPatience)
	defer cancel()
	_ = e.await(wait, n+1) // what arrived is counted, and nothing need arrive
}

// processed waits until a delivery was processed once and returns how often it was, after watching for more.
func (p *probe) processed(ctx context.Context, d *delivery) int {
	if p.observes == byCounter {
		return p.counted(ctx, d)
	}
	wait, cancel := context.WithTimeoutCause(ctx, p.cfg.Patience, errPatience)
	defer cancel()
	_ = d.effect.await(wait, 1) // what arrived is counted below
	p.settle(ctx, d.effect, 1)
	return len(d.effect.seen())
}

// counted asks the counter URL until it says at least one, and then once more.
func (p *probe) counted(ctx context.Context, d *delivery) int {
	deadline := time.Now().Add(p.cfg.Patience)
	count := p.count(ctx, d)
	for count == 0 && time.Now().Before(deadline) {
		pause(ctx, 50*time.Millisecond)
		count = p.count(ctx, d)
	}
	pause(ctx, p.cfg.Settle)
	return p.count(ctx, d)
}

// count asks the counter URL once.
func (p *probe) count(ctx context.Context, d *delivery) int {
	u, err := url.Parse(p.cfg.Counter)
	if err != nil {
		p.cannotTell("the counter is not a URL")
	}
	q := u.Query()
	q.Set("id", p.knownAs(d))
	u.RawQuery = q.Encode()
	a := p.send(ctx, message{method: http.MethodGet, url: u.String()})
	var got struct {
		Count *int `json:"count"`
	}
	if json.Unmarshal(a.body, &got) != nil || got.Count == nil {
		p.cannotTell(`the counter answered %s instead of {"count":N}`, a)
	}
	return *got.Count
}

// pause waits, for what cannot be awaited. It ends early with the context.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
