// Package excerpt makes what somebody else has written fit for an error or a line of a log: short, on one line, and
// without what would move a terminal's cursor. Libraries put whole header lines of a peer into their errors.
package excerpt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Max is the longest excerpt in bytes, without the mark of a cut.
const Max = 300

// cutMark ends an excerpt of a longer text.
const cutMark = "…"

// Of returns a text's first Max bytes at most, fit for a line.
func Of(text string) string {
	line := Line(text[:min(len(text), Max)]) // which may have grown: a byte that is no rune is replaced by three
	if len(text) <= Max && len(line) <= Max {
		return line
	}
	end := min(len(line), Max)
	for end < len(line) && !utf8.RuneStart(line[end]) {
		end--
	}
	return line[:end] + cutMark
}

// Line replaces what is not printable in a text.
func Line(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
}

// Error returns an error whose text is an excerpt of another's, and which is the same to errors.Is and errors.As. It is nil
// where the other is.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return short{err}
}

type short struct{ error }

func (s short) Error() string { return Of(s.error.Error()) }
func (s short) Unwrap() error { return s.error }
