package signature

import (
	"crypto/ed25519"
	"crypto/subtle"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/darihook/darihook/contract"
)

// The reasons for which a secret is refused. None of them ever quotes the secret.
var (
	// ErrEmptySecret refuses a secret without any visible character: it would authenticate anybody (clause SIG-012).
	ErrEmptySecret = errors.New("the secret is empty")
	// ErrSecretSpace refuses white space at either end of a secret. It is nearly always a newline that came along from
	// a file, and it would make every signature differ.
	ErrSecretSpace = errors.New("the secret begins or ends with white space")
	// ErrSecretEncoding refuses a secret that is not base64 although the scheme's key form asks for it.
	ErrSecretEncoding = errors.New("the secret is not base64 behind its prefix, as the scheme asks")
	// ErrSecretKind refuses a private key where a public one belongs, and the reverse, or a key of another length.
	ErrSecretKind = errors.New("the secret is not a key of the kind that the scheme asks for: a receiver has the public key of 32 bytes, a sender the private one of 32 or 64")
)

// redacted is all that a secret ever prints.
const redacted = "[redacted]"

// Secret is the text of a signing secret. It does not compare with == and does not print: through fmt, log/slog, JSON,
// text encoders and reflecting loggers alike it shows "[redacted]" or an address. The zero Secret is empty and is
// refused wherever a secret is needed. (log/slog needs no method of its own: its handlers use those of text and JSON.)
type Secret struct {
	// A function holds the text, since reflection cannot look into one: even a struct that keeps a Secret in an
	// unexported field prints nothing of it. Functions do not compare either.
	text func() string
}

// NewSecret returns the secret of a text, which it takes as it stands: the prefix belongs to it, and nothing is
// trimmed. Errors: [ErrEmptySecret] where the text is empty or only white space, [ErrSecretSpace] where it begins or
// ends with white space; [ErrSecretMark], [ErrSecretUTF16], [ErrSecretText] and [ErrSecretInvisible] where it cannot be one, and
// [ErrSecretMistake] where it is a platform's secret with something around it. What only may be such a mistake is told by
// [Secret.Doubt].
func NewSecret(text string) (Secret, error) {
	switch trimmed := strings.TrimSpace(text); {
	case trimmed == "":
		return Secret{}, ErrEmptySecret
	case trimmed != text:
		return Secret{}, ErrSecretSpace
	}
	if err := checkText(text); err != nil {
		return Secret{}, err
	}
	return Secret{func() string { return text }}, nil
}

// Equal reports whether both secrets have the same text, in a time that depends on their lengths alone.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.reveal()), []byte(other.reveal())) == 1
}

// Short reports whether the secret is shorter than [contract.MinSecretLength], so that a program can warn of it.
func (s Secret) Short() bool { return len(s.reveal()) < contract.MinSecretLength }

// Shape returns the secret's length in bytes, and the prefix by which a platform's secrets are known, or "".
func (s Secret) Shape() (bytes int, prefix string) {
	return len(s.reveal()), prefixIn(s.reveal())
}

// reveal returns the text, or "" for the zero Secret.
func (s Secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// key returns the bytes by which a receiver verifies: the HMAC key, or the public key.
func (s Secret) key(scheme contract.Scheme) ([]byte, error) {
	if scheme.SigningKeyPrefix != "" && strings.HasPrefix(s.reveal(), scheme.SigningKeyPrefix) {
		return nil, ErrSecretKind
	}
	key, err := s.bytes(scheme, scheme.KeyPrefix)
	if err == nil && scheme.Algorithm == contract.Ed25519 && len(key) != ed25519.PublicKeySize {
		return nil, ErrSecretKind
	}
	return key, err
}

// signingKey returns the bytes by which a sender signs: the HMAC key, or the private key. A private key may be given as its
// seed alone (RFC 8032 section 5.1.5).
func (s Secret) signingKey(scheme contract.Scheme) ([]byte, error) {
	if scheme.Algorithm != contract.Ed25519 {
		return s.key(scheme)
	}
	if scheme.KeyPrefix != "" && strings.HasPrefix(s.reveal(), scheme.KeyPrefix) {
		return nil, ErrSecretKind
	}
	key, err := s.bytes(scheme, scheme.SigningKeyPrefix)
	if err != nil {
		return nil, err
	}
	switch len(key) {
	case ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(key), nil
	case ed25519.PrivateKeySize:
		// The second half repeats the public key. A wrong one would make signatures that give the private key away.
		if whole := ed25519.NewKeyFromSeed(key[:ed25519.SeedSize]); whole.Equal(ed25519.PrivateKey(key)) {
			return key, nil
		}
	}
	return nil, ErrSecretKind
}

// bytes returns the secret's text, or what it holds behind the prefix.
func (s Secret) bytes(scheme contract.Scheme, prefix string) ([]byte, error) {
	text := s.reveal()
	if text == "" {
		return nil, ErrEmptySecret
	}
	if scheme.KeyForm == contract.KeyWhole {
		return []byte(text), nil
	}
	// The decoder's own error would quote a byte of the secret.
	key, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(text, prefix))
	if err != nil {
		return nil, ErrSecretEncoding
	}
	if len(key) == 0 {
		return nil, ErrEmptySecret
	}
	return key, nil
}

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// Format prints "[redacted]" whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON returns "[redacted]" as a JSON string.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Interface guards
var (
	_ fmt.Stringer           = Secret{}
	_ fmt.GoStringer         = Secret{}
	_ fmt.Formatter          = Secret{}
	_ encoding.TextMarshaler = Secret{}
	_ json.Marshaler         = Secret{}
)
