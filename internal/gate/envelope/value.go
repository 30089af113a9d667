package envelope

// value passes over one value of any kind, checking its grammar. Open brackets below the value are on the cursor's own
// stack, so that depth costs no recursion.
func (c *cursor) value() error {
	floor := c.depth
	for {
		opened, err := c.begin()
		if err != nil {
			return err
		}
		if opened {
			continue
		}
		if done, err := c.end(floor); done || err != nil {
			return err
		}
	}
}

// begin reads a scalar, or an opening bracket up to its first element, and reports whether an element comes next.
func (c *cursor) begin() (opened bool, err error) {
	switch {
	case c.next('{'):
		if err := c.open(true); err != nil {
			return false, err
		}
		return c.firstMember()
	case c.next('['):
		if err := c.open(false); err != nil {
			return false, err
		}
		c.blanks()
		return !c.peek(']'), nil
	default:
		return false, c.scalar()
	}
}

// firstMember reads the name of an object's first member, if it has one.
func (c *cursor) firstMember() (bool, error) {
	c.blanks()
	if c.peek('}') {
		return false, nil
	}
	return true, c.skipName()
}

// end reads what may follow a value: closing brackets, down to the floor, then a comma. It reports whether the value that
// began at the floor is complete; otherwise the cursor stands before the next element.
func (c *cursor) end(floor int) (done bool, err error) {
	for c.depth > floor {
		c.blanks()
		object := c.inObject()
		if c.next(closing(object)) {
			c.depth--
			continue
		}
		if !c.next(',') {
			return false, c.fail("no comma between elements")
		}
		c.blanks()
		if object {
			return false, c.skipName()
		}
		return false, nil
	}
	return true, nil
}

func closing(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}

// skipName passes over a name and its colon.
func (c *cursor) skipName() error {
	if _, err := c.string(); err != nil {
		return err
	}
	c.blanks()
	if !c.next(':') {
		return c.fail("no colon after a name")
	}
	c.blanks()
	return nil
}

// scalar passes over a string, a number or a literal name.
func (c *cursor) scalar() error {
	if c.pos == len(c.body) {
		return c.fail("the end inside a value")
	}
	switch b := c.body[c.pos]; {
	case b == '"':
		_, err := c.string()
		return err
	case b == '-' || isDigit(b):
		return c.number()
	case b == 't':
		return c.literal("true")
	case b == 'f':
		return c.literal("false")
	case b == 'n':
		return c.literal("null")
	default:
		return c.fail("no value")
	}
}

func (c *cursor) literal(name string) error {
	end := c.pos + len(name)
	if end > len(c.body) || string(c.body[c.pos:end]) != name {
		return c.fail("no value")
	}
	c.pos = end
	return nil
}
