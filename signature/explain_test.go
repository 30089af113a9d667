package signature_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/fixtures"
	"github.com/darihook/darihook/signature"
)

// misfit is a request that a receiver with Dari's default scheme and one known secret refuses, but for one.
type misfit struct {
	scheme  string
	known   string
	key     string
	stamp   string
	signed  string
	sent    string
	respell func(sum []byte) string
	tag     string
}

// request returns the misfit's headers.
func (m misfit) request(t *testing.T) http.Header {
	t.Helper()
	s, ok := contract.Dari().SchemeFor(m.scheme)
	if !ok {
		t.Fatalf("no scheme %s", m.scheme)
	}
	sum, err := hex.DecodeString(naive(t, s, m.key, m.stamp, "evt_1", []byte(m.signed)))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set(s.Header, m.tag+m.respell(sum))
	h.Set(s.TimestampHeader, m.stamp)
	h.Set(s.IDHeader, "evt_1")
	return h
}

// TestExplainOtherContents shows that what was signed is told even where no scheme of the provider signs that.
func TestExplainOtherContents(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"evt_1"}`)
	for name, c := range map[string]struct {
		provider contract.Provider
		signed   contract.Content
		want     string
	}{
		"danube, body":              {contract.Danube(), contract.ContentBody, "danube signing {body}"},
		"stripe, body":              {contract.Stripe(), contract.ContentBody, "stripe signing {body}"},
		"slack, timestamp and body": {contract.Slack(), contract.ContentTimestampBody, "slack signing {timestamp}.{body}"},
		"standard, body":            {contract.StandardWebhooks(), contract.ContentBody, "standard-webhooks signing {body}"},
		"standard, no id":           {contract.StandardWebhooks(), contract.ContentTimestampBody, "standard-webhooks signing {timestamp}.{body}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender := c.provider.Scheme
			sender.Content = c.signed
			signer, err := signature.NewSigner(signature.SignerOptions{Scheme: sender, Secrets: secrets(t, hidden)})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Unix(1767225600, 0)
			fields, err := signer.Sign(signature.Message{ID: "evt_1", Time: now, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			for _, f := range fields {
				h.Set(f.Name, f.Value)
			}
			schemes := c.provider.Schemes()
			if got := signature.Explain(schemes, secrets(t, hidden), h, body, now); len(got) != 0 {
				t.Errorf("a scheme of the provider fits already: %v", got)
			}
			got := signature.Explain(signature.OtherContents(schemes), secrets(t, hidden), h, body, now)
			if len(got) != 1 || got[0].Scheme != c.want || !got[0].Plain() {
				t.Errorf("found %v, want %s", got, c.want)
			}
		})
	}
}

// TestOtherContentsAreNobodysOwn asks for schemes that work and that say what none of the given ones says.
func TestOtherContentsAreNobodysOwn(t *testing.T) {
	t.Parallel()
	for _, p := range contract.Providers() {
		others := signature.OtherContents(p.Schemes())
		for _, other := range others {
			if err := signature.CheckScheme(other); err != nil {
				t.Error(err)
			}
			for _, own := range p.Schemes() {
				if own.Content == other.Content && own.Header == other.Header && own.Algorithm == other.Algorithm {
					t.Errorf("%s signs what %s signs", other.Name, own.Name)
				}
			}
		}
	}
	if others := signature.OtherContents(contract.Dari().Schemes()); len(others) != 0 {
		t.Errorf("Dari's schemes sign everything already, and yet there are %d others", len(others))
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(hidden, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	const plain, spaced = `{"id":"evt_1","data":{"a":"x, y: \"z\"","n":[1,2]}}`, `{"id": "evt_1", "data": {"a": "x, y: \"z\"", "n": [1, 2]}}`
	const indented = "{\n  \"id\": \"evt_1\",\n  \"data\": {\n    \"a\": \"x, y: \\\"z\\\"\",\n    \"n\": [\n      1,\n      2\n    ]\n  }\n}"
	for name, c := range map[string]struct {
		edit func(m *misfit)
		want signature.Finding
	}{
		"as it should be":      {func(*misfit) {}, signature.Finding{}},
		"only body":            {func(m *misfit) { m.scheme = "dari-body" }, signature.Finding{Scheme: "dari-body"}},
		"with id":              {func(m *misfit) { m.scheme = "dari-id" }, signature.Finding{Scheme: "dari-id"}},
		"prefix stripped":      {func(m *misfit) { m.key = strings.TrimPrefix(hidden, "whsec_") }, signature.Finding{KeyForm: signature.KeyUnprefixed}},
		"key decoded":          {func(m *misfit) { m.key = string(decoded) }, signature.Finding{KeyForm: signature.KeyDecoded}},
		"key hex-decoded":      {func(m *misfit) { m.known, m.key = "whsec_0102", "\x01\x02" }, signature.Finding{KeyForm: signature.KeyDecodedHex}},
		"key URL-decoded":      {func(m *misfit) { m.known, m.key = "whsec_-_8", "\xfb\xff" }, signature.Finding{KeyForm: signature.KeyDecodedURL}},
		"key with prefix":      {func(m *misfit) { m.known, m.key = "bare", "whsec_bare" }, signature.Finding{KeyForm: signature.KeyPrefixed}},
		"key with newline":     {func(m *misfit) { m.key = hidden + "\n" }, signature.Finding{KeyForm: signature.KeyNewline}},
		"key with CR LF":       {func(m *misfit) { m.key = hidden + "\r\n" }, signature.Finding{KeyForm: signature.KeyWindowsReturn}},
		"bare key and newline": {func(m *misfit) { m.key = strings.TrimPrefix(hidden, "whsec_") + "\n" }, signature.Finding{KeyForm: signature.KeyUnprefixedNL}},
		"upper-case hex": {func(m *misfit) { m.respell = func(b []byte) string { return fmt.Sprintf("%X", b) } },
			signature.Finding{Encoding: signature.EncodingUpperHex}},
		"base64": {func(m *misfit) { m.respell = base64.StdEncoding.EncodeToString }, signature.Finding{Encoding: signature.EncodingBase64}},
		"base64url": {func(m *misfit) {
			m.respell, m.signed, m.sent = base64.URLEncoding.EncodeToString, "{}", "{}"
		}, signature.Finding{Encoding: signature.EncodingURLBase64}},
		"raw base64": {func(m *misfit) { m.respell = base64.RawStdEncoding.EncodeToString }, signature.Finding{Encoding: signature.EncodingRawBase64}},
		"no tag":     {func(m *misfit) { m.tag = "" }, signature.Finding{Tag: "-"}},
		"other tag":  {func(m *misfit) { m.tag = "sha256=" }, signature.Finding{Tag: "sha256"}},
		"no tag's like": {func(m *misfit) {
			s := contract.Dari().Scheme
			m.tag = naive(t, s, m.key, m.stamp, "evt_1", []byte(m.signed)) + "="
		}, signature.Finding{Tag: "?"}},
		"blanks":      {func(m *misfit) { m.tag = "t=1767225600, v1=" }, signature.Finding{}},
		"ms":          {func(m *misfit) { m.stamp = "1767225600000" }, signature.Finding{TimestampForm: signature.TimestampMilliseconds}},
		"date":        {func(m *misfit) { m.stamp = "2026-01-01T00:00:00Z" }, signature.Finding{TimestampForm: signature.TimestampOther}},
		"newline":     {func(m *misfit) { m.sent = plain + "\n" }, signature.Finding{BodyChange: signature.BodyNewlineRemoved}},
		"CR LF":       {func(m *misfit) { m.sent = plain + "\r\n" }, signature.Finding{BodyChange: signature.BodyNewlineRemoved}},
		"no newline":  {func(m *misfit) { m.signed = plain + "\n" }, signature.Finding{BodyChange: signature.BodyNewlineAdded}},
		"mark added":  {func(m *misfit) { m.sent = "\uFEFF" + plain }, signature.Finding{BodyChange: signature.BodyBOMRemoved}},
		"mark lost":   {func(m *misfit) { m.signed = "\uFEFF" + plain }, signature.Finding{BodyChange: signature.BodyBOMAdded}},
		"blanks lost": {func(m *misfit) { m.signed = spaced }, signature.Finding{BodyChange: signature.BodySpaced}},
		"blanks got":  {func(m *misfit) { m.sent = spaced }, signature.Finding{BodyChange: signature.BodyCompact}},
		"indent got":  {func(m *misfit) { m.sent = indented }, signature.Finding{BodyChange: signature.BodyCompact}},
		"indent lost": {func(m *misfit) { m.signed = indented }, signature.Finding{BodyChange: signature.BodyIndented}},
		"LF to CR LF": {func(m *misfit) { m.signed, m.sent = "a\nb", "a\r\nb" }, signature.Finding{BodyChange: signature.BodyLF}},
		"CR LF to LF": {func(m *misfit) { m.signed, m.sent = "a\r\nb", "a\nb" }, signature.Finding{BodyChange: signature.BodyCRLF}},
		"sorted": {func(m *misfit) { m.signed, m.sent = `{"a":1.50,"b":"<ü>"}`, `{"b":"<ü>","a":1.50}` },
			signature.Finding{BodyChange: signature.BodySorted}},
		"escapes got":  {func(m *misfit) { m.signed, m.sent = `{"b":"ü🙂","a":1}`, `{"b":"\u00fc\ud83d\ude42","a":1}` }, signature.Finding{BodyChange: signature.BodyUnescaped}},
		"escapes lost": {func(m *misfit) { m.signed, m.sent = `{"a":"\u00fc\ud83d\ude42"}`, `{"a":"ü🙂"}` }, signature.Finding{BodyChange: signature.BodyEscaped}},
		"escapes and blanks got": {func(m *misfit) { m.signed, m.sent = `{"b":"ü","a":1}`, `{"b": "\u00fc", "a": 1}` },
			signature.Finding{BodyChange: signature.BodyCompactPlain}},
		"escapes and blanks lost": {func(m *misfit) { m.signed, m.sent = `{"a": "\u00fc", "b": 1}`, `{"a":"ü","b":1}` },
			signature.Finding{BodyChange: signature.BodySpacedEscaped}},
		"what is no escape stays": {func(m *misfit) {
			m.signed, m.sent = `{"a":"\\u00fc \ud83d \n \u0041 ü"}`, `{"a":"\\u00fc \ud83d \n \u0041 \u00fc"}`
		},
			signature.Finding{BodyChange: signature.BodyUnescaped}},
		"key and body": {func(m *misfit) { m.key, m.sent = string(decoded), plain+"\n" },
			signature.Finding{KeyForm: signature.KeyDecoded, BodyChange: signature.BodyNewlineRemoved}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := misfit{scheme: "dari-timestamp-header", known: hidden, key: hidden, stamp: "1767225600", signed: plain, respell: hex.EncodeToString, tag: "v1="}
			c.edit(&m)
			if m.sent == "" {
				m.sent = plain
			}
			now := time.Unix(1767225600+90, 0)
			findings := signature.Explain(contract.Dari().Schemes(), secrets(t, "whsec_b3RoZXI=", m.known), m.request(t), []byte(m.sent), now)
			if len(findings) == 0 {
				t.Fatal("no finding")
			}
			got := findings[0]
			want := expected(c.want)
			if got.Scheme != want.Scheme || got.Secret != 1 || got.KeyForm != want.KeyForm || got.Encoding != want.Encoding ||
				got.Tag != want.Tag || got.BodyChange != want.BodyChange || got.TimestampForm != want.TimestampForm {
				t.Errorf("found %+v, want %+v", got, want)
			}
			if got.TimestampForm != signature.TimestampOther && got.Age != 90*time.Second {
				t.Errorf("age %s, want 90s", got.Age)
			}
			if plainly := got.KeyForm == signature.KeyWhole && got.Encoding == signature.EncodingHex && got.Tag == "v1" &&
				got.BodyChange == signature.BodyUnchanged && got.TimestampForm == signature.TimestampSeconds; got.Plain() != plainly {
				t.Errorf("plain is %v for %+v", got.Plain(), got)
			}
			if len(findings) > 1 && findings[1].Scheme == got.Scheme {
				t.Errorf("one match is found twice: %v and %v", got, findings[1])
			}
			saysNothingSecret(t, findings, m)
		})
	}
}

// expected fills in what a finding is when the request is as it should be.
func expected(f signature.Finding) signature.Finding {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&f.Scheme, "dari")
	set((*string)(&f.KeyForm), string(signature.KeyWhole))
	set((*string)(&f.Encoding), string(signature.EncodingHex))
	set((*string)(&f.BodyChange), string(signature.BodyUnchanged))
	set((*string)(&f.TimestampForm), string(signature.TimestampSeconds))
	set(&f.Tag, "v1")
	if f.Tag == "-" {
		f.Tag = ""
	}
	return f
}

// saysNothingSecret looks for secrets and signatures in findings.
func saysNothingSecret(t *testing.T, findings []signature.Finding, m misfit) {
	t.Helper()
	asJSON, err := json.Marshal(findings)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s %v %+v %#v", asJSON, findings, findings, findings)
	s, _ := contract.Dari().SchemeFor(m.scheme)
	for _, hiddenText := range []string{m.known, strings.TrimPrefix(m.known, "whsec_"), m.key, naive(t, s, m.key, m.stamp, "evt_1", []byte(m.signed))} {
		if strings.Contains(text, hiddenText) {
			t.Errorf("%q is in %s", hiddenText, text)
		}
	}
}

func TestExplainSaysItInOneLine(t *testing.T) {
	t.Parallel()
	m := misfit{scheme: "dari-body", key: strings.TrimPrefix(hidden, "whsec_"), stamp: "1767225600", signed: "{}", respell: hex.EncodeToString, tag: "v1="}
	known := secrets(t, hidden)
	for offset, want := range map[int64]string{
		0:  "matches scheme dari-body under secret 1, if the key is the secret without its prefix",
		90: "matches scheme dari-body under secret 1, if the key is the secret without its prefix; signed 1m30s ago",
		-5: "matches scheme dari-body under secret 1, if the key is the secret without its prefix; dated 5s ahead",
	} {
		findings := signature.Explain(contract.Dari().Schemes(), known, m.request(t), []byte(m.signed), time.Unix(1767225600+offset, 0))
		if len(findings) == 0 || findings[0].String() != want {
			t.Errorf("findings %v, want %q first", findings, want)
		}
	}
}

// TestExplainNeighbors explains requests of other platforms to a receiver that expects Dari's.
func TestExplainNeighbors(t *testing.T) {
	t.Parallel()
	for _, s := range neighbors() {
		m := signature.Message{ID: "evt_1", Time: time.Unix(1767225600, 0), Body: []byte("{}")}
		h := headerOf(sign(t, s, m, hidden))
		findings := signature.Explain(append(contract.Dari().Schemes(), neighbors()...), secrets(t, hidden), h, m.Body, m.Time)
		if len(findings) != 1 || findings[0].Scheme != s.Name || !findings[0].Plain() {
			t.Errorf("%s: findings %v", s.Name, findings)
		}
	}
}

func TestExplainFindsNothingInForgeries(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		if v.Name != "other-secret" && v.Name != "zeros" && v.Name != "body-cut" {
			continue
		}
		if got := signature.Explain(contract.Dari().Schemes(), secrets(t, v.Secrets...), headersOf(v), v.Request.Body, v.Now); len(got) != 0 {
			t.Errorf("%s: findings %v", v.Name, got)
		}
	}
}

// TestExplainAgreesWithVerify holds the tolerant reading against the strict one.
func TestExplainAgreesWithVerify(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		findings := signature.Explain([]contract.Scheme{v.Scheme}, secrets(t, v.Secrets...), headersOf(v), v.Request.Body, v.Now)
		plain := len(findings) > 0 && findings[0].Plain()
		if v.Expect.Verdict == fixtures.Accept && (!plain || findings[0].Secret != *v.Expect.Secret) {
			t.Errorf("%s: accepted, and the findings are %v", v.Name, findings)
		}
		if plain && !v.Expect.Matches && v.Expect.Code != contract.CodeSignatureMalformed && v.Expect.Code != contract.CodeSignatureAmbiguous {
			t.Errorf("%s: findings %v, although no signature matches", v.Name, findings)
		}
	}
}

// TestExplainIsBounded gives it all that it looks at, many times over.
func TestExplainIsBounded(t *testing.T) {
	t.Parallel()
	var h = http.Header{}
	for i := range 100 {
		h.Add(contract.HeaderSignature, strings.Repeat("v1="+strings.Repeat("0", 64)+",", 60))
		h.Add(contract.HeaderTimestamp, strconv.Itoa(i))
	}
	var schemes []contract.Scheme
	for range 100 {
		schemes = append(schemes, contract.Dari().Schemes()...)
	}
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = "whsec_" + strconv.Itoa(i)
	}
	body := []byte(strings.Repeat("[", 9000) + strings.Repeat("1,", 500_000) + "1" + strings.Repeat("]", 9000))
	start := time.Now()
	if got := signature.Explain(schemes, secrets(t, texts...), h, body, time.Unix(0, 0)); len(got) != 0 {
		t.Errorf("findings %v", got)
	}
	// A second of work at a slow 100 MB/s; an unbounded one takes minutes.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
