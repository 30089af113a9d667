// Package envelope reads the few fields of a signed JSON body that decide what a delivery is, in one pass and without
// building a tree.
//
// The fields decide which deliveries are copies of each other, so the reading must be the one that the receiver's parser
// will come to, whichever it is. What parsers read differently is refused instead (clause ID-004): a body that is not
// exactly one JSON object (RFC 8259), a byte order mark, invalid UTF-8, nesting beyond [contract.MaxNesting], a number that
// overflows a float64 or is longer than parsers read, more than [MaxNames] names at the top, a repeated name at the top, a name that differs only in case from one that is read here
// (some parsers match names in any case), a NUL in a name (where some parsers end it), and half a surrogate pair in a name
// or a value that is looked at.
//
// Two fields go on in HTTP headers, the id and the event type. Either is refused when it holds a control character or
// begins or ends with a blank, since a header could not carry it unchanged.
package envelope

import (
	"errors"
	"fmt"
	"strings"

	"github.com/darihook/darihook/contract"
)

// MaxNames is how many names the top-level object may have: far beyond any platform's, and few enough to compare.
const MaxNames = 1024

// ErrInvalid is the error of every body that is refused. What wraps it tells the reason and the offset, and nothing of
// the body.
var ErrInvalid = errors.New("body is not one JSON object that every parser reads alike")

// Fields is what a body says about its delivery. A field is empty when the body does not have it, when it is not a
// string, or when it is longer than what is looked at (clause ID-005).
type Fields struct {
	// ID is at most contract.MaxIDLength bytes, Type at most contract.MaxTypeLength.
	ID, Type string
	// Time is the text of the event's time as it stands in the body.
	Time string
	// Session, Batch and Agent are the ids of what the event is about. Any of them with a control character is empty.
	Session, Batch, Agent string
}

// Paths are the places of the fields: a top-level name each, or the name of an object at the top, a full stop and a name in
// it. There can be one such object. Empty: not looked for.
type Paths = contract.Envelope

// Scanner finds the fields of one provider's bodies. It is safe for concurrent use.
type Scanner struct {
	top, data []target
	// object is the name of the object that data is looked for in.
	object string
}

// target is one name to look for.
type target struct {
	name string
	// folded is the name as bytes, for comparing without regard to case.
	folded []byte
	// rule bounds and checks the value.
	rule rule
	// field chooses where the value goes. It is nil for the name whose object is searched for further names.
	field func(*Fields) *string
}

// Compile prepares a Scanner. Errors: a path of more than two names, paths into two objects, or two fields in one place.
func Compile(p Paths) (*Scanner, error) {
	s := new(Scanner)
	for _, f := range []struct {
		path  string
		rule  rule
		field func(*Fields) *string
	}{
		{p.ID, ruleID, func(f *Fields) *string { return &f.ID }},
		{p.Type, ruleType, func(f *Fields) *string { return &f.Type }},
		{p.Time, ruleTime, func(f *Fields) *string { return &f.Time }},
		{p.Session, ruleSubject, func(f *Fields) *string { return &f.Session }},
		{p.Batch, ruleSubject, func(f *Fields) *string { return &f.Batch }},
		{p.Agent, ruleSubject, func(f *Fields) *string { return &f.Agent }},
	} {
		if f.path == "" {
			continue
		}
		if err := s.add(f.path, target{rule: f.rule, field: f.field}); err != nil {
			return nil, err
		}
	}
	if len(s.data) > 0 {
		if err := s.add(s.object, target{}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// add files one path under the object that holds its last name.
func (s *Scanner) add(path string, t target) error {
	list, name := &s.top, path
	if object, below, nested := strings.Cut(path, "."); nested {
		list, name = &s.data, below
		if object == "" || s.object != "" && s.object != object {
			return fmt.Errorf("envelope path %q: want a name in one object, and there is %q already", path, s.object)
		}
		s.object = object
	}
	if name == "" || strings.Contains(name, ".") {
		return fmt.Errorf("envelope path %q: want a name, or a name, a full stop and a name", path)
	}
	for _, other := range *list {
		if other.name == name {
			return fmt.Errorf("envelope path %q: used for two fields", path)
		}
	}
	t.name, t.folded = name, []byte(name)
	*list = append(*list, t)
	return nil
}

// Scan reads the fields of a body. Errors wrap ErrInvalid. The fields do not alias the body.
func (s *Scanner) Scan(body []byte) (Fields, error) {
	var f Fields
	c := cursor{body: body}
	if err := c.document(s, &f); err != nil {
		return Fields{}, err
	}
	return f, nil
}
