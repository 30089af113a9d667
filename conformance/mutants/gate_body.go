package mutants

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/darihook/darihook/contract"
)

// envelope is what the gate reads of a body.
type envelope struct {
	id, kind, createdAt, session string
}

// parse reads the envelope of a body that every parser reads alike, and refuses any other (clauses ID-002, ID-004 and
// ID-005).
func (g *gate) parse(body []byte) (envelope, contract.Code) {
	if g.fault == trailingDataForwarded {
		body = firstValue(body)
	}
	if !json.Valid(body) || !utf8.Valid(body) && g.fault != invalidUTF8Forwarded {
		return envelope{}, contract.CodeBodyInvalid
	}
	if g.fault == listForwarded {
		body = bytes.Trim(bytes.TrimSpace(body), "[]")
	}
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(body, &fields) != nil || fields == nil || !g.isPlain(body) {
		return envelope{}, contract.CodeBodyInvalid
	}
	e := envelope{kind: text(fields["type"]), createdAt: text(fields["created_at"])}
	var data struct {
		SessionID string `json:"session_id"`
	}
	if json.Unmarshal(fields["data"], &data) == nil {
		e.session = data.SessionID
	}
	return g.identify(e, fields["id"], body)
}

// firstValue returns the first JSON value of a text, without what follows it.
func firstValue(body []byte) []byte {
	var value json.RawMessage
	if json.NewDecoder(bytes.NewReader(body)).Decode(&value) != nil {
		return body
	}
	return value
}

// text returns a JSON string's value, or nothing for any other value.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// identify finds the id, which is a string of 1 to 255 bytes.
func (g *gate) identify(e envelope, raw json.RawMessage, body []byte) (envelope, contract.Code) {
	e.id = text(raw)
	_, notNumber := strconv.ParseFloat(string(raw), 64)
	switch {
	case raw == nil && g.fault == missingIDForwarded:
		e.id = string(body)
	case string(raw) == `""` && g.fault == emptyIDForwarded:
		e.id = "empty"
	case notNumber == nil && g.fault == numberIDForwarded:
		e.id = string(raw)
	case len(e.id) > contract.MaxIDLength && g.fault == longIDForwarded:
	case e.id == "" || len(e.id) > contract.MaxIDLength:
		return e, contract.CodeIDMissing
	}
	return e, ""
}

// isPlain reports whether an object repeats no top-level name and does not nest deeper than parsers go.
func (g *gate) isPlain(body []byte) bool {
	names, tokens := map[string]bool{}, json.NewDecoder(bytes.NewReader(body))
	for depth, name := 0, false; ; {
		token, err := tokens.Token()
		if err != nil {
			return true // the end: the text was found valid before
		}
		delim, isDelim := token.(json.Delim)
		switch {
		case isDelim && (delim == '{' || delim == '['):
			depth++
		case isDelim:
			depth--
		case depth == 1 && name:
			if names[strings.ToLower(token.(string))] && g.fault != repeatedNameForwarded {
				return false
			}
			names[strings.ToLower(token.(string))] = true
		}
		if depth > contract.MaxNesting && g.fault != deepNestingForwarded {
			return false
		}
		// Names and values alternate in the top-level object, and one value is whatever comes back to its level.
		name = depth == 1 && !name
	}
}

// asEvent gives a faulty gate what it needs to compare the times of events.
func (a admission) asEvent() event {
	var ev event
	ev.Data.SessionID = a.session
	_ = ev.CreatedAt.UnmarshalText([]byte(a.createdAt)) // without a time it is as old as can be
	return ev
}
