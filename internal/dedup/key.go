package dedup

import (
	"fmt"
	"strings"
)

// Validate reports how the key breaks the rules of [Key]; its errors wrap [ErrKey] and never contain the id. Every
// store calls it first in every method that takes a key.
func (k Key) Validate() error {
	switch {
	case k.Scope == "":
		return fmt.Errorf("%w: empty scope", ErrKey)
	case len(k.Scope) > MaxScopeLength:
		return fmt.Errorf("%w: scope of %d bytes, at most %d", ErrKey, len(k.Scope), MaxScopeLength)
	case strings.IndexByte(k.Scope, 0) >= 0:
		return fmt.Errorf("%w: NUL byte in scope", ErrKey)
	case k.ID == "":
		return fmt.Errorf("%w: empty id", ErrKey)
	case len(k.ID) > MaxIDLength:
		return fmt.Errorf("%w: id of %d bytes, at most %d", ErrKey, len(k.ID), MaxIDLength)
	}
	return nil
}

// Validate reports a status outside 200 to 999 with an error that wraps [ErrOutcome]. Every store calls it before it
// commits.
func (o Outcome) Validate() error {
	if o.Status < 200 || o.Status > 999 {
		return fmt.Errorf("%w: status %d", ErrOutcome, o.Status)
	}
	return nil
}
