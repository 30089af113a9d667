package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// identitySpecs test clauses ID-002 to ID-005 on those who take deliveries.
var identitySpecs = []Spec{
	{Clause: "ID-002", Name: "refuses a signed body without an id", Roles: gates, needs: strictID, run: refusesNoID},
	{Clause: "ID-003", Name: "takes a delivery for itself under another id header", Roles: takers, needs: idHeaderSeen, run: ignoresHeaderID},
	{Clause: "ID-003", Name: "does not take a new delivery for an old one because of its id header", Roles: takers, needs: idHeaderSeen, run: keepsNewApart},
	{Clause: "ID-004", Name: "refuses a body that parsers read differently", Roles: gates, needs: strictBody, run: refusesAmbiguousBodies},
	{Clause: "ID-005", Name: "accepts an id of 255 bytes", Roles: gates, needs: bodyID, run: acceptsLongID},
	{Clause: "ID-005", Name: "refuses an id of 256 bytes", Roles: gates, needs: strictID, run: refusesTooLongID},
}

func bodyID(s *session) skip {
	return applies(s.provider.Envelope.ID != "", "deliveries of %s have no id in the body", s.provider.Title)
}

// seen says whether the effects of a delivery can be seen at all.
func seen(s *session) skip {
	return given(s.observes != unobserved, "the receiver posted nothing to submit_url within %s (--patience), and --counter was not given", s.cfg.Patience)
}

// held says whether the suite can hold an effect, as it can where the target waits for the suite's answer.
func held(s *session) skip {
	if s.cfg.Role == contract.Receiver && !s.callsBack() {
		return skip{CauseUnobservable, "deliveries of " + s.provider.Title + " ask for no result, so that the suite cannot make a receiver wait or fail"}
	}
	return given(s.observes == byArrival, "the receiver posted nothing to submit_url within %s (--patience), so that the suite cannot make it wait or fail", s.cfg.Patience)
}

func idHeaderSeen(s *session) skip {
	if s.scheme.IDHeader == "" || s.scheme.Content.Signs("id") {
		return applies(false, "the scheme %s has no unsigned id header", s.scheme.Name)
	}
	return seen(s)
}

func refusesNoID(ctx context.Context, p *probe) {
	for _, odd := range []struct {
		why string
		id  any
	}{
		{"the body has no id", nil},
		{"the id is empty", ""},
		{"the id is a number", 7},
		{"the id is null", json.RawMessage("null")},
		{"the id is a list", []string{"evt_1"}},
	} {
		d := p.delivery(p.workType())
		fields := p.fields(d, time.Now())
		if place(fields, p.provider.Envelope.ID, odd.id); odd.id == nil {
			delete(fields, p.provider.Envelope.ID)
		}
		d = d.with(marshal(fields))
		m := p.signed(d)
		if p.scheme.IDHeader != "" {
			m.header.Del(p.scheme.IDHeader)
		}
		p.refuses(ctx, d, m, 0, odd.why)
	}
}

// ignoresHeaderID sends a delivery and then a copy whose unsigned header names another id.
func ignoresHeaderID(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	p.accepts(ctx, p.signed(d), "the delivery is right")
	m := p.signed(d)
	m.header.Set(p.scheme.IDHeader, p.name("evt_"))
	a := p.send(ctx, m)
	if n := p.processed(ctx, d); n != 1 {
		p.fail("processed once: the signed id is the same, only the unsigned header differs", "processed %d times; the copy got %s", n, a)
	}
}

// keepsNewApart sends a new delivery whose unsigned header names one that was processed before.
func keepsNewApart(ctx context.Context, p *probe) {
	first, second := p.delivery(p.workType()), p.delivery(p.workType())
	p.accepts(ctx, p.signed(first), "the delivery is right")
	m := p.signed(second)
	m.header.Set(p.scheme.IDHeader, first.id)
	if a := p.send(ctx, m); a.success() && p.processed(ctx, second) == 0 {
		p.fail("refused, or processed: the signed id is new", "%s, and never processed", a)
	}
}

func refusesAmbiguousBodies(ctx context.Context, p *probe) {
	name := p.idField()
	escaped := fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
	for _, odd := range []struct {
		why  string
		edit func(body string, d *delivery) string
	}{
		{name + " is given twice", func(b string, d *delivery) string {
			return strings.Replace(b, `"`+name+`":"`, `"`+name+`":"`+d.id+`x","`+name+`":"`, 1)
		}},
		{"data is given twice", func(b string, _ *delivery) string { return strings.Replace(b, `"data":`, `"data":{},"data":`, 1) }},
		{name + " is given again under an escape", func(b string, d *delivery) string {
			return strings.Replace(b, `"`+name+`":"`, `"`+escaped+`":"`+d.id+`x","`+name+`":"`, 1)
		}},
		{"bytes follow the object", func(b string, _ *delivery) string { return b + "{}" }},
		{"it is an array", func(b string, _ *delivery) string { return "[" + b + "]" }},
		{"it is not JSON", func(b string, _ *delivery) string { return b[:len(b)-1] }},
		{"it holds invalid UTF-8", func(b string, _ *delivery) string {
			return strings.Replace(b, `"data":{`, "\"data\":{\"x\":\"\xff\",", 1)
		}},
		{"it nests deeper than 512", func(b string, _ *delivery) string {
			deep := contract.MaxNesting + 8
			return strings.Replace(b, `"data":{`, `"data":{"x":`+strings.Repeat("[", deep)+strings.Repeat("]", deep)+",", 1)
		}},
	} {
		d := p.delivery(p.workType())
		d = d.with([]byte(odd.edit(string(d.body), d)))
		p.refuses(ctx, d, p.signed(d), 0, "the body can be read in two ways: "+odd.why)
	}
}

// longID makes a delivery whose id has the given length.
func longID(p *probe, length int) *delivery {
	d := p.delivery(p.workType())
	d.id += strings.Repeat("x", length-len(d.id))
	return d.with(marshal(p.fields(d, time.Now())))
}

func acceptsLongID(ctx context.Context, p *probe) {
	p.accepts(ctx, p.signed(longID(p, contract.MaxIDLength)), "the id has 255 bytes")
}

func refusesTooLongID(ctx context.Context, p *probe) {
	d := longID(p, contract.MaxIDLength+1)
	p.refuses(ctx, d, p.signed(d), 0, "the id has 256 bytes")
}
