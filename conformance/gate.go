package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
)

// gateSpecs test what a gate owes beyond what a receiver owes: clauses GATE-001 to GATE-012.
var gateSpecs = []Spec{
	{Clause: "GATE-001", Name: "refuses other methods with 405 and Allow", Roles: gates, run: refusesMethods},
	{Clause: "GATE-002", Name: "forwards the bytes that were signed", Roles: gates, run: forwardsBytes},
	{Clause: "GATE-003", Name: "replaces spoofed trust headers with what it verified", Roles: gates, run: stripsTrustHeaders},
	{Clause: "GATE-004", Name: "refuses a declared body over the limit with 413", Roles: gates, run: refusesLargeDeclared},
	{Clause: "GATE-004", Name: "refuses a chunked body over the limit with 413", Roles: gates, run: refusesLargeChunked},
	{Clause: "GATE-005", Name: "refuses with 503 beyond its budget for bodies", Roles: gates, alone: true, needs: budget, run: boundsMemory},
	{Clause: "GATE-006", Name: "forwards nothing of a body that ends early", Roles: gates, run: dropsTruncated},
	{Clause: "GATE-007", Name: "lets the next copy try again when the receiver failed", Roles: gates, run: releasesAfterFailure},
	{Clause: "GATE-007", Name: "lets the next copy try again when the receiver reset the connection", Roles: gates, run: releasesAfterReset},
	{Clause: "GATE-007", Name: "lets the next copy try again when the receiver took too long", Roles: gates, needs: upstreamTimeout, run: releasesAfterTimeout},
	{Clause: "GATE-008", Name: "finishes the receiver's work when the sender hangs up", Roles: gates, run: survivesHangUp},
	{Clause: "GATE-009", Name: "forwards one of many copies that arrive together", Roles: gates, run: joinsCopies},
	{Clause: "GATE-010", Name: "names the reason of a refusal in a header", Roles: gates, run: namesReasons},
	{Clause: "GATE-011", Name: "answers refusals with a problem document", Roles: gates, run: answersProblems},
	{Clause: "GATE-012", Name: "gives neither a secret nor a signature away", Roles: gates, run: keepsSecrets},
}

func budget(s *session) skip { return given(s.cfg.BodyBudget > 0, "--body-budget was not given") }

func upstreamTimeout(s *session) skip {
	return given(s.cfg.UpstreamTimeout > 0, "--upstream-timeout was not given")
}

func refusesMethods(ctx context.Context, p *probe) {
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		if slices.Contains(p.provider.Methods, method) {
			continue
		}
		d := p.delivery(p.workType())
		m := p.signed(d)
		m.method = method
		a := p.refuses(ctx, d, m, http.StatusMethodNotAllowed, "deliveries are not made with "+method)
		if !strings.Contains(a.header.Get("Allow"), p.provider.Methods[0]) {
			p.fail("Allow: "+p.provider.Methods[0], "Allow: %s", a.header.Get("Allow"))
		}
	}
}

// only returns the one arrival of a delivery at the upstream.
func (p *probe) only(d *delivery) *arrival {
	all := d.effect.seen()
	if len(all) != 1 {
		p.fail("the receiver gets the delivery once", "it got it %d times", len(all))
	}
	p.received(all[0], http.StatusOK)
	return all[0]
}

func forwardsBytes(ctx context.Context, p *probe) {
	for _, chunked := range []bool{false, true} {
		d := p.delivery(p.workType())
		d = d.with(unusual(d))
		m := p.signed(d)
		if chunked {
			m.reader = pieces(d.body, time.Millisecond)
		}
		if a := p.send(ctx, m); !a.success() {
			p.cannotTell("the delivery was not forwarded at all: %s", a)
		}
		if got := p.only(d).body; !bytes.Equal(got, d.body) {
			p.same("body at the receiver", string(d.body), string(got))
		}
	}
}

func stripsTrustHeaders(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	m := p.signedAt(d, ts)
	m.header.Set(contract.HeaderVerified, "spoofed")
	m.header.Add(contract.HeaderVerified, "true")
	m.header.Set(contract.HeaderEvent, "spoofed")
	for _, name := range []string{contract.HeaderID, contract.HeaderTimestamp} {
		if !p.reads(name) {
			m.header.Set(name, "spoofed")
		}
	}
	p.accepts(ctx, m, "the delivery is right")
	got := p.only(d).header
	for _, want := range []struct {
		name, value string
		known       bool
	}{
		{contract.HeaderVerified, "true", true}, {contract.HeaderID, p.knownAs(d), true},
		{contract.HeaderEvent, d.kind, p.provider.Envelope.Type != ""},
		{contract.HeaderTimestamp, ts, dated(p.session).cause == ""},
	} {
		p.same(want.name+" at the receiver", valuesOf(want.value, want.known), got.Values(want.name))
	}
}

// valuesOf is a header's one value where it is known, and none where it is not.
func valuesOf(value string, known bool) []string {
	if !known {
		return nil
	}
	return []string{value}
}

// large makes a delivery whose body is longer than the limit.
func large(p *probe) *delivery {
	d := p.delivery(p.workType())
	padding := strings.Repeat("x", int(p.cfg.MaxBody))
	return d.with([]byte(strings.Replace(string(d.body), `"data":{`, `"data":{"padding":"`+padding+`",`, 1)))
}

func refusesLargeDeclared(ctx context.Context, p *probe) {
	d := large(p)
	p.tooLarge(ctx, d, p.signed(d))
}

func refusesLargeChunked(ctx context.Context, p *probe) {
	small := p.delivery(p.workType())
	probe := p.signed(small)
	probe.reader = pieces(small.body, 0)
	if a := p.send(ctx, probe); !a.success() {
		p.cannotTell("no chunked body is accepted at all, whatever its length: %s", a)
	}
	d := large(p)
	m := p.signed(d)
	m.reader = struct{ *bytes.Reader }{bytes.NewReader(d.body)}
	p.tooLarge(ctx, d, m)
}

// tooLarge sends a body over the limit over a connection of its own, and reads the answer although the gate may give it
// before it has read the body.
func (p *probe) tooLarge(ctx context.Context, d *delivery, m message) {
	a := p.sendRaw(ctx, m, len(m.body), m.reader != nil)
	p.same("status for a body over the limit", http.StatusRequestEntityTooLarge, a.status)
	if len(d.effect.seen()) > 0 {
		p.fail("nothing of the body reaches the receiver", "%d bytes of it did", len(d.effect.seen()[0].body))
	}
}

// boundsMemory opens deliveries that send all but their last byte, until their sum is beyond the budget.
func boundsMemory(ctx context.Context, p *probe) {
	size := min(p.cfg.MaxBody, p.cfg.BodyBudget)
	n := int(p.cfg.BodyBudget/size) + 2
	if n > 600 {
		p.skip(CauseInput, "%d connections would be needed to fill --body-budget: give the gate a smaller one", n)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers := make(chan answer, n)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for range n {
		d := padded(p, int(size))
		wg.Go(func() { answers <- p.stalled(ctx, p.signed(d)) })
	}
	select {
	case a := <-answers:
		p.same("status beyond the budget", http.StatusServiceUnavailable, a.status)
		if a.header.Get("Retry-After") == "" {
			p.fail("Retry-After", "no such header in the answer")
		}
	case <-time.After(3 * p.cfg.Timeout):
		p.fail("503 for a delivery beyond the budget", "%d bodies of %d bytes are in flight and none was refused", n, size)
	}
}

// padded makes a delivery whose body has the given length.
func padded(p *probe, length int) *delivery {
	d := p.delivery(p.workType())
	padding := strings.Repeat("x", max(0, length-len(d.body)-len(`"padding":"",`)))
	return d.with([]byte(strings.Replace(string(d.body), `"data":{`, `"data":{"padding":"`+padding+`",`, 1)))
}

func dropsTruncated(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	a := p.sendRaw(ctx, m, len(m.body)+64, false)
	if a.err == nil && !a.refusal() {
		p.fail("4xx, or no answer: the body ended before its declared length", "%s", a)
	}
	p.settle(ctx, d.effect, 0)
	if len(d.effect.seen()) > 0 {
		p.fail("nothing of the body reaches the receiver", "%d bytes of it did", len(d.effect.seen()[0].body))
	}
}

func releasesAfterFailure(ctx context.Context, p *probe) {
	for _, status := range []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusNotFound, http.StatusFound} {
		p.triesAgain(ctx, reply{status: status}, fmt.Sprintf("the receiver answered %d", status))
	}
}

func releasesAfterReset(ctx context.Context, p *probe) {
	p.triesAgain(ctx, reply{reset: true}, "the receiver reset the connection")
}

// releasesAfterTimeout never answers the first copy.
func releasesAfterTimeout(ctx context.Context, p *probe) {
	never := make(chan struct{})
	defer close(never)
	p.triesAgain(ctx, reply{status: http.StatusGatewayTimeout, hold: never}, "the receiver took longer than "+p.cfg.UpstreamTimeout.String())
}

// triesAgain sends two copies of a delivery, of which the first one's attempt fails.
func (p *probe) triesAgain(ctx context.Context, failure reply, why string) {
	d := p.delivery(p.workType(), failure)
	if a := p.send(ctx, p.signed(d)); a.success() {
		p.fail("no success: "+why, "%s", a)
	}
	p.accepts(ctx, p.signed(d), "a copy arrives after "+why)
	if n := len(d.effect.seen()); n != 2 {
		p.fail("two attempts: "+why+" the first time", "the receiver saw %d", n)
	}
}

// survivesHangUp hangs up while the receiver works, lets the receiver finish, and asks for the outcome.
func survivesHangUp(ctx context.Context, p *probe) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	d := p.delivery(p.workType(), reply{status: http.StatusAccepted, hold: release})
	call, hangUp := context.WithCancel(ctx)
	first := p.background(call, p.signed(d))
	p.begun(ctx, d)
	hangUp()
	<-first
	select {
	case <-d.effect.seen()[0].abandoned:
		p.fail("the receiver's work goes on when the sender hangs up", "the gate gave the receiver's request up")
	case <-time.After(p.cfg.Settle):
	}
	free()
	a := p.accepts(ctx, p.signed(d), "the sender tries again after it hung up")
	p.same("status of the retry", http.StatusAccepted, a.status)
	if n := len(d.effect.seen()); n != 1 {
		p.fail("the receiver works once", "it was asked %d times", n)
	}
}

// joinsCopies sends eight copies at the same instant.
func joinsCopies(ctx context.Context, p *probe) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	d := p.delivery(p.workType(), reply{status: http.StatusCreated, hold: release})
	var copies []<-chan answer
	for range 8 {
		copies = append(copies, p.background(ctx, p.signed(d)))
	}
	p.begun(ctx, d)
	p.settle(ctx, d.effect, 1)
	free()
	for _, c := range copies {
		a := <-c
		if errors.Is(a.err, errLate) {
			p.cannotTell("a copy got no answer in time, which clause DLV-012 asks for")
		}
		p.same("status of every copy", http.StatusCreated, a.status)
	}
	if n := len(d.effect.seen()); n != 1 {
		p.fail("the receiver sees one of the copies", "it saw %d", n)
	}
}

// refusal is one kind of request that a gate refuses.
type refusal struct {
	code contract.Code
	edit func(p *probe, d *delivery, m *message)
}

// refusals are requests whose code is beyond doubt.
func refusals(p *probe) []refusal {
	now := time.Now()
	all := []refusal{
		{contract.CodeMethodNotAllowed, func(_ *probe, _ *delivery, m *message) { m.method = http.MethodGet }},
		{contract.CodeSignatureMissing, func(p *probe, _ *delivery, m *message) { m.header.Del(p.scheme.Header) }},
		{contract.CodeSignatureMismatch, func(p *probe, d *delivery, m *message) { *m = p.headed(d, stamp(now), wrong(p)) }},
		{contract.CodeSignatureAmbiguous, func(p *probe, _ *delivery, m *message) {
			m.header.Add(p.scheme.Header, m.header.Get(p.scheme.Header))
		}},
	}
	if signsTime(p.session).cause == "" {
		all = append(all,
			refusal{contract.CodeTimestampStale, func(p *probe, d *delivery, m *message) { *m = p.signedAt(d, stamp(now.Add(-24*time.Hour))) }},
			refusal{contract.CodeTimestampFuture, func(p *probe, d *delivery, m *message) { *m = p.signedAt(d, stamp(now.Add(24*time.Hour))) }},
		)
	}
	if strictBody(p.session).cause == "" {
		all = append(all, refusal{contract.CodeBodyInvalid, func(p *probe, d *delivery, m *message) { *m = p.signed(d.with([]byte(`[]`))) }})
	}
	if strictID(p.session).cause == "" {
		all = append(all, refusal{contract.CodeIDMissing, func(p *probe, d *delivery, m *message) {
			*m = p.signed(d.with([]byte(`{"data":{}}`)))
			m.header.Del(p.scheme.IDHeader)
		}})
	}
	return all
}

// each sends every refusal and hands the answer on. That a request is not refused at all is another clause's matter.
func (p *probe) each(ctx context.Context, check func(contract.Refusal, *delivery, message, answer)) {
	for _, r := range refusals(p) {
		want, _ := contract.RefusalFor(r.code)
		d := p.delivery(p.workType())
		m := p.signed(d)
		r.edit(p, d, &m)
		if a := p.send(ctx, m); a.err == nil && !a.success() {
			check(want, d, m, a)
		}
	}
}

func namesReasons(ctx context.Context, p *probe) {
	p.each(ctx, func(want contract.Refusal, _ *delivery, _ message, a answer) {
		p.same("status of "+string(want.Code), want.Status, a.status)
		p.same(contract.HeaderError, string(want.Code), a.header.Get(contract.HeaderError))
		if a.status == http.StatusUnauthorized && a.header.Get("WWW-Authenticate") == "" {
			p.fail("WWW-Authenticate beside 401", "no such header for %s", want.Code)
		}
	})
}

func answersProblems(ctx context.Context, p *probe) {
	p.each(ctx, func(_ contract.Refusal, _ *delivery, _ message, a answer) {
		kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
		p.same("Content-Type", "application/problem+json", kind)
		var problem map[string]any
		if err := json.Unmarshal(a.body, &problem); err != nil {
			p.fail("a problem document", "%s", a)
		}
		p.same("code, as in the header", any(a.header.Get(contract.HeaderError)), problem["code"])
		p.same("status", any(float64(a.status)), problem["status"])
	})
}

func keepsSecrets(ctx context.Context, p *probe) {
	p.each(ctx, func(want contract.Refusal, d *delivery, m message, a answer) {
		text := fmt.Sprint(a.header) + string(a.body)
		if strings.Contains(text, p.cfg.Secret) {
			p.fail("no secret in an answer", "the answer to %s holds the secret", want.Code)
		}
		sent := m.header.Get(p.scheme.Header)
		for _, timestamp := range append(readWire(p.scheme, m.header).timestamps, "") {
			right := signature(p.scheme, p.cfg.Secret, d.id, timestamp, m.body)
			if !strings.Contains(sent, right) && strings.Contains(text, right) {
				p.fail("no expected signature in an answer", "the answer to %s holds it", want.Code)
			}
		}
	})
}
