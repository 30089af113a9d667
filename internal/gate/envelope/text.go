package envelope

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/darihook/darihook/contract"
)

// string passes over a string and returns its raw text, without the quotes and with its escapes, which have been checked.
func (c *cursor) string() ([]byte, error) {
	if !c.next('"') {
		return nil, c.fail("no string")
	}
	start := c.pos
	for {
		c.pos += plain(c.body[c.pos:])
		if c.pos == len(c.body) {
			return nil, c.fail("the end inside a string")
		}
		switch c.body[c.pos] {
		case '"':
			c.pos++
			return c.body[start : c.pos-1], nil
		case '\\':
			if !c.escape() {
				return nil, c.fail("an unknown escape")
			}
		default:
			return nil, c.fail("a control character in a string")
		}
	}
}

// escape passes over one escape sequence and reports whether it is one.
func (c *cursor) escape() bool {
	rest := c.body[c.pos+1:]
	switch {
	case len(rest) == 0:
		return false
	case bytes.IndexByte([]byte(`"\/bfnrt`), rest[0]) >= 0:
		c.pos += 2
		return true
	case rest[0] == 'u' && unit(rest[1:]) >= 0:
		c.pos += 6
		return true
	default:
		return false
	}
}

// unit reads the four hexadecimal digits of a \u escape, or returns -1.
func unit(digits []byte) rune {
	if len(digits) < 4 {
		return -1
	}
	var r rune
	for _, d := range digits[:4] {
		switch {
		case isDigit(d):
			d -= '0'
		case 'a' <= d|0x20 && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(d)
	}
	return r
}

// Masks for looking at eight bytes at once.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns how many bytes at the beginning of b mean themselves inside a string: neither a quote nor a backslash nor
// a control character. It looks at eight bytes at a time, and at four times eight where nothing is special, as most of a
// body is the inside of strings.
func plain(b []byte) int {
	n := 0
	for ; len(b)-n >= 32; n += 32 {
		w := b[n : n+32 : n+32]
		if special(word(w))|special(word(w[8:]))|special(word(w[16:]))|special(word(w[24:])) != 0 {
			break
		}
	}
	for ; len(b)-n >= 8; n += 8 {
		if found := special(word(b[n:])); found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(b); n++ {
		if b[n] == '"' || b[n] == '\\' || b[n] < 0x20 {
			break
		}
	}
	return n
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// special has the high bit set of each byte of x that is special. A borrow can set it in a later byte by mistake, never in
// an earlier one, so that the lowest is right. A quote, with its lowest but one bit turned over, is the highest control
// character's successor, so that one subtraction finds it with all of these; no other byte changes sides by that.
func special(x uint64) uint64 {
	controlOrQuote, backslash := (x^ones*0x02)-ones*0x21, (x^ones*'\\')-ones
	return (controlOrQuote | backslash) &^ x & highs
}

// unescape returns what a string's checked raw text means, and whether all of it means something: half a surrogate pair
// does not. Text without escapes is returned as it stands.
func unescape(raw []byte) (text []byte, whole bool) {
	i := bytes.IndexByte(raw, '\\')
	if i < 0 {
		return raw, true
	}
	text = append(make([]byte, 0, len(raw)), raw[:i]...)
	for i < len(raw) {
		if raw[i] != '\\' {
			text = append(text, raw[i])
			i++
			continue
		}
		r, size := escaped(raw[i:])
		if size == 0 {
			return nil, false
		}
		text = utf8.AppendRune(text, r)
		i += size
	}
	return text, true
}

// escaped reads one checked escape sequence, two where they form a surrogate pair, and returns what it means and how long
// it is. Half a pair has length 0.
func escaped(raw []byte) (rune, int) {
	if raw[1] != 'u' {
		return simple(raw[1]), 2
	}
	r := unit(raw[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		if pair := utf16.DecodeRune(r, unit(raw[8:])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return 0, 0
}

// simple is what a backslash and one character mean.
func simple(b byte) rune {
	switch b {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return rune(b)
	}
}

// rule says which strings a field takes.
type rule struct {
	// limit is the longest value in bytes; a longer one is not looked at.
	limit int
	// strict refuses the body for a value that a header cannot carry; otherwise the value is not looked at.
	strict bool
}

var (
	ruleID      = rule{contract.MaxIDLength, true}
	ruleType    = rule{contract.MaxTypeLength, true}
	ruleTime    = rule{64, false}
	ruleSubject = rule{contract.MaxIDLength, false}
)

// longest is how many bytes of raw text one byte of meaning takes at most, as in \u0041.
const longest = 6

// read turns a string's raw text into a field's value, or tells the reason to refuse the body.
func (r rule) read(raw []byte) (value, reason string) {
	if len(raw) > r.limit*longest {
		return "", ""
	}
	text, whole := unescape(raw)
	switch {
	case !whole:
		reason = "half a surrogate pair in a field"
	case !carriable(text):
		reason = "a field that a header cannot carry"
	case len(text) > r.limit:
		return "", ""
	default:
		return string(text), ""
	}
	if !r.strict {
		reason = ""
	}
	return "", reason
}

// carriable reports whether a header field can hold the text and give it back unchanged (RFC 9110 section 5.5). Of the
// control characters those beyond ASCII could be carried, and some receivers end a line at them.
func carriable(text []byte) bool {
	for i, b := range text {
		beyond := b == 0xc2 && text[i+1] < 0xa0 // in UTF-8, which the body is
		if b < 0x20 || b == 0x7f || beyond {
			return false
		}
	}
	return len(text) == len(bytes.Trim(text, " \t"))
}
