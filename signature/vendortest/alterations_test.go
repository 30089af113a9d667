package vendortest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// request is what both sides judge.
type request struct {
	header http.Header
	body   []byte
}

// alteration is one way to change a right request. It returns false where there is no such thing.
type alteration struct {
	name   string
	change func(t *testing.T, v vendor, r *request) bool
}

// line changes the signature header.
func line(name string, change func(v vendor, line string) string) alteration {
	return alteration{name, func(_ *testing.T, v vendor, r *request) bool {
		before := r.header.Get(v.scheme.Header)
		after := change(v, before)
		r.header.Set(v.scheme.Header, after)
		return after != before
	}}
}

// field changes a header that the scheme may have.
func field(name string, of func(v vendor) string, change func(text string) []string) alteration {
	return alteration{name, func(_ *testing.T, v vendor, r *request) bool {
		header := of(v)
		if header == "" || !v.scheme.Content.Signs("id") && header == v.scheme.IDHeader {
			return false
		}
		r.header[http.CanonicalHeaderKey(header)] = change(r.header.Get(header))
		return true
	}}
}

// signedAt signs again at another time.
func signedAt(name string, offset time.Duration) alteration {
	return alteration{name, func(t *testing.T, v vendor, r *request) bool {
		r.header = v.signed(t, v.secret, "msg_1", time.Now().Add(offset), r.body)
		return v.scheme.Dated()
	}}
}

// spelt writes the timestamp in another way, wherever the scheme has it.
func spelt(name string, change func(seconds string) string) alteration {
	return alteration{name, func(_ *testing.T, v vendor, r *request) bool {
		s := v.scheme
		switch {
		case s.TimestampHeader != "":
			r.header.Set(s.TimestampHeader, change(r.header.Get(s.TimestampHeader)))
		case s.TimestampTag != "":
			head := s.TimestampTag + s.TagSeparator
			stamp, rest, _ := strings.Cut(strings.TrimPrefix(r.header.Get(s.Header), head), s.ItemSeparator)
			r.header.Set(s.Header, head+change(stamp)+s.ItemSeparator+rest)
		default:
			return false
		}
		return true
	}}
}

// value changes the signature and leaves its tag and what stands beside it.
func value(name string, change func(value string) string) alteration {
	return line(name, func(v vendor, line string) string {
		tag := v.scheme.Tag + v.scheme.TagSeparator
		if tag == "" {
			return change(line)
		}
		at := strings.LastIndex(line, tag) + len(tag)
		return line[:at] + change(line[at:])
	})
}

func timestampHeader(v vendor) string { return v.scheme.TimestampHeader }
func idHeader(v vendor) string        { return v.scheme.IDHeader }

// alterations are the ways to change a right request.
var alterations = []alteration{
	{"body: a byte changed", func(_ *testing.T, _ vendor, r *request) bool { r.body[2] ^= 1; return true }},
	{"body: a newline added", func(_ *testing.T, _ vendor, r *request) bool { r.body = append(r.body, '\n'); return true }},
	{"body: nothing left", func(_ *testing.T, _ vendor, r *request) bool { r.body = nil; return true }},
	{"body: a byte order mark added", func(_ *testing.T, _ vendor, r *request) bool {
		r.body = append([]byte("\uFEFF"), r.body...)
		return true
	}},
	{"body: U+FFFD replaced by a byte that is no UTF-8", func(t *testing.T, v vendor, r *request) bool {
		r.header = v.signed(t, v.secret, "msg_1", time.Now(), []byte("{\"a\":\"\uFFFD\"}"))
		r.body = []byte("{\"a\":\"\xff\"}")
		return true
	}},
	{"signed with another secret", func(t *testing.T, v vendor, r *request) bool {
		r.header = v.signed(t, v.other, "msg_1", time.Now(), r.body)
		return true
	}},
	signedAt("dated 10 minutes ago", -10*time.Minute),
	signedAt("dated 10 minutes ahead", 10*time.Minute),
	{"header: absent", func(_ *testing.T, v vendor, r *request) bool { r.header.Del(v.scheme.Header); return true }},
	line("header: empty", func(vendor, string) string { return "" }),
	line("header: the signature without its tag", func(v vendor, line string) string {
		return strings.ReplaceAll(line, v.scheme.Tag+v.scheme.TagSeparator, "")
	}),
	line("header: an unknown tag only", func(v vendor, line string) string {
		if v.scheme.Tag == "" {
			return line
		}
		return strings.ReplaceAll(line, v.scheme.Tag+v.scheme.TagSeparator, "v9"+v.scheme.TagSeparator)
	}),
	line("header: a wrong signature ahead of the right one", func(v vendor, line string) string {
		return withFirst(v, line, 1)
	}),
	line("header: 16 wrong signatures ahead of the right one", func(v vendor, line string) string {
		return withFirst(v, line, 16)
	}),
	line("header: a blank behind each separator", func(v vendor, line string) string {
		if v.scheme.ItemSeparator == "" {
			return line
		}
		return strings.ReplaceAll(line, v.scheme.ItemSeparator, v.scheme.ItemSeparator+" ")
	}),
	line("header: an item that has no tag", func(v vendor, line string) string {
		if v.scheme.ItemSeparator == "" {
			return line
		}
		return line + v.scheme.ItemSeparator + "junk"
	}),
	{"header: given twice, the right one first", func(_ *testing.T, v vendor, r *request) bool {
		r.header.Add(v.scheme.Header, "x")
		return true
	}},
	{"header: given twice, the right one last", func(_ *testing.T, v vendor, r *request) bool {
		r.header[http.CanonicalHeaderKey(v.scheme.Header)] = []string{"x", r.header.Get(v.scheme.Header)}
		return true
	}},
	value("signature: a character changed", func(s string) string { return otherThan(s[0]) + s[1:] }),
	value("signature: cut short", func(s string) string { return s[:len(s)-4] }),
	value("signature: empty", func(string) string { return "" }),
	value("signature: in capitals", strings.ToUpper),
	value("signature: without padding", func(s string) string { return strings.TrimRight(s, "=") }),
	spelt("timestamp: a second later", func(s string) string { return s[:len(s)-1] + string('0'+(s[len(s)-1]-'0'+1)%10) }),
	spelt("timestamp: a zero ahead", func(s string) string { return "0" + s }),
	spelt("timestamp: a plus ahead", func(s string) string { return "+" + s }),
	spelt("timestamp: in milliseconds", func(s string) string { return s + "000" }),
	spelt("timestamp: a word", func(string) string { return "now" }),
	spelt("timestamp: empty", func(string) string { return "" }),
	field("timestamp header: absent", timestampHeader, func(string) []string { return nil }),
	field("timestamp header: given twice", timestampHeader, func(s string) []string { return []string{s, "1"} }),
	field("id header: changed", idHeader, func(s string) []string { return []string{s + "0"} }),
	field("id header: absent", idHeader, func(string) []string { return nil }),
	field("id header: given twice", idHeader, func(s string) []string { return []string{s, "msg_2"} }),
	{"id header: with the separator in it", func(t *testing.T, v vendor, r *request) bool {
		if v.sign == nil || !v.scheme.Content.Signs("id") {
			return false
		}
		h, err := v.sign(t, "msg.1", time.Now(), r.body)
		if err != nil {
			t.Fatal(err)
		}
		r.header = h
		return true
	}},
}

// withFirst puts wrong signatures ahead of the right one, where the header has room for several.
func withFirst(v vendor, line string, n int) string {
	s := v.scheme
	if s.ItemSeparator == "" {
		return line
	}
	tag := s.Tag + s.TagSeparator
	at := strings.LastIndex(line, tag)
	wrong := tag + otherThan(line[at+len(tag)]) + line[at+len(tag)+1:] + s.ItemSeparator
	return line[:at] + strings.Repeat(wrong, n) + line[at:]
}

// otherThan returns another character, which stands in every encoding.
func otherThan(c byte) string {
	if c == '0' {
		return "1"
	}
	return "0"
}
