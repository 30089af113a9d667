// Package httpjson reads request bodies that must fit exactly, and writes answers and errors in the form
// {"detail": …} that the platform's API uses (clauses CFG-014, CFG-015, CFG-020).
package httpjson

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Problem is one fault of a request.
type Problem struct {
	// Loc is the place: "body", "query" or "path", then names and indexes.
	Loc []any `json:"loc"`
	// Msg says what is wrong.
	Msg string `json:"msg"`
	// Type names the kind of fault: missing, extra_forbidden, value_error, json_invalid.
	Type string `json:"type"`
}

// Problems are the faults of one request; as an error it is answered with 422.
type Problems []Problem

func (p Problems) Error() string {
	parts := make([]string, len(p))
	for i, one := range p {
		loc := make([]string, len(one.Loc))
		for j, step := range one.Loc {
			loc[j] = fmt.Sprint(step)
		}
		parts[i] = strings.Join(loc, ".") + ": " + one.Msg
	}
	return strings.Join(parts, "; ")
}

// Add notes a fault of the named kind at a place.
func (p *Problems) Add(kind, msg string, loc ...any) {
	*p = append(*p, Problem{Loc: loc, Msg: msg, Type: kind})
}

// Missing notes that a field is absent.
func (p *Problems) Missing(loc ...any) { p.Add("missing", "Field required", loc...) }

// Invalid notes a value that is not acceptable.
func (p *Problems) Invalid(msg string, loc ...any) { p.Add("value_error", msg, loc...) }

// Err returns the faults as an error, or nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// Invalid is a single fault of the kind value_error.
func Invalid(msg string, loc ...any) error {
	return Problems{{Loc: loc, Msg: msg, Type: "value_error"}}
}

// Unmarshal decodes one JSON value strictly: unknown names, repeated names, invalid UTF-8 and bytes after the value
// are faults. The error is a [Problems].
func Unmarshal(raw []byte, into any) error {
	err := json.Unmarshal(raw, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	return explain(err)
}

// explain turns a decoder's error into the fault that it is.
func explain(err error) Problems {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		loc := place(semantic.JSONPointer)
		if errors.Is(semantic.Err, json.ErrUnknownName) {
			return Problems{{loc, "Extra inputs are not permitted", "extra_forbidden"}}
		}
		return Problems{{loc, "Input should be a valid " + kindOf(semantic), "type_error"}}
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(syntactic.Err, jsontext.ErrDuplicateName) {
			return Problems{{place(syntactic.JSONPointer), "Name given twice", "json_invalid"}}
		}
		return Problems{{[]any{"body", syntactic.ByteOffset}, "JSON decode error", "json_invalid"}}
	}
	return Problems{{[]any{"body"}, "JSON decode error", "json_invalid"}}
}

// place turns a JSON Pointer into a Loc.
func place(p jsontext.Pointer) []any {
	loc := []any{"body"}
	for token := range p.Tokens() {
		loc = append(loc, token)
	}
	return loc
}

// kindOf names what a value should have been, in JSON's words.
func kindOf(e *json.SemanticError) string {
	if e.GoType == nil {
		return "value"
	}
	switch name := e.GoType.String(); {
	case strings.Contains(name, "string") && !strings.ContainsAny(name, "[m"):
		return "string"
	case strings.HasPrefix(name, "[]"):
		return "list"
	case strings.HasPrefix(name, "bool"), strings.HasPrefix(name, "*bool"):
		return "boolean"
	case strings.Contains(name, "int"):
		return "integer"
	case strings.Contains(name, "float"):
		return "number"
	default:
		return "object"
	}
}

// Error is an answer with a status and a sentence.
type Error struct {
	Status int
	Detail string
}

func (e *Error) Error() string { return e.Detail }

// Refuse returns an error that is answered with a status and a sentence.
func Refuse(status int, format string, args ...any) error {
	return &Error{status, fmt.Sprintf(format, args...)}
}

// NotFound says that a thing does not exist.
func NotFound(what string) error { return &Error{http.StatusNotFound, what + " not found"} }
