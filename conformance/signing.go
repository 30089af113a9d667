package conformance

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// signingSpecs test clauses SIG-001 to SIG-013 on those who take deliveries.
var signingSpecs = []Spec{
	{Clause: "SIG-001", Name: "accepts a delivery that is right", Roles: takers, run: acceptsRight},
	{Clause: "SIG-001", Name: "refuses a signature under another secret", Roles: takers, run: refusesOtherSecret},
	{Clause: "SIG-001", Name: "refuses a body that was changed after signing", Roles: takers, run: refusesChangedBody},
	{Clause: "SIG-002", Name: "accepts a body that encoders would write differently", Roles: takers, run: acceptsUnusualJSON},
	{Clause: "SIG-002", Name: "refuses a body whose JSON was written again after signing", Roles: takers, run: refusesRewrittenJSON},
	{Clause: "SIG-003", Name: "refuses a delivery without a signature header", Roles: takers, run: refusesNoHeader},
	{Clause: "SIG-003", Name: "refuses an empty signature header", Roles: takers, run: refusesEmptyHeader},
	{Clause: "SIG-003", Name: "refuses a signature of another version", Roles: takers, needs: tagged, run: refusesOtherVersion},
	{Clause: "SIG-008", Name: "ignores other versions beside its own", Roles: takers, needs: tagged, run: ignoresOtherVersion},
	{Clause: "SIG-004", Name: "refuses a signature over other bytes than the scheme's", Roles: takers, run: refusesOtherContent},
	{Clause: "SIG-005", Name: "accepts the right signature first of two", Roles: takers, needs: listed, run: acceptsFirstOfTwo},
	{Clause: "SIG-005", Name: "accepts the right signature second of two", Roles: takers, needs: listed, run: acceptsSecondOfTwo},
	{Clause: "SIG-005", Name: "accepts each of two secrets in use", Roles: takers, needs: secondSecret, run: acceptsSecondSecret},
	{Clause: "SIG-007", Name: "refuses a signature keyed by the secret without its prefix", Roles: takers, needs: wholeKey, run: refusesCutKey},
	{Clause: "SIG-008", Name: "refuses a header that is no list of tagged values", Roles: takers, needs: tagged, run: refusesMalformed},
	{Clause: "SIG-009", Name: "refuses two signature headers", Roles: takers, run: refusesTwoHeaders},
	{Clause: "SIG-009", Name: "refuses two timestamps in one header", Roles: takers, needs: timestampTag, run: refusesTwoTimestamps},
	{Clause: "SIG-005", Name: "accepts the right one of 16 signatures", Roles: takers, needs: listed, run: acceptsManySignatures},
	{Clause: "SIG-010", Name: "refuses more than 16 signatures", Roles: takers, needs: listed, run: refusesTooManySignatures},
	{Clause: "SIG-010", Name: "refuses a header of more than 4096 bytes", Roles: takers, needs: listed, run: refusesLongHeader},
	{Clause: "SIG-011", Name: "compares the whole signature", Roles: takers, run: comparesWhole},
	{Clause: "SIG-012", Name: "refuses a signature under the empty secret", Roles: takers, run: refusesEmptySecret},
	{Clause: "SIG-013", Name: "answers a signature that does not match with 401", Roles: takers, run: answersMismatch},
}

func tagged(s *session) skip {
	return applies(s.scheme.Tag != "", "the scheme %s does not tag its signatures", s.scheme.Name)
}

func listed(s *session) skip {
	return applies(s.scheme.Tag != "" && s.scheme.ItemSeparator != "", "a header of the scheme %s holds one signature", s.scheme.Name)
}

func timestampTag(s *session) skip {
	return applies(s.scheme.TimestampTag != "", "the scheme %s has no timestamp in the signature header", s.scheme.Name)
}

func secondSecret(s *session) skip {
	return given(s.cfg.SecondSecret != "", "--second-secret was not given")
}

func wholeKey(s *session) skip {
	return applies(s.scheme.KeyForm == contract.KeyWhole && s.scheme.KeyPrefix != "" &&
		strings.HasPrefix(s.cfg.Secret, s.scheme.KeyPrefix), "the secret has no prefix that could be cut off")
}

func acceptsRight(ctx context.Context, p *probe) {
	p.accepts(ctx, p.signed(p.delivery(p.workType())), "the delivery is signed with the secret")
}

func refusesOtherSecret(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	m := p.headed(d, ts, p.sign(d, ts, otherSecret(p)))
	p.refuses(ctx, d, m, 0, "the signature was made with another secret")
}

// otherSecret is of the same form as the target's and cannot be it.
func otherSecret(p *probe) string {
	return p.scheme.KeyPrefix + strings.Repeat("A", 40) + p.nonce
}

func refusesChangedBody(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	m.body = []byte(strings.Replace(string(d.body), `"data":{`, `"data":{"added":true,`, 1))
	p.refuses(ctx, d, m, 0, "the body is not the one that was signed")
}

// unusual is a body that no common encoder writes: blanks, names out of order, a number with a needless zero, escapes
// that are not needed and characters that some escape, and a line break at the end. Where the event has arguments, which
// may be anything, what is odd stands there, since a receiver may refuse other fields that it does not know.
func unusual(d *delivery) []byte {
	const odd = "\"zeta\" : 1.0,\n\t\"alpha\":\"\\u0041 <b>&amp; \\/ é\",\"big\":12345678901234567890,"
	compact, place := string(d.body), "{"
	if strings.Contains(compact, `"arguments":{`) {
		place = `"arguments":{`
	}
	return []byte(strings.Replace("{ "+compact[1:], place, place+odd, 1) + "\n")
}

func acceptsUnusualJSON(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	p.accepts(ctx, p.signed(d.with(unusual(d))), "the signature belongs to the raw bytes")
}

func refusesRewrittenJSON(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	m.body = []byte(strings.Replace(string(d.body), `"data":`, ` "data" : `, 1))
	p.refuses(ctx, d, m, 0, "the raw bytes are not those that were signed, though their JSON means the same")
}

func refusesNoHeader(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	m.header.Del(p.scheme.Header)
	p.refuses(ctx, d, m, 0, "there is no signature header")
}

func refusesEmptyHeader(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	m.header.Set(p.scheme.Header, "")
	p.refuses(ctx, d, m, 0, "the signature header is empty")
}

func refusesOtherVersion(ctx context.Context, p *probe) {
	for _, version := range []string{"v0", "v2"} {
		if version == p.scheme.Tag {
			continue
		}
		d := p.delivery(p.workType())
		other := p.scheme
		other.Tag = version
		ts := stamp(time.Now())
		m := p.signedAt(d, ts)
		m.header.Set(p.scheme.Header, headerOf(other, ts, p.sign(d, ts, p.cfg.Secret)))
		p.refuses(ctx, d, m, 0, "the only signature is of the version "+version)
	}
}

func ignoresOtherVersion(ctx context.Context, p *probe) {
	if why := listed(p.session); why.cause != "" {
		p.skip(why.cause, "%s", why.reason)
	}
	d := p.delivery(p.workType())
	m := p.signed(d)
	sep := p.scheme.ItemSeparator
	m.header.Set(p.scheme.Header, m.header.Get(p.scheme.Header)+sep+"v0"+p.scheme.TagSeparator+strings.Repeat("ab", 32))
	p.accepts(ctx, m, "a signature of another version stands beside the right one")
}

func refusesOtherContent(ctx context.Context, p *probe) {
	contents := []contract.Content{contract.ContentBody, contract.ContentIDTimestampBody, contract.ContentTimestampBody, "v0:{timestamp}:{body}"}
	for _, c := range contents {
		if c == p.scheme.Content {
			continue
		}
		d, ts := p.delivery(p.workType()), stamp(time.Now())
		other := p.scheme
		other.Content = c
		m := p.headed(d, ts, signature(other, p.cfg.Secret, d.id, ts, d.body))
		p.refuses(ctx, d, m, 0, "the signature is over "+string(c)+" and not over "+string(p.scheme.Content))
	}
}

// wrong is a signature that has the right form.
func wrong(p *probe) string {
	return encode(p.scheme, hmacSHA256([]byte("another key"), []byte(p.name(""))))
}

func acceptsFirstOfTwo(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.accepts(ctx, p.headed(d, ts, p.sign(d, ts, p.cfg.Secret), wrong(p)), "the first of two signatures is right")
}

func acceptsSecondOfTwo(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.accepts(ctx, p.headed(d, ts, wrong(p), p.sign(d, ts, p.cfg.Secret)), "the second of two signatures is right")
}

func acceptsSecondSecret(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.accepts(ctx, p.headed(d, ts, p.sign(d, ts, p.cfg.SecondSecret)), "the signature is under the second secret in use")
}

func refusesCutKey(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	cut := strings.TrimPrefix(p.cfg.Secret, p.scheme.KeyPrefix)
	p.refuses(ctx, d, p.headed(d, ts, p.sign(d, ts, cut)), 0, "the key is the whole secret, its prefix included")
}

func refusesMalformed(ctx context.Context, p *probe) {
	right := func(d *delivery) (string, string) {
		ts := stamp(time.Now())
		return ts, p.sign(d, ts, p.cfg.Secret)
	}
	forms := map[string]func(ts, sig string) string{
		"it is one word":               func(_, _ string) string { return "garbage" },
		"the signature has no tag":     func(_, sig string) string { return sig },
		"the signature is not encoded": func(ts, _ string) string { return headerOf(p.scheme, ts, "not a signature!") },
		"the signature is empty":       func(ts, _ string) string { return headerOf(p.scheme, ts, "") },
		"a tag stands without a value": func(ts, sig string) string { return headerOf(p.scheme, ts, sig) + p.scheme.ItemSeparator + "v9" },
		"the tag is in upper case": func(ts, sig string) string {
			other := p.scheme
			other.Tag = strings.ToUpper(other.Tag)
			return headerOf(other, ts, sig)
		},
		"the separators are semicolons": func(ts, sig string) string { return "t:" + ts + ";v1:" + sig },
	}
	for _, why := range slices.Sorted(maps.Keys(forms)) {
		d := p.delivery(p.workType())
		ts, sig := right(d)
		m := p.headed(d, ts, sig)
		m.header.Set(p.scheme.Header, forms[why](ts, sig))
		p.refuses(ctx, d, m, 0, "the header is malformed: "+why)
	}
}

func refusesTwoHeaders(ctx context.Context, p *probe) {
	for _, rightFirst := range []bool{true, false} {
		d, ts := p.delivery(p.workType()), stamp(time.Now())
		m := p.signedAt(d, ts)
		values := []string{m.header.Get(p.scheme.Header), headerOf(p.scheme, ts, wrong(p))}
		if !rightFirst {
			values[0], values[1] = values[1], values[0]
		}
		m.header[http.CanonicalHeaderKey(p.scheme.Header)] = values
		p.refuses(ctx, d, m, 0, "there are two signature headers")
	}
}

func refusesTwoTimestamps(ctx context.Context, p *probe) {
	d, now := p.delivery(p.workType()), time.Now()
	m := p.signedAt(d, stamp(now))
	other := item(p.scheme, p.scheme.TimestampTag, stamp(now.Add(-2*time.Second)))
	m.header.Set(p.scheme.Header, other+p.scheme.ItemSeparator+m.header.Get(p.scheme.Header))
	p.refuses(ctx, d, m, 0, "there are two timestamps in the signature header")
}

// many is a header whose last signature is right and has n-1 wrong ones before it.
func many(p *probe, d *delivery, n int) message {
	ts := stamp(time.Now())
	signatures := make([]string, n)
	for i := range signatures {
		signatures[i] = wrong(p)
	}
	signatures[n-1] = p.sign(d, ts, p.cfg.Secret)
	return p.headed(d, ts, signatures...)
}

func acceptsManySignatures(ctx context.Context, p *probe) {
	p.accepts(ctx, many(p, p.delivery(p.workType()), contract.MaxSignatures), "the last of 16 signatures is right")
}

func refusesTooManySignatures(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	p.refuses(ctx, d, many(p, d, contract.MaxSignatures+1), 0, "there are 17 signatures")
}

func refusesLongHeader(ctx context.Context, p *probe) {
	d := p.delivery(p.workType())
	m := p.signed(d)
	long := item(p.scheme, "v9", strings.Repeat("ab", contract.MaxSignatureHeader/2))
	m.header.Set(p.scheme.Header, m.header.Get(p.scheme.Header)+p.scheme.ItemSeparator+long)
	p.refuses(ctx, d, m, 0, "the signature header is longer than 4096 bytes")
}

func comparesWhole(ctx context.Context, p *probe) {
	changes := map[string]func(string) string{
		"it lacks its last character":     func(s string) string { return s[:len(s)-1] },
		"it lacks its second half":        func(s string) string { return s[:len(s)/2] },
		"more characters follow it":       func(s string) string { return s + "00" },
		"it is its first eight alone":     func(s string) string { return s[:8] },
		"its second half is wrong":        func(s string) string { return s[:len(s)/2] + wrong(p)[len(s)/2:] },
		"its first half is wrong":         func(s string) string { return wrong(p)[:len(s)/2] + s[len(s)/2:] },
		"one character of it was changed": flip,
	}
	for _, why := range slices.Sorted(maps.Keys(changes)) {
		d, ts := p.delivery(p.workType()), stamp(time.Now())
		p.refuses(ctx, d, p.headed(d, ts, changes[why](p.sign(d, ts, p.cfg.Secret))), 0, "the signature is nearly right: "+why)
	}
}

// flip changes a character in the middle of a signature to another of the same alphabet.
func flip(s string) string {
	b := []byte(s)
	i := len(b) / 2
	if b[i] == '0' {
		b[i] = '1'
	} else {
		b[i] = '0'
	}
	return string(b)
}

func answersMismatch(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.refuses(ctx, d, p.headed(d, ts, wrong(p)), http.StatusUnauthorized, "the signature is wrong")
}

func refusesEmptySecret(ctx context.Context, p *probe) {
	d, ts := p.delivery(p.workType()), stamp(time.Now())
	p.refuses(ctx, d, p.headed(d, ts, p.sign(d, ts, "")), 0, "the signature was made with the empty secret")
}
