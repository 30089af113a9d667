package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/darihook/darihook/contract"
)

// clockSlack is what the clocks of the suite and of the target may differ by, and the time that a request takes.
const clockSlack = 30 * time.Second

// freshnessSpecs test clauses TIME-001 to TIME-010 on those who take deliveries.
var freshnessSpecs = []Spec{
	{Clause: "TIME-001", Name: "refuses a delivery without a timestamp", Roles: takers, needs: dated, run: refusesUndated},
	{Clause: "TIME-002", Name: "refuses a delivery that is a day or more old", Roles: takers, needs: dated, run: refusesOld},
	{Clause: "TIME-002", Name: "judges the age by the signed timestamp", Roles: takers, needs: datedTwice, run: judgesSignedTime},
	{Clause: "TIME-003", Name: "refuses a delivery dated beyond the window", Roles: takers, needs: dated, run: refusesFuture},
	{Clause: "TIME-005", Name: "refuses a timestamp that is not plain decimal seconds", Roles: takers, needs: dated, run: refusesOddTimestamps},
	{Clause: "TIME-006", Name: "refuses two timestamps that differ", Roles: takers, needs: datedTwice, run: refusesDifferentTimes},
	{Clause: "TIME-007", Name: "judges the age by the body where the timestamp is not signed", Roles: gates, needs: unsignedTime, run: judgesBodyTime},
	{Clause: "TIME-008", Name: "accepts a delivery that is half a window old", Roles: takers, needs: signsTime, run: acceptsRecent},
	{Clause: "TIME-008", Name: "refuses a delivery that is older than the window", Roles: takers, needs: dated, run: refusesBeyond},
	{Clause: "TIME-009", Name: "takes the timestamp from the signature header alone", Roles: takers, needs: datedTwice, run: acceptsTagAlone},
	{Clause: "TIME-009", Name: "takes the timestamp from a header of its own alone", Roles: takers, needs: datedTwice, run: acceptsHeaderAlone},
	{Clause: "TIME-010", Name: "accepts a late attempt of an old event", Roles: takers, needs: both(signsTime, datedBody), run: acceptsLateAttempt},
}

func dated(s *session) skip {
	return applies(s.scheme.TimestampTag != "" || s.scheme.TimestampHeader != "", "the scheme %s has no timestamp", s.scheme.Name)
}

func signsTime(s *session) skip {
	return applies(s.scheme.Content.Signs("timestamp"), "the scheme %s does not sign its timestamp", s.scheme.Name)
}

func datedTwice(s *session) skip {
	return applies(s.scheme.TimestampTag != "" && s.scheme.TimestampHeader != "" && s.scheme.Content.Signs("timestamp"),
		"the scheme %s has its timestamp in one place", s.scheme.Name)
}

func unsignedTime(s *session) skip {
	return applies(s.scheme.TimestampField != "" && !s.scheme.Content.Signs("timestamp"),
		"the scheme %s does not date deliveries by their bodies", s.scheme.Name)
}

// refusesUndated leaves the timestamp out, and signs what a receiver may take in its place.
func refusesUndated(ctx context.Context, p *probe) {
	bare := p.scheme
	bare.TimestampTag = ""
	now := stamp(time.Now())
	for _, signed := range []contract.Content{p.scheme.Content, contract.ContentBody, "." + contract.ContentBody} {
		d := p.delivery(p.workType())
		other := p.scheme
		other.Content = signed
		m := p.signedAt(d, now)
		m.header.Set(p.scheme.Header, headerOf(bare, "", signature(other, p.cfg.Secret, d.id, now, d.body)))
		if p.scheme.TimestampHeader != "" {
			m.header.Del(p.scheme.TimestampHeader)
		}
		p.refuses(ctx, d, m, 0, "there is no timestamp, and the signature is over "+string(signed))
	}
}

func acceptsRecent(ctx context.Context, p *probe) {
	m := p.signedAt(p.delivery(p.workType()), stamp(time.Now().Add(-p.cfg.Past/2)))
	p.accepts(ctx, m, fmt.Sprintf("the delivery is %s old, half the window", p.cfg.Past/2))
}

func refusesOld(ctx context.Context, p *probe) {
	for _, age := range []time.Duration{24 * time.Hour, 5 * 365 * 24 * time.Hour} {
		p.refusesAge(ctx, max(age, p.cfg.Past+clockSlack))
	}
}

func refusesBeyond(ctx context.Context, p *probe) { p.refusesAge(ctx, p.cfg.Past+clockSlack) }

// refusesAge sends a delivery of an age that must be refused.
func (p *probe) refusesAge(ctx context.Context, age time.Duration) {
	d := p.delivery(p.workType())
	m := p.signedAt(d, stamp(time.Now().Add(-age)))
	p.refuses(ctx, d, m, 0, fmt.Sprintf("the delivery is %s old", age))
}

func acceptsTagAlone(ctx context.Context, p *probe) {
	m := p.signed(p.delivery(p.workType()))
	m.header.Del(p.scheme.TimestampHeader)
	p.accepts(ctx, m, "the timestamp stands in the signature header")
}

func acceptsHeaderAlone(ctx context.Context, p *probe) {
	bare := p.scheme
	bare.TimestampTag = ""
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.accepts(ctx, p.headedBy(bare, d, ts, p.sign(d, ts, p.cfg.Secret)), "the timestamp stands in "+p.scheme.TimestampHeader)
}

func datedBody(s *session) skip {
	return applies(s.provider.Envelope.Time != "", "bodies of %s do not say when the event happened", s.provider.Title)
}

// acceptsLateAttempt sends what a sender sends that has tried for longer than the window: an old event, signed now.
func acceptsLateAttempt(ctx context.Context, p *probe) {
	d, age := p.delivery(p.workType()), p.cfg.Past+time.Hour
	late := d.with(marshal(p.fields(d, time.Now().Add(-age))))
	p.accepts(ctx, p.signed(late), fmt.Sprintf("the attempt is signed now, and its event happened %s ago", age))
}

// judgesSignedTime replays an old delivery under a fresh header that nothing signs.
func judgesSignedTime(ctx context.Context, p *probe) {
	d, now := p.delivery(p.workType()), time.Now()
	m := p.signedAt(d, stamp(now.Add(-24*time.Hour)))
	m.header.Set(p.scheme.TimestampHeader, stamp(now))
	p.refuses(ctx, d, m, 0, "the signed timestamp is a day old; the fresh one beside it is not signed")
}

func refusesFuture(ctx context.Context, p *probe) {
	for _, ahead := range []time.Duration{p.cfg.Future + clockSlack, 24 * time.Hour, 5 * 365 * 24 * time.Hour} {
		d := p.delivery(p.workType())
		m := p.signedAt(d, stamp(time.Now().Add(ahead)))
		p.refuses(ctx, d, m, 0, fmt.Sprintf("the delivery is dated %s ahead", ahead))
	}
}

func refusesOddTimestamps(ctx context.Context, p *probe) {
	now := time.Now()
	for _, odd := range []struct{ why, text string }{
		{"milliseconds", strconv.FormatInt(now.UnixMilli(), 10)},
		{"a sign", "+" + stamp(now)},
		{"a leading zero", "0" + stamp(now)},
		{"a fraction", stamp(now) + ".0"},
		{"an exponent", stamp(now)[:1] + "." + stamp(now)[1:] + "e9"},
		{"hexadecimal", "0x" + strconv.FormatInt(now.Unix(), 16)},
		{"an RFC 3339 time", now.UTC().Format(time.RFC3339)},
		{"a word", "now"},
	} {
		d := p.delivery(p.workType())
		p.refuses(ctx, d, p.signedAt(d, odd.text), 0, fmt.Sprintf("the timestamp is written with %s: %q", odd.why, odd.text))
	}
}

// refusesDifferentTimes gives two fresh timestamps, of which the signature covers the one in its own header.
func refusesDifferentTimes(ctx context.Context, p *probe) {
	for _, apart := range []time.Duration{-20 * time.Second, 20 * time.Second} {
		d, now := p.delivery(p.workType()), time.Now()
		m := p.signedAt(d, stamp(now))
		m.header.Set(p.scheme.TimestampHeader, stamp(now.Add(apart)))
		p.refuses(ctx, d, m, 0, p.scheme.TimestampHeader+" differs from the timestamp beside the signature")
	}
}

// judgesBodyTime sends an old body under a fresh timestamp that the signature does not cover.
func judgesBodyTime(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	fields := p.fields(d, time.Now().Add(-24*time.Hour))
	old := d.with(marshal(fields))
	p.refuses(ctx, old, p.signed(old), http.StatusUnauthorized, "the signed body says that it is a day old")
}
