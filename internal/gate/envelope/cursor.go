package envelope

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/darihook/darihook/contract"
)

// cursor walks over a JSON text (RFC 8259) without recursion and without writing anything down but the open brackets.
type cursor struct {
	body []byte
	pos  int
	// nest holds one bit per open bracket: 1 for an object, 0 for an array.
	nest  [contract.MaxNesting / 64]uint64
	depth int
}

// fail names what is wrong and where.
func (c *cursor) fail(reason string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrInvalid, reason, c.pos)
}

// document reads the whole body: one object and nothing else but blanks.
func (c *cursor) document(s *Scanner, f *Fields) error {
	if !utf8.Valid(c.body) {
		return c.fail("invalid UTF-8")
	}
	c.blanks()
	if !c.next('{') {
		return c.fail("no JSON object")
	}
	if err := c.envelope(s, f); err != nil {
		return err
	}
	c.blanks()
	if c.pos != len(c.body) {
		return c.fail("something after the object")
	}
	return nil
}

// envelope reads the top-level object, whose names must all be different.
func (c *cursor) envelope(s *Scanner, f *Fields) error {
	var names nameSet
	return c.members(s.top, func(name []byte, t *target) error {
		if reason := names.add(name); reason != "" {
			return c.fail(reason)
		}
		switch {
		case t == nil:
			return c.value()
		case t.field == nil:
			return c.data(s, f)
		default:
			return c.text(t.rule, t.field(f))
		}
	})
}

// data reads the value of the object that has further fields: an object is searched for the fields below it, anything else passed over. Names
// that are not looked for may repeat there.
func (c *cursor) data(s *Scanner, f *Fields) error {
	if !c.peek('{') {
		return c.value()
	}
	c.next('{')
	var seen uint64
	return c.members(s.data, func(name []byte, t *target) error {
		if t == nil {
			return c.value()
		}
		bit := uint64(1) << indexOf(s.data, name)
		if seen&bit != 0 {
			return c.fail("a repeated name")
		}
		seen |= bit
		return c.text(t.rule, t.field(f))
	})
}

// members reads the rest of an object whose opening bracket has been read. For each member it calls visit with the
// cursor at the value; the target is nil for a name that is not looked for.
func (c *cursor) members(targets []target, visit func(name []byte, t *target) error) error {
	if err := c.open(true); err != nil {
		return err
	}
	c.blanks()
	if c.next('}') {
		c.depth--
		return nil
	}
	for {
		name, err := c.name()
		if err != nil {
			return err
		}
		t, err := c.match(targets, name)
		if err != nil {
			return err
		}
		if err := visit(name, t); err != nil {
			return err
		}
		c.blanks()
		if c.next('}') {
			c.depth--
			return nil
		}
		if !c.next(',') {
			return c.fail("no comma between members")
		}
		c.blanks()
	}
}

// name reads a member's name, unescaped, and the colon after it.
func (c *cursor) name() ([]byte, error) {
	raw, err := c.string()
	if err != nil {
		return nil, err
	}
	name, whole := unescape(raw)
	if !whole {
		return nil, c.fail("half a surrogate pair in a name")
	}
	if bytes.IndexByte(name, 0) >= 0 { // where some parsers end it
		return nil, c.fail("a NUL in a name")
	}
	c.blanks()
	if !c.next(':') {
		return nil, c.fail("no colon after a name")
	}
	c.blanks()
	return name, nil
}

// match finds the target of a name, and refuses a name that is one only for a parser that ignores case.
func (c *cursor) match(targets []target, name []byte) (*target, error) {
	for i := range targets {
		t := &targets[i]
		if string(name) == t.name {
			return t, nil
		}
		if bytes.EqualFold(name, t.folded) {
			return nil, c.fail("a name that parsers match differently")
		}
	}
	return nil, nil
}

// indexOf returns the place of a name that is among the targets.
func indexOf(targets []target, name []byte) int {
	for i := range targets {
		if targets[i].name == string(name) {
			return i
		}
	}
	return -1
}

// text reads a value into dst when it is a string that the rule lets pass, and passes over it otherwise.
func (c *cursor) text(r rule, dst *string) error {
	if !c.peek('"') {
		return c.value()
	}
	raw, err := c.string()
	if err != nil {
		return err
	}
	text, reason := r.read(raw)
	if reason != "" {
		return c.fail(reason)
	}
	*dst = text
	return nil
}

// open notes an opening bracket.
func (c *cursor) open(object bool) error {
	if c.depth == contract.MaxNesting {
		return c.fail("nested too deep")
	}
	word, bit := c.depth/64, uint64(1)<<(c.depth%64)
	if object {
		c.nest[word] |= bit
	} else {
		c.nest[word] &^= bit
	}
	c.depth++
	return nil
}

// inObject reports whether the innermost open bracket is an object's.
func (c *cursor) inObject() bool {
	i := c.depth - 1
	return c.nest[i/64]>>(i%64)&1 == 1
}

// blanks passes over white space.
func (c *cursor) blanks() {
	for c.pos < len(c.body) {
		switch c.body[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// peek reports whether b is the next byte.
func (c *cursor) peek(b byte) bool { return c.pos < len(c.body) && c.body[c.pos] == b }

// next passes over b when it is the next byte, and reports whether it was.
func (c *cursor) next(b byte) bool {
	if !c.peek(b) {
		return false
	}
	c.pos++
	return true
}
