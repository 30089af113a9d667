package capture

import (
	"strings"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// split divides a command into words. Variables are unset and commands are not run: both are errors.
func split(text string) ([]string, error) {
	returns := placeholder(text)
	// A line that is continued is, in whatever way it ends.
	text = strings.ReplaceAll(text, "\\\r\n", "\\\n")
	text = strings.ReplaceAll(text, "\r\n", returns+"\n")
	var words []*syntax.Word
	for w, err := range syntax.NewParser().WordsSeq(strings.NewReader(text)) {
		if err != nil {
			return nil, err
		}
		restore(w.Parts, returns)
		words = append(words, w)
	}
	return expand.Fields(&expand.Config{Env: expand.ListEnviron(), NoUnset: true}, words...)
}

// placeholder returns a character for private use that a text does not have. It stands for carriage returns, which the
// parser takes out ahead of line feeds, even where they are quoted and thus belong to a body.
func placeholder(text string) string {
	r := '\uE000'
	for strings.ContainsRune(text, r) {
		r++
	}
	return string(r)
}

// restore puts quoted carriage returns back and takes the others out.
func restore(parts []syntax.WordPart, returns string) {
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			part.Value = strings.ReplaceAll(part.Value, returns, "")
		case *syntax.SglQuoted:
			part.Value = strings.ReplaceAll(part.Value, returns, "\r")
		case *syntax.DblQuoted:
			for _, quoted := range part.Parts {
				if text, ok := quoted.(*syntax.Lit); ok {
					text.Value = strings.ReplaceAll(text.Value, returns, "\r")
				}
			}
		}
	}
}
