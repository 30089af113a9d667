package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// sending is what the role sender needs: the end point that the sender delivers to, and what was learnt about it.
type sending struct {
	sink *sink
	base string
	// secret is the one in use at the moment.
	secret string
	// advanced is how far the sender's retry clock was moved on in all.
	advanced time.Duration
}

func (s *sending) close() { s.sink.close() }

// prepareSender hosts the end point, and sets the webhook so that its secret is known.
func (s *session) prepareSender(ctx context.Context) error {
	k, err := newSink(ctx, s.cfg.Listen, http.StatusOK)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(s.cfg.PublicURL, "/")
	if base == "" {
		base = "http://" + k.addr
	}
	s.sending = &sending{sink: k, base: base}
	p := &probe{session: s}
	if end := p.setUp(ctx); end != nil {
		return fmt.Errorf("setting the webhook: %s", end.text())
	}
	return nil
}

// setUp makes the webhook anew.
func (p *probe) setUp(ctx context.Context) *outcome {
	return p.carryOut(ctx, Spec{run: func(ctx context.Context, p *probe) {
		p.sending.secret = p.webhooks.renew(ctx, p, p.sending.base+"/hooks/first")
		if p.sending.secret == "" && !p.provider.Unsigned() {
			p.cannotTell("no secret is shown where the webhook is made")
		}
	}})
}

// leaving is how long the suite may take to remove what it has set.
const leaving = 5 * time.Second

// leave removes the webhook that the session has set. The run is over, and nobody is left to tell.
func (s *session) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leaving)
	defer cancel()
	p := &probe{session: s}
	p.carryOut(ctx, Spec{run: func(ctx context.Context, p *probe) { p.webhooks.remove(ctx, p) }})
}

// text says in one line how a spec ended.
func (o *outcome) text() string {
	if o.failure != nil {
		return "expected " + o.failure.Expected + ", got " + o.failure.Actual
	}
	return o.reason
}

// allTypes are the provider's event types.
func (p *probe) allTypes() []string {
	var types []string
	for _, e := range p.provider.Events {
		types = append(types, e.Type)
	}
	return types
}

// endpoint points the webhook at a new path, subscribed to every type, and returns what will arrive there. The plan says
// what the first attempts get, and rest what all others get.
func (p *probe) endpoint(ctx context.Context, rest reply, plan ...reply) *effect {
	return p.endpointFor(ctx, p.allTypes(), rest, plan...)
}

func (p *probe) endpointFor(ctx context.Context, types []string, rest reply, plan ...reply) *effect {
	path := p.name("/hooks/")
	e := p.sending.sink.watchPath(path, &rest, plan)
	p.point(ctx, p.sending.base+path, types)
	return e
}

// point sets the webhook's URL. A sender that makes a new secret on every update is followed (clause CFG-003 is about
// the configuration API).
func (p *probe) point(ctx context.Context, url string, types []string) {
	if secret := p.webhooks.point(ctx, p, url, types); secret != "" {
		p.sending.secret = secret
	}
}

// trigger makes the sender emit an event. Where the provider has no types, none is named.
func (p *probe) trigger(ctx context.Context, kind string, data map[string]any) {
	fields := map[string]any{}
	if p.cfg.Agent != "" {
		fields["agent_id"] = p.cfg.Agent
	}
	if len(p.provider.Events) > 0 {
		fields["type"] = kind
	}
	if data != nil {
		fields["data"] = data
	}
	p.hook(ctx, p.cfg.Trigger, fields)
}

// drain lets what a spec has left under way come to its end, so that it does not arrive in the midst of another one. Where
// time cannot be moved on, it is left.
func (p *probe) drain(ctx context.Context) {
	if p.sending == nil || p.cfg.Advance == "" {
		return
	}
	p.sending.sink.relent()
	q := &probe{session: p.session}
	q.carryOut(ctx, Spec{run: func(ctx context.Context, q *probe) { q.advance(ctx, 48*time.Hour) }})
}

// ok is the reply to an attempt that succeeds, and broken to one that fails.
var (
	ok     = reply{status: http.StatusOK}
	broken = reply{status: http.StatusInternalServerError}
)

// first waits for the first attempt. That there is one is clause DLV-001's matter.
func (p *probe) first(ctx context.Context, e *effect) *arrival {
	if !p.arrives(ctx, e, 1, p.cfg.Patience) {
		p.cannotTell("nothing was delivered within %s of the trigger, which clause DLV-001 asks for", p.cfg.Patience)
	}
	a := e.seen()[0]
	p.received(a, 0)
	return a
}

// arrives waits until n attempts were seen, and reports whether they were.
func (p *probe) arrives(ctx context.Context, e *effect, n int, wait time.Duration) bool {
	wait = max(wait, time.Millisecond)
	c, cancel := context.WithTimeoutCause(ctx, wait, errPatience)
	defer cancel()
	return e.await(c, n) == nil
}

// delivered triggers one event at a new end point that answers well, and returns its attempt.
func (p *probe) delivered(ctx context.Context, kind string, data map[string]any) *arrival {
	e := p.endpoint(ctx, ok)
	p.trigger(ctx, kind, data)
	return p.first(ctx, e)
}

// advance moves the sender's retry clock on.
func (p *probe) advance(ctx context.Context, d time.Duration) {
	p.hook(ctx, p.cfg.Advance, map[string]any{"duration": d.String()})
	p.sending.advanced += d
}

// strides are the steps by which the retry clock is moved on until something happens, a little more than two days in all.
var strides = []time.Duration{
	10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 18 * time.Hour, 24 * time.Hour,
}

// horizon is how far strides reach.
func horizon() (sum time.Duration) {
	for _, s := range strides {
		sum += s
	}
	return sum
}

// retried lets time pass for the sender until n attempts were seen, and reports whether they were. Without a way to let
// time pass it waits for Config.Patience, and where nothing comes it cannot tell.
func (p *probe) retried(ctx context.Context, e *effect, n int) bool {
	if p.cfg.Advance == "" {
		if p.arrives(ctx, e, n, p.realWait()) {
			return true
		}
		p.needClock()
		return false
	}
	for _, d := range strides {
		p.advance(ctx, d)
		if p.arrives(ctx, e, n, p.cfg.Settle) {
			return true
		}
	}
	return p.arrives(ctx, e, n, p.cfg.Patience)
}

// realWait is how long retries may take on the wall clock: a day of the sender's time, but no more than a minute.
func (p *probe) realWait() time.Duration {
	if p.cfg.TimeScale <= 1 {
		return p.cfg.Patience
	}
	return min(time.Minute, max(p.cfg.Patience, time.Duration(float64(24*time.Hour)/p.cfg.TimeScale)))
}

// needClock ends a spec that would have to wait for the sender's real schedule.
func (p *probe) needClock() {
	if p.cfg.Advance == "" && p.cfg.TimeScale <= 1 {
		p.cannotTell("the sender's schedule may be longer than %s: give --advance or --time-scale", p.cfg.Patience)
	}
}

// quiet lets time pass for the sender and returns how many attempts there are after it.
func (p *probe) quiet(ctx context.Context, e *effect) int {
	p.needClock()
	if p.cfg.Advance == "" {
		pause(ctx, p.realWait())
		return len(e.seen())
	}
	for _, d := range strides {
		p.advance(ctx, d)
		p.arrives(ctx, e, len(e.seen())+1, p.cfg.Settle)
	}
	return len(e.seen())
}

// fields reads an attempt's body as one JSON object.
func (p *probe) object(a *arrival) map[string]any {
	fields, ok := objectOf(a.body)
	if !ok {
		p.cannotTell("the body is not one JSON object: %s", showBody(p.redact, a.body))
	}
	return fields
}

// sendingSpecs test what one delivery looks like.
var sendingSpecs = []Spec{
	{Clause: "SIG-001", Name: "signs with HMAC-SHA256 under the secret", Roles: senders, run: signsUnderSecret},
	{Clause: "SIG-002", Name: "signs the raw bytes of the body", Roles: senders, run: signsRawBytes},
	{Clause: "SIG-003", Name: "carries the signature header and version", Roles: senders, run: carriesSignature},
	{Clause: "SIG-004", Name: "signs the bytes that the scheme says", Roles: senders, run: signsContent},
	{Clause: "SIG-006", Name: "writes the signature as the scheme says", Roles: senders, run: encodesSignature},
	{Clause: "TIME-001", Name: "carries a timestamp", Roles: senders, needs: dated, run: carriesTimestamp},
	{Clause: "TIME-005", Name: "writes the timestamp in plain decimal seconds", Roles: senders, needs: dated, run: writesSeconds},
	{Clause: "TIME-006", Name: "gives the same timestamp in both places", Roles: senders, needs: datedTwice, run: agreesOnTime},
	{Clause: "ID-002", Name: "has the id in the body", Roles: senders, needs: bodyID, run: hasID},
	{Clause: "DLV-001", Name: "delivers by POST with a JSON body", Roles: senders, run: deliversByPost},
	{Clause: "DLV-008", Name: "delivers only what was subscribed to", Roles: senders, run: honorsSubscription},
}

func signsUnderSecret(ctx context.Context, p *probe) {
	a := p.delivered(ctx, p.workType(), nil)
	if _, ok := p.identify(a, p.sending.secret); !ok {
		p.fail("an HMAC-SHA256 under the webhook's secret, in whichever form", "%s matches none", p.scheme.Header)
	}
}

// identified returns how an attempt is signed. That it is signed is clause SIG-001's matter.
func (p *probe) identified(ctx context.Context, data map[string]any) match {
	a := p.delivered(ctx, p.workType(), data)
	m, ok := p.identify(a, p.sending.secret)
	if !ok {
		p.cannotTell("the delivery is not signed under the webhook's secret, which clause SIG-001 asks for")
	}
	return m
}

func signsRawBytes(ctx context.Context, p *probe) {
	m := p.identified(ctx, map[string]any{"arguments": map[string]any{"note": "a < b & c > d é \u2028", "zero": 1.0}})
	if m.rewriting != "" {
		p.fail("a signature over the raw bytes of the body", "it is over the body's JSON, %s", m.rewriting)
	}
}

func carriesSignature(ctx context.Context, p *probe) {
	a := p.delivered(ctx, p.workType(), nil)
	values := a.header.Values(p.scheme.Header)
	if len(values) != 1 {
		p.fail("one header "+p.scheme.Header, "%d of them", len(values))
	}
	if w := readWire(p.scheme, a.header); len(w.signatures[p.scheme.Tag]) == 0 {
		p.fail("a value tagged "+p.scheme.Tag+p.scheme.TagSeparator, "%s", p.redact.clean(values[0]))
	}
}

func signsContent(ctx context.Context, p *probe) {
	m := p.identified(ctx, nil)
	p.same("signed content", string(p.scheme.Content), string(m.scheme.Content))
}

func encodesSignature(ctx context.Context, p *probe) {
	m := p.identified(ctx, nil)
	want := "lower-case hexadecimal"
	if p.scheme.Encoding == contract.Base64 {
		want = "base64"
	}
	p.same("form of the signature", want, m.encoding)
}

func carriesTimestamp(ctx context.Context, p *probe) {
	a := p.delivered(ctx, p.workType(), nil)
	if len(readWire(p.scheme, a.header).timestamps) == 0 {
		p.fail("a timestamp in the signature header or in "+p.scheme.TimestampHeader, "none")
	}
}

func writesSeconds(ctx context.Context, p *probe) {
	a := p.delivered(ctx, p.workType(), nil)
	w := readWire(p.scheme, a.header)
	if len(w.timestamps) == 0 {
		p.cannotTell("there is no timestamp, which clause TIME-001 asks for")
	}
	for _, ts := range w.timestamps {
		at, ok := seconds(ts)
		if !ok {
			p.fail("decimal digits without sign or leading zero", "%q", ts)
		}
		p.plausible(a, at)
	}
}

// plausible fails when a timestamp is not of the present. A sender whose clock was moved on may date its attempts by
// that clock.
func (p *probe) plausible(a *arrival, at time.Time) {
	early, late := a.at.Add(-clockSlack), a.at.Add(p.sending.advanced+clockSlack)
	if at.Before(early) || at.After(late) {
		p.fail("the time of the attempt in seconds, "+stamp(a.at), "%s", stamp(at))
	}
}

func agreesOnTime(ctx context.Context, p *probe) {
	a := p.delivered(ctx, p.workType(), nil)
	w := readWire(p.scheme, a.header)
	for _, ts := range w.timestamps {
		p.same("timestamp", w.timestamps[0], ts)
	}
}

func hasID(ctx context.Context, p *probe) {
	a := p.delivered(ctx, p.workType(), nil)
	id, isText := lookUp(p.object(a), p.provider.Envelope.ID).(string)
	if !isText || id == "" {
		p.fail("a text that is not empty under "+p.provider.Envelope.ID, "%s", showBody(p.redact, a.body))
	}
}

func deliversByPost(ctx context.Context, p *probe) {
	e := p.endpoint(ctx, ok)
	p.trigger(ctx, p.workType(), nil)
	if !p.arrives(ctx, e, 1, p.cfg.Patience) {
		p.fail("a delivery to the webhook's URL", "nothing within %s of the trigger", p.cfg.Patience)
	}
	a := e.seen()[0]
	p.received(a, http.StatusOK)
	p.same("method", p.provider.Methods[0], a.method)
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	p.same("Content-Type", "application/json", strings.TrimSpace(kind))
	if !json.Valid(a.body) {
		p.fail("a JSON body", "%s", showBody(p.redact, a.body))
	}
}

// honorsSubscription subscribes to one type and triggers another one before it.
func honorsSubscription(ctx context.Context, p *probe) {
	types := p.allTypes()
	wanted, other := types[len(types)-1], types[0]
	e := p.endpointFor(ctx, []string{wanted}, ok)
	p.trigger(ctx, other, nil)
	p.trigger(ctx, wanted, nil)
	p.first(ctx, e)
	p.settle(ctx, e, 1)
	if n := len(e.seen()); n != 1 {
		p.fail("one delivery, of the type "+wanted, "%d deliveries; only %s was subscribed to and %s was triggered as well", n, wanted, other)
	}
}
