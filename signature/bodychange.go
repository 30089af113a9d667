package signature

import (
	"bytes"
	"encoding/json"
	"iter"
)

// BodyChange names a change to the body.
type BodyChange string

// The body changes.
const (
	BodyUnchanged      BodyChange = "not changed"
	BodyNewlineAdded   BodyChange = "a newline added at its end"
	BodyNewlineRemoved BodyChange = "the newline at its end removed"
	BodyLF             BodyChange = "CR LF turned into LF"
	BodyCRLF           BodyChange = "LF turned into CR LF"
	BodyBOMRemoved     BodyChange = "its byte order mark removed"
	BodyBOMAdded       BodyChange = "a byte order mark added"
	BodyCompact        BodyChange = "its JSON written without white space"
	BodySpaced         BodyChange = "its JSON written with a blank behind each comma and colon"
	BodyIndented       BodyChange = "its JSON indented by two blanks"
	BodySorted         BodyChange = "its JSON parsed and written again with sorted names"
	BodyEscaped        BodyChange = "the characters beyond ASCII in its JSON escaped"
	BodySpacedEscaped  BodyChange = "its JSON written with a blank behind each comma and colon and the characters beyond ASCII escaped"
	BodyUnescaped      BodyChange = "the escaped characters beyond ASCII in its JSON written out"
	BodyCompactPlain   BodyChange = "its JSON written without white space and the escaped characters beyond ASCII written out"
)

// maxReserialized is the longest body in bytes whose JSON is written anew to see whether that was the fault.
const maxReserialized = 1 << 20

// maxIndented is the deepest nesting of a body that is indented to see whether that was the fault: deeper ones grow too much.
const maxIndented = 16

// bodyForm is one change to a body. It reports false where the change makes no difference.
type bodyForm struct {
	name   BodyChange
	change func(body []byte) (changed []byte, ok bool)
}

// byteOrderMark is U+FEFF in UTF-8.
var byteOrderMark = []byte("\uFEFF")

// bodyForms are the changes that are tried: none, and then the likeliest first.
var bodyForms = []bodyForm{
	{BodyUnchanged, func(body []byte) ([]byte, bool) { return body, true }},
	changing(BodyNewlineRemoved, func(body []byte) []byte {
		return bytes.TrimSuffix(bytes.TrimSuffix(body, []byte("\n")), []byte("\r"))
	}),
	changing(BodyNewlineAdded, func(body []byte) []byte { return append(bytes.Clone(body), '\n') }),
	rewriting(BodyCompact, compactJSON),
	rewriting(BodySpaced, spacedJSON),
	rewriting(BodyIndented, indentedJSON),
	rewriting(BodySorted, sortedJSON),
	rewriting(BodyEscaped, escapedJSON),
	rewriting(BodySpacedEscaped, func(body []byte) []byte { return escapedJSON(spacedJSON(body)) }),
	rewriting(BodyUnescaped, unescapedJSON),
	rewriting(BodyCompactPlain, func(body []byte) []byte { return unescapedJSON(compactJSON(body)) }),
	changing(BodyLF, toLF),
	changing(BodyCRLF, func(body []byte) []byte {
		return bytes.ReplaceAll(toLF(body), []byte("\n"), []byte("\r\n"))
	}),
	changing(BodyBOMRemoved, func(body []byte) []byte { return bytes.TrimPrefix(body, byteOrderMark) }),
	changing(BodyBOMAdded, func(body []byte) []byte { return append(bytes.Clone(byteOrderMark), body...) }),
}

// changing returns the form of a change to any body.
func changing(name BodyChange, change func([]byte) []byte) bodyForm {
	return bodyForm{name, func(body []byte) ([]byte, bool) {
		changed := change(body)
		return changed, !bytes.Equal(changed, body)
	}}
}

// rewriting returns the form of a change to JSON of a bounded length.
func rewriting(name BodyChange, change func([]byte) []byte) bodyForm {
	form := changing(name, change)
	return bodyForm{name, func(body []byte) ([]byte, bool) {
		if len(body) > maxReserialized || !json.Valid(body) {
			return nil, false
		}
		return form.change(body)
	}}
}

// toLF turns CR LF into LF.
func toLF(body []byte) []byte { return bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")) }

// compactJSON returns valid JSON without white space.
func compactJSON(body []byte) []byte {
	var out bytes.Buffer
	_ = json.Compact(&out, body) // valid
	return out.Bytes()
}

// indentedJSON returns valid JSON indented by two blanks, or as it was where it nests too deep.
func indentedJSON(body []byte) []byte {
	if nesting(body) > maxIndented {
		return body
	}
	var out bytes.Buffer
	_ = json.Indent(&out, body, "", "  ") // valid
	return out.Bytes()
}

// sortedJSON returns valid JSON parsed and written again, its numbers as they were.
func sortedJSON(body []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return body
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return body
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// spacedJSON returns valid JSON with one blank behind each comma and colon and no other white space.
func spacedJSON(body []byte) []byte {
	compact := compactJSON(body)
	out := make([]byte, 0, len(compact)+len(compact)/4)
	for i, c := range outsideStrings(compact) {
		out = append(out, compact[i])
		if c == ',' || c == ':' {
			out = append(out, ' ')
		}
	}
	return out
}

// nesting returns how deep valid JSON nests.
func nesting(body []byte) (deepest int) {
	var depth int
	for _, c := range outsideStrings(body) {
		switch c {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	}
	return deepest
}

// outsideStrings yields every index of valid JSON with the byte that stands there, or with 0 inside a string.
func outsideStrings(body []byte) iter.Seq2[int, byte] {
	return func(yield func(int, byte) bool) {
		inString, escaped := false, false
		for i, c := range body {
			outside := c
			switch {
			case inString:
				outside = 0
				inString = escaped || c != '"'
				escaped = !escaped && c == '\\'
			case c == '"':
				inString = true
			}
			if !yield(i, outside) {
				return
			}
		}
	}
}
