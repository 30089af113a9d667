package conformance

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// wire is what a delivery's headers say.
type wire struct {
	// timestamps are those of the signature header and then that of the timestamp header.
	timestamps []string
	// signatures are the other values of the signature header by their tags.
	signatures map[string][]string
	id         string
}

// readWire takes a delivery's headers apart, leniently: it is for finding out what a sender does, not for trust.
func readWire(s contract.Scheme, h http.Header) wire {
	w := wire{signatures: map[string][]string{}}
	if s.IDHeader != "" {
		w.id = h.Get(s.IDHeader)
	}
	for _, part := range split(h.Get(s.Header), s.ItemSeparator) {
		tag, value := "", part
		if s.TagSeparator != "" {
			if t, v, found := strings.Cut(part, s.TagSeparator); found {
				tag, value = t, v
			}
		}
		if tag != "" && tag == s.TimestampTag {
			w.timestamps = append(w.timestamps, value)
		} else if value != "" {
			w.signatures[tag] = append(w.signatures[tag], value)
		}
	}
	if ts := h.Get(s.TimestampHeader); s.TimestampHeader != "" && ts != "" {
		w.timestamps = append(w.timestamps, ts)
	}
	return w
}

func split(text, separator string) []string {
	if separator == "" {
		return []string{text}
	}
	return strings.Split(text, separator)
}

// match is one way in which a signature is right.
type match struct {
	scheme    contract.Scheme
	encoding  string
	rewriting string
}

// identify finds out how a delivery is signed under a secret: by which of the provider's schemes, in which form, and
// over which writing of the body. The scheme of this run and the raw bytes are tried first.
func (p *probe) identify(a *arrival, secret string) (match, bool) {
	w := readWire(p.scheme, a.header)
	for _, values := range w.signatures {
		for _, value := range values {
			if m, ok := p.explain(a, w, value, secret); ok {
				return m, true
			}
		}
	}
	return match{}, false
}

// explain finds out how one signature came about.
func (p *probe) explain(a *arrival, w wire, value, secret string) (match, bool) {
	for _, body := range writings(a.body) {
		for _, s := range p.candidates() {
			key, err := keyOf(s, secret)
			if err != nil {
				continue
			}
			for _, ts := range append(w.timestamps, "") {
				mac := hmacSHA256(key, signedBytes(s.Content, w.id, ts, body.bytes))
				if form := formOf(value, mac); form != "" {
					return match{s, form, body.how}, true
				}
			}
		}
	}
	return match{}, false
}

// candidates are the schemes by which a signature may be made: that of this run, the provider's others, and that of this run
// over other bytes.
func (p *probe) candidates() []contract.Scheme {
	all := append([]contract.Scheme{p.scheme}, p.provider.Schemes()...)
	for _, content := range []contract.Content{contract.ContentBody, contract.ContentTimestampBody, contract.ContentIDTimestampBody} {
		other := p.scheme
		other.Content = content
		all = append(all, other)
	}
	return all
}

// formOf says how a signature is written, or nothing when it is another one.
func formOf(value string, mac []byte) string {
	switch plain := hex.EncodeToString(mac); {
	case value == plain:
		return "lower-case hexadecimal"
	case strings.EqualFold(value, plain):
		return "upper-case hexadecimal"
	case strings.TrimRight(value, "=") == base64.RawStdEncoding.EncodeToString(mac):
		return "base64"
	case strings.TrimRight(value, "=") == base64.RawURLEncoding.EncodeToString(mac):
		return "URL-safe base64"
	}
	return ""
}

// writing is one way to write a body's JSON.
type writing struct {
	how   string
	bytes []byte
}

// writings lists the ways in which senders write JSON again before they sign it, the raw bytes first.
func writings(body []byte) []writing {
	all := []writing{{"", body}}
	var compact, indented bytes.Buffer
	if json.Compact(&compact, body) != nil || json.Indent(&indented, body, "", "  ") != nil {
		return all
	}
	all = append(all, writing{"written without white space", compact.Bytes()}, writing{"written indented", indented.Bytes()})
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return all
	}
	escaped, err := json.Marshal(v)
	if err != nil {
		return all
	}
	sorted := marshal(v)
	return append(all, writing{"parsed and written with sorted names", sorted},
		writing{"parsed and written with sorted names and escapes", escaped},
		writing{"parsed and written with blanks after colons and commas", spaced(sorted)})
}

// spaced writes compact JSON with a blank after each colon and comma outside of texts, as Python does by default.
func spaced(compact []byte) []byte {
	var out []byte
	inText, escaped := false, false
	for _, c := range compact {
		out = append(out, c)
		switch {
		case escaped:
			escaped = false
		case inText && c == '\\':
			escaped = true
		case c == '"':
			inText = !inText
		case !inText && (c == ':' || c == ','):
			out = append(out, ' ')
		}
	}
	return out
}

// seconds reads a timestamp of plain decimal digits.
func seconds(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != text || n <= 0 {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// objectOf reads one JSON object and nothing after it.
func objectOf(body []byte) (map[string]any, bool) {
	var fields map[string]any
	return fields, json.Unmarshal(body, &fields) == nil && fields != nil
}

// lookUp finds the value that an envelope's path names.
func lookUp(fields map[string]any, path string) any {
	if outer, inner, nested := strings.Cut(path, "."); nested {
		object, _ := fields[outer].(map[string]any)
		return object[inner]
	}
	return fields[path]
}
