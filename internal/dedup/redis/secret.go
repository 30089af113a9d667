package redis

import (
	"fmt"
	"io"
)

// Secret is a password that prints as "[redacted]" in every form: %v, %+v, %#v, JSON, text.
type Secret struct{ value string }

// NewSecret returns the password. The empty string is no password.
func NewSecret(value string) Secret { return Secret{value} }

func (s Secret) isSet() bool { return s.value != "" }

const redacted = "[redacted]"

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// Format prints "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
