package conformance

import (
	"context"
	"io"
	"slices"
	"time"
)

// receivingSpecs test the clauses of delivery that bind those who take them.
var receivingSpecs = []Spec{
	{Clause: "DLV-011", Name: "accepts an event that is older than one it has seen", Roles: takers, run: acceptsOutOfOrder},
	{Clause: "DLV-012", Name: "answers within the time-out", Roles: takers, run: answersInTime},
	{Clause: "DLV-013", Name: "reads a chunked body", Roles: takers, run: readsChunks},
	{Clause: "DLV-013", Name: "reads a body that comes slowly", Roles: takers, run: readsSlowly},
	{Clause: "DLV-014", Name: "acknowledges an event type that it does not know", Roles: takers, needs: typed, run: acknowledgesUnknown},
}

// acceptsOutOfOrder sends two events of one session, the later one first. Neither ends the session, so that the earlier one
// is still of use.
func acceptsOutOfOrder(ctx context.Context, p *probe) {
	late := p.delivery(p.workType())
	p.accepts(ctx, p.signed(late), "the delivery is right")
	early := p.delivery(p.workType())
	early.session = late.session
	old := early.with(marshal(p.fields(early, time.Now().Add(-2*time.Minute))))
	p.accepts(ctx, p.signed(old), "an event that happened earlier arrives later")
	if p.observes != unobserved {
		p.once(ctx, old, "it arrived after an event that happened later")
	}
}

func answersInTime(ctx context.Context, p *probe) {
	for _, kind := range p.types() {
		m := p.signed(p.delivery(kind))
		a := exchange(ctx, p.client, m)
		p.keep(m, a)
		if a.err != nil {
			p.fail("an answer to "+kind+" within "+p.cfg.Timeout.String(), "%s", a)
		}
		if a.took > p.cfg.Timeout {
			p.fail("an answer to "+kind+" within "+p.cfg.Timeout.String(), "one after %s", a.took.Round(time.Millisecond))
		}
	}
}

func readsChunks(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	m.reader = pieces(d.body, 0)
	p.accepts(ctx, m, "the body comes in chunks")
}

func readsSlowly(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	m.reader = pieces(d.body, 40*time.Millisecond)
	p.accepts(ctx, m, "the body comes slowly")
}

func acknowledgesUnknown(ctx context.Context, p *probe) {
	p.accepts(ctx, p.signed(p.delivery("conformance.unheard_of")), "the delivery is signed, and its type is new")
}

// pieces is a body that comes in ten parts with a pause before each.
func pieces(body []byte, pause time.Duration) io.Reader {
	r, w := io.Pipe()
	go func() {
		defer w.Close()
		for part := range slices.Chunk(body, max(1, len(body)/10)) {
			time.Sleep(pause)
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}()
	return r
}
