package envelope

import "strconv"

const (
	// maxNumber is the longest number in bytes. Jackson reads no longer one, and Python no integer of more than 4300 digits.
	maxNumber = 1000
	// maxExponent is the most digits of an exponent. A Java BigDecimal holds no exponent beyond 32 bits.
	maxExponent = 9
	// surelyFinite is the longest number without an exponent that cannot reach the greatest float64, about 1.8e308.
	surelyFinite = 308
)

// number passes over a number in the one form that RFC 8259 section 6 allows. One that overflows a float64 is refused: it is
// Infinity to JavaScript, Python, PHP, Ruby and Java, and an error to Go, Rust and C++.
func (c *cursor) number() error {
	start := c.pos
	c.next('-')
	if !c.next('0') && !c.digits() {
		return c.fail("a number without digits")
	}
	if c.next('.') && !c.digits() {
		return c.fail("a number without digits after the point")
	}
	exponent := 0
	if c.next('e') || c.next('E') {
		if !c.next('+') {
			c.next('-')
		}
		before := c.pos
		if !c.digits() {
			return c.fail("a number without digits in the exponent")
		}
		exponent = c.pos - before
	}
	return c.readable(c.body[start:c.pos], exponent)
}

// readable refuses a well-formed number that some parser cannot read, given the number of digits in its exponent.
func (c *cursor) readable(number []byte, exponent int) error {
	if len(number) > maxNumber {
		return c.fail("a number of too many digits")
	}
	if exponent > maxExponent {
		return c.fail("an exponent of too many digits")
	}
	if exponent == 0 && len(number) <= surelyFinite {
		return nil
	}
	if _, err := strconv.ParseFloat(string(number), 64); err != nil { // it is well-formed: out of range
		return c.fail("a number beyond the range of a double")
	}
	return nil
}

// digits passes over decimal digits and reports whether there was one.
func (c *cursor) digits() bool {
	start := c.pos
	for c.pos < len(c.body) && isDigit(c.body[c.pos]) {
		c.pos++
	}
	return c.pos > start
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
