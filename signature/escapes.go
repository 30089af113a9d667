package signature

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// firstBeyondASCII is the first character that some writers of JSON escape and others do not.
const firstBeyondASCII = utf8.RuneSelf

// escapedJSON returns valid JSON with the characters beyond ASCII escaped, as Python and PHP write it.
func escapedJSON(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for len(body) > 0 {
		r, size := utf8.DecodeRune(body)
		switch {
		case r < firstBeyondASCII, r == utf8.RuneError && size == 1:
			out = append(out, body[:size]...)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		body = body[size:]
	}
	return out
}

// unescapedJSON returns valid JSON with the escaped characters beyond ASCII written out, as JavaScript and Go write it.
func unescapedJSON(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for len(body) > 0 {
		if body[0] != '\\' {
			out, body = append(out, body[0]), body[1:]
			continue
		}
		r, size := escapedRune(body)
		if r < firstBeyondASCII || utf16.IsSurrogate(r) {
			out = append(out, body[:size]...)
		} else {
			out = utf8.AppendRune(out, r)
		}
		body = body[size:]
	}
	return out
}

// escapedRune reads the escape that valid JSON begins with, a pair of surrogates as one, and returns its length. What is no
// escaped code point is 0, two bytes long.
func escapedRune(body []byte) (r rune, size int) {
	if r, size = codeUnit(body); !utf16.IsSurrogate(r) {
		return r, size
	}
	low, more := codeUnit(body[size:])
	if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
		return pair, size + more
	}
	return r, size
}

// codeUnit reads one escaped code unit, such as \u00fc.
func codeUnit(body []byte) (r rune, size int) {
	const length = len(`\u0000`)
	if len(body) < length || body[0] != '\\' || body[1] != 'u' {
		return 0, min(2, len(body))
	}
	n, err := strconv.ParseUint(string(body[2:length]), 16, 16)
	if err != nil {
		return 0, 2
	}
	return rune(n), length
}
