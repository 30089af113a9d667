package conformance

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// attemptSpecs test what a sender does after an attempt.
var attemptSpecs = []Spec{
	{Clause: "TIME-004", Name: "signs each attempt anew at its own time", Roles: senders, needs: dated, run: signsAnew},
	{Clause: "ID-001", Name: "keeps the id on every attempt", Roles: senders, run: keepsID},
	{Clause: "ID-001", Name: "gives different events different ids", Roles: senders, run: separatesIDs},
	{Clause: "DLV-002", Name: "tries again after a 5xx answer", Roles: senders, run: retriesAfter(broken)},
	{Clause: "DLV-002", Name: "tries again after a reset", Roles: senders, run: retriesAfter(reply{reset: true})},
	{Clause: "DLV-002", Name: "tries again after a time-out", Roles: senders, run: retriesAfterTimeout},
	{Clause: "DLV-002", Name: "tries again after a refused connection", Roles: senders, run: retriesAfterRefusal},
	{Clause: "DLV-003", Name: "does not try again after success", Roles: senders, run: stopsAfterSuccess},
	{Clause: "DLV-004", Name: "lets the pause between attempts grow", Roles: senders, run: backsOff},
	{Clause: "DLV-005", Name: "waits as long as Retry-After says", Roles: senders, run: honorsRetryAfter},
	{Clause: "DLV-006", Name: "follows no redirect and tries again", Roles: senders, run: followsNoRedirect},
	{Clause: "DLV-007", Name: "records that it gave up", Roles: senders, run: recordsFailure},
	{Clause: "DLV-015", Name: "gives up in the end", Roles: senders, run: givesUp},
}

// twice lets the first attempt fail and returns both. Time is moved on only when the first is no longer held.
func (p *probe) twice(ctx context.Context, first reply) (*arrival, *arrival) {
	e := p.endpoint(ctx, ok, first)
	p.trigger(ctx, p.workType(), nil)
	a := p.first(ctx, e)
	if first.hold != nil {
		await(ctx, first.hold)
	}
	if !p.retried(ctx, e, 2) {
		p.cannotTell("a failed delivery is not attempted again, which clause DLV-002 asks for")
	}
	b := e.seen()[1]
	p.received(b, http.StatusOK)
	return a, b
}

// await waits until a channel is closed, or the context ends.
func await(ctx context.Context, c <-chan struct{}) {
	select {
	case <-c:
	case <-ctx.Done():
	}
}

// signsAnew keeps the first attempt waiting until the second's timestamp must differ, since timestamps are in seconds.
func signsAnew(ctx context.Context, p *probe) {
	hold := make(chan struct{})
	timer := time.AfterFunc(1100*time.Millisecond, func() { close(hold) })
	defer timer.Stop()
	a, b := p.twice(ctx, reply{status: http.StatusInternalServerError, hold: hold})
	x, y := readWire(p.scheme, a.header), readWire(p.scheme, b.header)
	if len(x.timestamps) == 0 || len(y.timestamps) == 0 {
		p.cannotTell("there is no timestamp, which clause TIME-001 asks for")
	}
	early, okEarly := seconds(x.timestamps[0])
	late, okLate := seconds(y.timestamps[0])
	if !okEarly || !okLate {
		p.cannotTell("the timestamps are not in seconds, which clause TIME-005 asks for")
	}
	if !late.After(early) {
		p.fail("a later timestamp on the second attempt than "+x.timestamps[0], "%s", y.timestamps[0])
	}
	p.plausible(b, late)
	if _, ok := p.identify(a, p.sending.secret); !ok {
		p.cannotTell("the first attempt is not signed under the webhook's secret, which clause SIG-001 asks for")
	}
	if _, ok := p.identify(b, p.sending.secret); !ok {
		p.fail("a signature over the second attempt's own timestamp", "it does not belong to timestamp %s", y.timestamps[0])
	}
}

// idOf is an attempt's id: that of the body, or where the provider has none that of its header.
func (p *probe) idOf(a *arrival) string {
	if fields, isObject := objectOf(a.body); isObject && p.provider.Envelope.ID != "" {
		if id, _ := lookUp(fields, p.provider.Envelope.ID).(string); id != "" {
			return id
		}
	}
	return readWire(p.scheme, a.header).id
}

func keepsID(ctx context.Context, p *probe) {
	a, b := p.twice(ctx, broken)
	p.same("id of the second attempt", p.idOf(a), p.idOf(b))
}

func separatesIDs(ctx context.Context, p *probe) {
	e := p.endpoint(ctx, ok)
	p.trigger(ctx, p.workType(), nil)
	p.trigger(ctx, p.workType(), nil)
	p.first(ctx, e)
	if !p.arrives(ctx, e, 2, p.cfg.Patience) {
		p.cannotTell("one delivery came of two events")
	}
	all := e.seen()
	if x, y := p.idOf(all[0]), p.idOf(all[1]); x == "" || x == y {
		p.fail("two events have two ids", "%q and %q", x, y)
	}
}

// retriesAfter lets the first attempt fail in a given way.
func retriesAfter(failure reply) func(context.Context, *probe) {
	return func(ctx context.Context, p *probe) {
		e := p.endpoint(ctx, ok, failure)
		p.trigger(ctx, p.workType(), nil)
		a := p.first(ctx, e)
		p.again(ctx, e, a)
	}
}

// again fails when a delivery is not attempted a second time.
func (p *probe) again(ctx context.Context, e *effect, first *arrival) {
	if !p.retried(ctx, e, 2) {
		p.fail("another attempt", "none within %s of the sender's time", horizon())
	}
	p.received(e.seen()[1], http.StatusOK)
}

// retriesAfterTimeout answers the first attempt never, and waits until the sender gives it up.
func retriesAfterTimeout(ctx context.Context, p *probe) {
	e, a, _ := p.abandoned(ctx)
	p.again(ctx, e, a)
}

// abandoned leaves the first attempt without an answer until the sender gives it up, and returns how long that took.
func (p *probe) abandoned(ctx context.Context) (*effect, *arrival, time.Duration) {
	never := make(chan struct{})
	defer close(never)
	e := p.endpoint(ctx, ok, reply{status: http.StatusGatewayTimeout, hold: never})
	p.trigger(ctx, p.workType(), nil)
	a := p.first(ctx, e)
	select {
	case <-a.abandoned:
	case <-time.After(p.cfg.AttemptTimeout + p.cfg.Patience):
		p.fail("the attempt is given up after "+p.cfg.AttemptTimeout.String(), "it is still waiting for an answer")
	case <-ctx.Done():
		p.cannotTell("the spec ran out of time")
	}
	return e, a, time.Since(a.at)
}

// retriesAfterRefusal triggers an event while nothing listens at the webhook's URL, and listens there afterwards.
func retriesAfterRefusal(ctx context.Context, p *probe) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", hostOf(p.sending.sink.addr)+":0")
	if err != nil {
		p.cannotTell("listening for deliveries: %v", err)
	}
	addr := l.Addr().String()
	l.Close()
	base, err := url.Parse(p.sending.base)
	if err != nil {
		p.cannotTell("--public-url is not a URL")
	}
	_, port, _ := net.SplitHostPort(addr)
	base.Host = net.JoinHostPort(base.Hostname(), port)
	p.point(ctx, base.String()+"/hooks/refused", p.allTypes())
	p.trigger(ctx, p.workType(), nil)
	pause(ctx, 2*p.cfg.Settle)
	k, err := newSink(ctx, addr, http.StatusOK)
	if err != nil {
		p.cannotTell("%v", err)
	}
	defer k.close()
	e := k.watchPath("/hooks/refused", &ok, nil)
	if !p.retried(ctx, e, 1) {
		p.fail("another attempt after the connection was refused", "none within %s of the sender's time", horizon())
	}
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

func stopsAfterSuccess(ctx context.Context, p *probe) {
	for _, status := range []int{http.StatusOK, http.StatusAccepted, http.StatusNoContent} {
		e := p.endpoint(ctx, reply{status: status})
		p.trigger(ctx, p.workType(), nil)
		p.first(ctx, e)
		if n := p.quiet(ctx, e); n != 1 {
			p.fail("one attempt: it was answered with "+strconv.Itoa(status), "%d attempts", n)
		}
	}
}

// backsOff measures the pauses before the first retries.
func backsOff(ctx context.Context, p *probe) {
	p.needClock()
	e := p.endpoint(ctx, broken)
	p.trigger(ctx, p.workType(), nil)
	p.first(ctx, e)
	defer p.finish(ctx, e)
	var pauses []time.Duration
	for n := 2; n <= min(4, len(p.provider.Delivery.Schedule)); n++ {
		d, came := p.paused(ctx, e, n)
		if !came {
			break
		}
		pauses = append(pauses, d)
	}
	if len(pauses) < 2 {
		p.cannotTell("fewer than three attempts were made, so that two pauses cannot be compared")
	}
	for i := 1; i < len(pauses); i++ {
		if float64(pauses[i]) < 0.7*float64(pauses[i-1]) {
			p.fail("pauses that grow", "%v", pauses)
		}
	}
	if last, first := pauses[len(pauses)-1], pauses[0]; float64(last) < 1.3*float64(first) {
		p.fail("pauses that grow", "%v", pauses)
	}
}

// finish lets a delivery succeed that is still being attempted, so that it does not disturb what comes after.
func (p *probe) finish(ctx context.Context, e *effect) {
	e.mu.Lock()
	e.rest = &ok
	n := len(e.arrivals)
	e.mu.Unlock()
	if n < len(p.provider.Delivery.Schedule) {
		p.retried(ctx, e, n+1)
	}
}

// paused lets time pass for the sender, in fine steps, until the n-th attempt, and returns the sender's time until then,
// to within an eighth.
func (p *probe) paused(ctx context.Context, e *effect, n int) (time.Duration, bool) {
	if p.cfg.Advance == "" {
		began := time.Now()
		came := p.arrives(ctx, e, n, p.realWait())
		return time.Duration(float64(time.Since(began)) * p.cfg.TimeScale), came
	}
	var sum time.Duration
	for sum < 48*time.Hour {
		step := max(time.Second, sum/8).Round(time.Second)
		p.advance(ctx, step)
		sum += step
		if p.arrives(ctx, e, n, min(p.cfg.Settle, 40*time.Millisecond)) {
			return sum, true
		}
	}
	return sum, false
}

// honorsRetryAfter asks for a pause that is longer than the first pauses of common schedules.
func honorsRetryAfter(ctx context.Context, p *probe) {
	p.needClock()
	const asked = 45 * time.Minute
	h := http.Header{"Retry-After": {strconv.Itoa(int(asked.Seconds()))}}
	e := p.endpoint(ctx, ok, reply{status: http.StatusServiceUnavailable, header: h})
	p.trigger(ctx, p.workType(), nil)
	p.first(ctx, e)
	d, came := p.paused(ctx, e, 2)
	if !came {
		p.fail("another attempt after "+asked.String(), "none")
	}
	if d < asked-time.Minute {
		p.fail("no attempt before "+asked.String()+", as Retry-After asked", "one after %s", d.Round(time.Second))
	}
}

func followsNoRedirect(ctx context.Context, p *probe) {
	elsewhere := p.name("/elsewhere/")
	trap := p.sending.sink.watchPath(elsewhere, &ok, nil)
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		h := http.Header{"Location": {p.sending.base + elsewhere}}
		e := p.endpoint(ctx, ok, reply{status: status, header: h})
		p.trigger(ctx, p.workType(), nil)
		p.first(ctx, e)
		p.settle(ctx, trap, 0)
		if len(trap.seen()) > 0 {
			p.fail("no request to the redirect's target", "one came after %d", status)
		}
		if !p.retried(ctx, e, 2) {
			p.fail("another attempt: a redirect is a failure", "none after %d", status)
		}
	}
}

// exhaust lets every attempt fail until no more come, and returns how many there were. It gives up itself after 64.
func (p *probe) exhaust(ctx context.Context, e *effect) int {
	p.needClock()
	for silent := 0; silent < 2 && len(e.seen()) < 64; {
		before := len(e.seen())
		p.quietly(ctx, e, before+1)
		if len(e.seen()) == before {
			silent++
		} else {
			silent = 0
		}
	}
	return len(e.seen())
}

// quietly lets two days pass for the sender at once.
func (p *probe) quietly(ctx context.Context, e *effect, n int) {
	if p.cfg.Advance == "" {
		p.arrives(ctx, e, n, p.realWait())
		return
	}
	p.advance(ctx, 48*time.Hour)
	p.arrives(ctx, e, n, p.cfg.Settle)
}

func givesUp(ctx context.Context, p *probe) {
	e := p.endpoint(ctx, broken)
	p.trigger(ctx, p.workType(), nil)
	p.first(ctx, e)
	if n := p.exhaust(ctx, e); n >= 64 {
		p.fail("attempts end", "%d attempts, and no end", n)
	}
}

// recordsFailure exhausts a delivery and looks for the event in its session's ledger.
func recordsFailure(ctx context.Context, p *probe) {
	e := p.endpoint(ctx, broken)
	p.trigger(ctx, contract.ToolCallRequested, nil)
	a := p.first(ctx, e)
	session, _ := lookUp(p.object(a), p.provider.Envelope.Session).(string)
	if session == "" {
		p.cannotTell("the delivery names no session, which clause EVT-003 asks for")
	}
	if n := p.exhaust(ctx, e); n >= 64 {
		p.cannotTell("attempts do not end, which clause DLV-015 asks for")
	}
	if !p.recorded(ctx, session, "webhook.delivery_failed") {
		p.fail("webhook.delivery_failed in the ledger of the session", "no such event")
	}
}

// recorded looks for an event type in a session's ledger: in its list where the API has one, and else in its stream.
func (p *probe) recorded(ctx context.Context, session, kind string) bool {
	path := "/v1/sessions/" + url.PathEscape(session)
	deadline := time.Now().Add(p.cfg.Patience)
	for {
		a := p.call(ctx, http.MethodGet, path+"/events", nil)
		if !a.success() {
			return p.streamed(ctx, path+"/stream", kind)
		}
		var v any
		if json.Unmarshal(a.body, &v) == nil && mentions(v, kind) {
			return true
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return false
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// mentions reports whether an object anywhere in a JSON value has the type.
func mentions(v any, kind string) bool {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == kind {
			return true
		}
		for _, inner := range v {
			if mentions(inner, kind) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if mentions(inner, kind) {
				return true
			}
		}
	}
	return false
}

// streamed reads a session's server-sent events from their beginning until one of the type comes.
func (p *probe) streamed(ctx context.Context, path, kind string) bool {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(p.cfg.API, "/")+path, nil)
	if err != nil {
		p.cannotTell("addressing the session's stream: %v", err)
	}
	req.Header.Set("Authorization", "Bearer "+p.cfg.APIKey)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", "0")
	res, err := p.client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	p.keep(message{method: req.Method, url: req.URL.String(), header: req.Header}, answer{status: res.StatusCode, header: res.Header})
	if res.StatusCode != http.StatusOK {
		p.cannotTell("the ledger of the session cannot be read: %d", res.StatusCode)
	}
	return eventComes(res.Body, kind)
}
