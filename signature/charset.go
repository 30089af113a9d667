package signature

import "strings"

// isDigit reports a decimal digit.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isVisible reports whether a text is made of visible ASCII characters (RFC 5234, VCHAR).
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isTag reports one or more letters, digits, underscores and hyphens.
func isTag(s string) bool {
	for i := range len(s) {
		if !isTagByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// isTagByte reports a character of a tag.
func isTagByte(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '-'
}

// isSeparator reports a single character that can stand in a header and in no tag.
func isSeparator(s string) bool {
	return len(s) == 1 && (s == " " || isVisible(s)) && !isTagByte(s[0])
}

// isToken reports a field name (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if !isTagByte(s[i]) && !strings.Contains("!#$%&'*+.^`|~", s[i:i+1]) {
			return false
		}
	}
	return s != ""
}

// canonicalName writes a field name as net/http and net/textproto do: capitals at its beginning and behind hyphens.
func canonicalName(name string) string {
	b := []byte(name)
	for i, c := range b {
		first := i == 0 || b[i-1] == '-'
		switch {
		case first && 'a' <= c && c <= 'z':
			b[i] = c - 0x20
		case !first && 'A' <= c && c <= 'Z':
			b[i] = c + 0x20
		}
	}
	return string(b)
}
