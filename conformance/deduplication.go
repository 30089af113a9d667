package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/darihook/darihook/contract"
)

// deduplicationSpecs test clauses DUP-001 to DUP-008.
var deduplicationSpecs = []Spec{
	{Clause: "DUP-001", Name: "processes a delivery once that arrives three times", Roles: takers, needs: seen, run: processesOnce},
	{Clause: "DUP-001", Name: "knows a delivery again after others", Roles: takers, needs: seen, run: remembersSeveral},
	{Clause: "DUP-001", Name: "keeps different deliveries apart", Roles: takers, needs: seen, run: keepsApart},
	{Clause: "DUP-002", Name: "processes a delivery again whose first copy failed", Roles: takers, needs: held, run: retriesFailed},
	{Clause: "DUP-003", Name: "does not acknowledge a copy while another is being processed", Roles: takers, needs: held, run: holdsCopies},
	{Clause: "DUP-003", Name: "does not acknowledge a waiting copy when the first one fails", Roles: takers, needs: held, run: sharesNoFailure},
	{Clause: "DUP-004", Name: "does not let a forged delivery burn an id", Roles: takers, needs: seen, run: burnsNothing},
	{Clause: "DUP-005", Name: "repeats the recorded status and marks it", Roles: gates, run: repeatsStatus},
	{Clause: "DUP-006", Name: "refuses with 503 while the store is away", Roles: gates, alone: true, needs: storeFault, run: refusesWithoutStore},
	{Clause: "DUP-007", Name: "knows a copy under another host, query or path", Roles: gates, run: knowsCopiesElsewhere},
	{Clause: "DUP-008", Name: "knows a copy that was signed anew", Roles: takers, needs: both(dated, seen), run: knowsNewSignatures},
	{Clause: "DUP-008", Name: "knows a copy whose body was written anew", Roles: takers, needs: both(bodyID, seen), run: knowsNewBodies},
}

func storeFault(s *session) skip { return given(s.cfg.StoreFault != "", "--store-fault was not given") }

// once fails when a delivery was not processed exactly once.
func (p *probe) once(ctx context.Context, d *delivery, why string) {
	switch n := p.processed(ctx, d); n {
	case 1:
	case 0:
		p.fail("processed once: "+why, "not processed within %s, for which --patience can be given", p.cfg.Patience)
	default:
		p.fail("processed once: "+why, "processed %d times", n)
	}
}

func processesOnce(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	p.accepts(ctx, m, "the delivery is right")
	p.once(ctx, d, "one copy was sent")
	for range 2 {
		p.accepts(ctx, m, "a copy of a processed delivery is acknowledged")
	}
	p.once(ctx, d, "the same delivery arrived three times")
}

// others is how many deliveries come between a delivery and its copy.
const others = 8

func remembersSeveral(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	p.accepts(ctx, p.signed(d), "the delivery is right")
	for range others {
		p.accepts(ctx, p.signed(p.delivery(p.workType())), "the delivery is right")
	}
	p.accepts(ctx, p.signed(d), "a copy of a processed delivery is acknowledged")
	p.once(ctx, d, fmt.Sprintf("%d others came between it and its copy", others))
}

func keepsApart(ctx context.Context, p *probe) {
	for range 2 {
		d := p.delivery(p.workType())
		p.accepts(ctx, p.signed(d), "the delivery is right")
		p.once(ctx, d, "its id is new")
	}
}

// retriesFailed lets the first copy's effect fail. A receiver that acknowledges all the same has taken the delivery upon
// itself: then the second effect must come without a second copy, or with it.
func retriesFailed(ctx context.Context, p *probe) {
	d := p.delivery(p.workType(), reply{status: http.StatusInternalServerError})
	first := p.send(ctx, p.signed(d))
	if len(d.effect.seen()) == 0 && !first.success() {
		p.fail("processed, and the failure reported", "%s, and never processed", first)
	}
	second := p.send(ctx, p.signed(d))
	wait, cancel := context.WithTimeoutCause(ctx, p.cfg.Patience, errPatience)
	defer cancel()
	if d.effect.await(wait, 2) != nil {
		p.fail("processed again: the first copy's processing had failed",
			"the first copy got %s, the second %s, and the failed work was not done again within %s, for which --patience can be given",
			first, second, p.cfg.Patience)
	}
	if !first.success() && !second.success() {
		p.fail("2xx: the second copy was processed well", "%s", second)
	}
}

// holdsCopies keeps the first copy's effect waiting while a second copy arrives.
func holdsCopies(ctx context.Context, p *probe) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	d := p.delivery(p.workType(), reply{status: p.sink.usual, hold: release})
	m := p.signed(d)
	first := p.background(ctx, m)
	p.begun(ctx, d)
	second := p.background(ctx, m)
	a, early := awaitAnswer(ctx, second, p.cfg.Settle)
	if early && a.success() {
		p.fail("no success for a copy before the first one has ended", "%s", a)
	}
	free()
	<-first
	if !early {
		a = <-second
	}
	if n := p.processed(ctx, d); n != 1 {
		p.fail("processed once", "processed %d times; the copy got %s", n, a)
	}
}

// sharesNoFailure keeps the first copy's effect waiting while a second copy arrives, and then lets it fail.
func sharesNoFailure(ctx context.Context, p *probe) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	d := p.delivery(p.workType(), reply{status: http.StatusInternalServerError, hold: release})
	first := p.background(ctx, p.signed(d))
	p.begun(ctx, d)
	second := p.background(ctx, p.signed(d))
	p.settle(ctx, d.effect, 1)
	free()
	a, b := <-first, <-second
	wait, cancel := context.WithTimeoutCause(ctx, p.cfg.Patience, errPatience)
	defer cancel()
	if b.success() && d.effect.await(wait, 2) != nil {
		p.fail("no success for the waiting copy, or the work done again: the first copy's had failed",
			"the first copy got %s, the waiting one %s, and the work was not done again within %s", a, b, p.cfg.Patience)
	}
}

// begun waits until a delivery's effect is under way.
func (p *probe) begun(ctx context.Context, d *delivery) {
	wait, cancel := context.WithTimeoutCause(ctx, p.cfg.Patience, errPatience)
	defer cancel()
	if d.effect.await(wait, 1) != nil {
		p.fail("the delivery is processed", "its processing did not begin within %s, for which --patience can be given", p.cfg.Patience)
	}
}

// background sends a message on a goroutine of its own.
func (p *probe) background(ctx context.Context, m message) <-chan answer {
	c := make(chan answer, 1)
	m.header = m.header.Clone()
	go func() {
		a := exchange(ctx, p.client, m)
		p.keep(m, a)
		c <- a
	}()
	return c
}

// awaitAnswer waits a while for an answer and reports whether it came.
func awaitAnswer(ctx context.Context, c <-chan answer, wait time.Duration) (answer, bool) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case a := <-c:
		return a, true
	case <-t.C:
	case <-ctx.Done():
	}
	return answer{}, false
}

func burnsNothing(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.refuses(ctx, d, p.headed(d, ts, wrong(p)), 0, "the signature is wrong")
	p.aftermath(ctx)
	p.accepts(ctx, p.signed(d), "the delivery is right, though a forged one named its id before")
	p.once(ctx, d, "only the forged copy came before it")
}

func repeatsStatus(ctx context.Context, p *probe) {
	for _, status := range []int{http.StatusOK, http.StatusAccepted, http.StatusNoContent} {
		d := p.delivery(p.workType(), reply{status: status})
		m := p.signed(d)
		p.same("status of the first copy", status, p.send(ctx, m).status)
		a := p.send(ctx, m)
		p.same("status of the second copy", status, a.status)
		p.same("header "+contract.HeaderDuplicate+" of the second copy", "true", a.header.Get(contract.HeaderDuplicate))
	}
}

func refusesWithoutStore(ctx context.Context, p *probe) {
	p.hook(ctx, p.cfg.StoreFault, map[string]any{"available": false})
	defer func() {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.Patience)
		defer cancel()
		p.hook(back, p.cfg.StoreFault, map[string]any{"available": true})
	}()
	d := p.delivery(p.workType())
	a := p.send(ctx, p.signed(d))
	p.same("status while the store is away", http.StatusServiceUnavailable, a.status)
	if a.header.Get("Retry-After") == "" {
		p.fail("Retry-After", "no such header in the answer")
	}
	p.untouched(d, "the store was away")
	p.aftermath(ctx)
}

func knowsCopiesElsewhere(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	p.accepts(ctx, m, "the delivery is right")
	for _, where := range p.elsewhere() {
		c := m
		c.url, c.host = where.url, where.host
		a := p.send(ctx, c)
		if n := p.processed(ctx, d); n != 1 {
			p.fail("not forwarded again: path and host are not signed", "the copy to %s (Host %q) got %s and the receiver saw %d copies", where.url, where.host, a, n)
		}
	}
}

// elsewhere lists other ways to address the same gate.
func (p *probe) elsewhere() []message {
	u, err := url.Parse(p.cfg.Target)
	if err != nil {
		p.cannotTell("the target is not a URL")
	}
	query, slash := *u, *u
	query.RawQuery = "copy=1"
	slash.Path = strings.TrimSuffix(u.Path, "/") + "/copy"
	ways := []message{{url: query.String()}, {url: slash.String()}, {url: p.cfg.Target, host: "copy.example"}}
	if p.cfg.Alias != "" {
		ways = append(ways, message{url: p.cfg.Alias})
	}
	return ways
}

func knowsNewSignatures(ctx context.Context, p *probe) {
	d, now := p.delivery(p.workType()), time.Now()
	for _, age := range []time.Duration{20 * time.Second, 10 * time.Second, 0} {
		p.accepts(ctx, p.signedAt(d, stamp(now.Add(-age))), "a copy under a new timestamp and signature is acknowledged")
	}
	p.once(ctx, d, "three copies have the same id and different timestamps")
}

// knowsNewBodies writes the JSON of the second copy in another way, which has the same id.
func knowsNewBodies(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	p.accepts(ctx, p.signed(d), "the delivery is right")
	var spread bytes.Buffer
	if err := json.Indent(&spread, d.body, "", " "); err != nil {
		p.cannotTell("writing a body anew: %v", err)
	}
	a := p.send(ctx, p.signed(d.with(spread.Bytes())))
	if n := p.processed(ctx, d); n != 1 {
		p.fail("processed once: two copies have the same id, and bodies that mean the same", "processed %d times; the copy got %s", n, a)
	}
}
