package faults

import (
	"strings"
	"time"
)

// Kind is one way in which a delivery goes wrong.
type Kind struct {
	// Name in snake_case, as [Fault.Kind] has it.
	Name string `json:"name"`
	// Summary says what the receiver sees, in one sentence.
	Summary string `json:"summary"`
	// Params are the parameters that it takes: duration, size, copies, scheme.
	Params []string `json:"params"`
	// Default is the value that stands for an absent parameter. Empty: it has to be given, or there is none.
	Default string `json:"default,omitempty"`

	needs    need                 // what a provider must have for it
	schedule func(*Timing, Fault) // changes the times of the attempt
	before   func(*Draft, Fault)  // changes what is signed, and with what
	after    func(*Draft, Fault)  // changes the signed request, and how it is sent
}

// Kinds returns every kind.
func Kinds() []Kind { return kinds }

// KindFor returns the kind of a name and reports whether it exists.
func KindFor(name string) (Kind, bool) {
	i, ok := index[name]
	if !ok {
		return Kind{}, false
	}
	return kinds[i], true
}

// index finds kinds by name.
var index = func() map[string]int {
	found := make(map[string]int, len(kinds))
	for i, k := range kinds {
		found[k.Name] = i
	}
	return found
}()

// The parameters' names.
var (
	none     = []string{}
	duration = []string{"duration"}
	copies   = []string{"copies"}
)

var kinds = []Kind{
	// The signature.
	{Name: "wrong_secret", needs: aScheme, Summary: "Signed with a secret that the receiver does not know.", Params: none,
		before: func(d *Draft, _ Fault) { d.Secrets = []string{d.Forged} }},
	{Name: "old_and_new_secret", needs: aScheme, Summary: "Signed twice, first with an unknown secret and then with the right one, as in a rotation.",
		Params: none, before: func(d *Draft, _ Fault) { d.Secrets = append([]string{d.Forged}, d.Secrets...) }},
	{Name: "no_signature", needs: aScheme, Summary: "Sent without the signature header.", Params: none,
		after: func(d *Draft, _ Fault) { d.drop(d.Scheme.Header) }},
	{Name: "two_signature_headers", needs: aScheme, Summary: "Sent with the signature header twice, the second time with a wrong value.", Params: none,
		after: func(d *Draft, _ Fault) { d.add(d.Scheme.Header, garble(d.value(d.Scheme.Header))) }},
	{Name: "two_timestamps", needs: aScheme, Summary: "Sent with two timestamps where one belongs.", Params: none,
		after: func(d *Draft, _ Fault) { doubleTimestamp(d) }},
	{Name: "unknown_version", needs: aScheme, Summary: "Signed rightly, but under a version tag that nobody knows.", Params: none,
		after: func(d *Draft, _ Fault) { renameVersion(d) }},
	{Name: "other_scheme", needs: schemes, Summary: "Signed by another of the provider's schemes.", Params: []string{"scheme"},
		before: func(d *Draft, f Fault) {
			if s, ok := d.Provider.SchemeFor(f.Scheme); ok {
				d.Scheme = s
			}
		}},

	// The time.
	{Name: "stale", needs: aScheme, Summary: "Signed rightly, with a timestamp in the past.", Params: duration, Default: "10m",
		before: func(d *Draft, f Fault) { d.Time = d.Time.Add(-f.duration(10 * time.Minute)) }},
	{Name: "future", needs: aScheme, Summary: "Signed rightly, with a timestamp in the future.", Params: duration, Default: "10m",
		before: func(d *Draft, f Fault) { d.Time = d.Time.Add(f.duration(10 * time.Minute)) }},

	// The body.
	{Name: "tampered_body", Summary: "The body is changed after it was signed.", Params: none,
		after: func(d *Draft, _ Fault) { d.Sent = withField(d.Sent, `"tampered":true`) }},
	{Name: "reserialized_body", Summary: "The body is parsed and written again after it was signed: the same JSON in other bytes.",
		Params: none, after: func(d *Draft, _ Fault) { d.Sent = rewritten(d.Sent) }},
	{Name: "oversized_body", Summary: "The body is larger than receivers accept, and signed rightly.", Params: []string{"size"}, Default: "6291456",
		before: func(d *Draft, f Fault) { d.Body = padded(d.Body, f.Size) }},
	{Name: "not_json", Summary: "The body is no JSON, and signed rightly.", Params: none,
		before: func(d *Draft, _ Fault) { d.Body = []byte("this is not JSON") }},
	{Name: "no_id", needs: anID, Summary: "The body has no id and neither do the headers; signed rightly.", Params: none,
		before: func(d *Draft, _ Fault) { withoutID(d) },
		after:  func(d *Draft, _ Fault) { d.drop(d.Scheme.IDHeader) }},
	{Name: "id_header_differs", needs: anIDHeader, Summary: "The id header differs from the id in the body.", Params: none,
		after: func(d *Draft, _ Fault) { d.edit(d.Scheme.IDHeader, func(id string) string { return id + "_other" }) }},
	{Name: "gzip", Summary: "The body is compressed, and the signature is over the compressed bytes.", Params: none,
		before: func(d *Draft, _ Fault) { compress(d) }},

	// The wire.
	{Name: "chunked", Summary: "The body is sent in chunks, without a Content-Length.", Params: none,
		after: func(d *Draft, _ Fault) { d.Wire.Chunked = true }},
	{Name: "slow_body", Summary: "The body trickles in over a real time.", Params: duration, Default: "2s",
		after: func(d *Draft, f Fault) { d.Wire.Slow = min(f.duration(2*time.Second), time.Minute) }},
	{Name: "truncated_body", Summary: "The connection is closed in the middle of the body.", Params: none,
		after: func(d *Draft, _ Fault) { d.Wire.Truncate = true }},
	{Name: "reset", Summary: "The connection is reset in the middle of the body.", Params: none,
		after: func(d *Draft, _ Fault) { d.Wire.Reset = true }},
	{Name: "expect_continue", Summary: "The request asks with Expect: 100-continue before it sends the body.", Params: none,
		after: func(d *Draft, _ Fault) { d.Wire.Continue = true; d.add("Expect", "100-continue") }},

	// The times of attempts.
	{Name: "duplicate_sequential", Summary: "The delivery is sent again as soon as the first copy is answered.", Params: copies, Default: "1",
		schedule: func(t *Timing, f Fault) { t.Sequential += max(f.Copies, 1) }},
	{Name: "duplicate_concurrent", Summary: "The delivery is sent several times at the same instant.", Params: copies, Default: "1",
		schedule: func(t *Timing, f Fault) { t.Concurrent += max(f.Copies, 1) }},
	{Name: "duplicate_after_success", Summary: "The delivery is sent again after the receiver has acknowledged it.", Params: copies, Default: "1",
		schedule: func(t *Timing, f Fault) { t.AfterSuccess += max(f.Copies, 1) }},
	{Name: "reorder", Summary: "The delivery is held back until a later one to the same endpoint was attempted, or until a time has passed on the platform's clock.",
		Params: duration, Default: "5s",
		schedule: func(t *Timing, f Fault) { t.Reorder = max(t.Reorder, f.duration(5*time.Second)) }},
	{Name: "delay", Summary: "The attempt happens later, on the platform's clock.", Params: duration, Default: "30s",
		schedule: func(t *Timing, f Fault) { t.Delay += f.duration(30 * time.Second) }},
}

// garble changes the last character of a signature, so that it keeps its form and never its value.
func garble(header string) string {
	if header == "" {
		return header
	}
	last := "0"
	if strings.HasSuffix(header, "0") {
		last = "1"
	}
	return header[:len(header)-1] + last
}

// doubleTimestamp repeats the timestamp with another value: inside the signature header where the scheme has it there,
// else as a second header.
func doubleTimestamp(d *Draft) {
	s := d.Scheme
	if s.TimestampTag == "" {
		if s.TimestampHeader != "" {
			d.add(s.TimestampHeader, "1"+d.value(s.TimestampHeader))
		}
		return
	}
	d.edit(s.Header, func(v string) string {
		first, _, _ := strings.Cut(v, s.ItemSeparator)
		return first + s.ItemSeparator + garble(first) + strings.TrimPrefix(v, first)
	})
}

// renameVersion writes a version that no receiver knows before each signature.
func renameVersion(d *Draft) {
	s := d.Scheme
	if s.Tag == "" {
		d.edit(s.Header, func(v string) string { return "v99=" + v })
		return
	}
	d.edit(s.Header, func(v string) string {
		items := strings.Split(v, s.ItemSeparator)
		for i, item := range items {
			if value, ok := strings.CutPrefix(item, s.Tag+s.TagSeparator); ok {
				items[i] = "v99" + s.TagSeparator + value
			}
		}
		return strings.Join(items, s.ItemSeparator)
	})
}
