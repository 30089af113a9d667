package signature

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// MinURLSecretBits is the least strength of a secret that stands in a URL: what cannot be searched online nor offline.
const MinURLSecretBits = 128

// The reasons for which a secret cannot stand in a URL.
var (
	// ErrURLSecretForm refuses characters that a URL may hold in several spellings.
	ErrURLSecretForm = errors.New("a secret in a URL is made of letters, digits and - . _ ~")
	// ErrURLSecretShort refuses a secret that would have less than [MinURLSecretBits] even if its characters were random.
	ErrURLSecretShort = fmt.Errorf("a secret in a URL needs %d bits: 32 hexadecimal digits, or 22 letters of both cases and digits", MinURLSecretBits)
)

// URLSecrets are the secrets of which an endpoint's URL holds one, for platforms that sign nothing. It is safe for concurrent
// use.
type URLSecrets struct{ sums [][sha256.Size]byte }

// NewURLSecrets checks a set of secrets. Errors: [ErrNoSecret], [ErrTooManySecrets], [ErrEmptySecret], [ErrURLSecretForm]
// and [ErrURLSecretShort], wrapped.
func NewURLSecrets(secrets []Secret) (*URLSecrets, error) {
	switch {
	case len(secrets) == 0:
		return nil, ErrNoSecret
	case len(secrets) > MaxSecrets:
		return nil, ErrTooManySecrets
	}
	u := new(URLSecrets)
	for i, secret := range secrets {
		if err := secret.checkURL(); err != nil {
			return nil, fmt.Errorf("reading secret %d of %d: %w", i+1, len(secrets), err)
		}
		u.sums = append(u.sums, sha256.Sum256([]byte(secret.reveal())))
	}
	return u, nil
}

// Match reports whether the text is one of the secrets, and which. Every secret is compared in full, by its hash, so that the
// time tells neither what they begin with nor how long they are.
func (u *URLSecrets) Match(text string) (secret int, ok bool) {
	sum := sha256.Sum256([]byte(text))
	var matched int
	for i, known := range slices.Backward(u.sums) {
		hit := subtle.ConstantTimeCompare(sum[:], known[:])
		secret = subtle.ConstantTimeSelect(hit, i, secret)
		matched |= hit
	}
	return secret, matched == 1
}

// The characters of RFC 3986 section 2.3 by kind.
const (
	decimalDigits = "0123456789"
	hexLetters    = "abcdef"
	otherLetters  = "ghijklmnopqrstuvwxyz"
	urlMarks      = "-._~"
)

// checkURL refuses a secret that does not belong into a URL.
func (s Secret) checkURL() error {
	text := s.reveal()
	if text == "" {
		return ErrEmptySecret
	}
	alphabet, rest := 0, text
	for _, kind := range []string{decimalDigits, hexLetters, otherLetters, strings.ToUpper(hexLetters), strings.ToUpper(otherLetters), urlMarks} {
		if kept := strings.Map(func(r rune) rune {
			if strings.ContainsRune(kind, r) {
				return -1
			}
			return r
		}, rest); kept != rest {
			alphabet, rest = alphabet+len(kind), kept
		}
	}
	switch {
	case rest != "":
		return ErrURLSecretForm
	case float64(len(text))*math.Log2(float64(alphabet)) < MinURLSecretBits:
		return ErrURLSecretShort
	}
	return nil
}
