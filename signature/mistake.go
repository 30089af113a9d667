package signature

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/darihook/darihook/contract"
)

// The reasons for which a text cannot be a secret, or was not copied as one.
var (
	// ErrSecretMark refuses a byte order mark, which an editor has put in front.
	ErrSecretMark = errors.New("the secret begins with a byte order mark: save the file as UTF-8 without one")
	// ErrSecretUTF16 refuses text in UTF-16, as PowerShell's > writes it.
	ErrSecretUTF16 = errors.New("the secret is not UTF-8 but UTF-16, it seems: save the file as UTF-8")
	// ErrSecretText refuses bytes that are no text.
	ErrSecretText = errors.New("the secret is not text in UTF-8")
	// ErrSecretInvisible refuses characters that nobody sees, such as a carriage return without a line feed.
	ErrSecretInvisible = errors.New("the secret holds a character that cannot be seen, such as a lone carriage return or a zero-width space")
	// ErrSecretMistake refuses a text with a secret inside and something around it. The error says what.
	ErrSecretMistake = errors.New("the secret is more than the secret")
)

// Mistake is what seems to have been copied along with a secret. It holds nothing of the secret.
type Mistake string

// The mistakes.
const (
	MistakeVersion  Mistake = "a version and a comma stand ahead of it (v1,)"
	MistakeComment  Mistake = "a comment stands behind it"
	MistakeName     Mistake = "a name stands ahead of it (NAME=value)"
	MistakeQuotes   Mistake = "it stands in quotes"
	MistakeEscape   Mistake = "an escaped end of line stands behind it (\\n)"
	MistakeList     Mistake = "it is several secrets, joined by commas"
	MistakeVariable Mistake = "it is a variable that nothing has replaced ($NAME)"
)

// mistakes are tried in this order, each again on what the one before it leaves.
var mistakes = []struct {
	name Mistake
	// meant returns the secrets inside, or none where the text does not have the mistake.
	meant func(text string) []string
}{
	{MistakeVersion, cutVersion},
	{MistakeComment, cutComment},
	{MistakeEscape, cutEscape},
	{MistakeName, cutName},
	{MistakeQuotes, cutQuotes},
	{MistakeList, cutList},
}

// checkText refuses what cannot be a secret, and a text whose inside begins as secrets do.
func checkText(text string) error {
	switch {
	case strings.HasPrefix(text, "\uFEFF"):
		return ErrSecretMark
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), strings.Contains(text, "\x00"):
		return ErrSecretUTF16
	case !utf8.ValidString(text):
		return ErrSecretText
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return ErrSecretInvisible
	}
	if m, inside := findMistake(text); m != "" && allPrefixed(inside) {
		return fmt.Errorf("%w: %s", ErrSecretMistake, m)
	}
	return nil
}

// Doubt returns what seems to have been copied along with the secret, for a program to warn of; "" where nothing does. It may
// all belong to the secret: where it cannot, [NewSecret] refuses it.
func (s Secret) Doubt() Mistake {
	text := s.reveal()
	if isVariable(text) {
		return MistakeVariable
	}
	m, _ := findMistake(text)
	return m
}

// findMistake returns the first mistake in a text, and the secrets inside once all of them are undone.
func findMistake(text string) (first Mistake, inside []string) {
	inside = []string{text}
	for _, m := range mistakes {
		if meant := m.meant(inside[0]); len(inside) == 1 && len(meant) > 0 {
			inside = meant
			if first == "" {
				first = m.name
			}
		}
	}
	return first, inside
}

// allPrefixed reports whether each text begins as the secrets of a platform do.
func allPrefixed(texts []string) bool {
	for _, text := range texts {
		if !prefixed(text) {
			return false
		}
	}
	return true
}

func prefixed(text string) bool { return prefixIn(text) != "" }

// prefixIn returns the prefix of a platform's secrets that a text begins with, or "".
func prefixIn(text string) string {
	for _, p := range contract.Providers() {
		for _, s := range p.Schemes() {
			for _, prefix := range []string{s.KeyPrefix, s.SigningKeyPrefix} {
				if prefix != "" && len(text) > len(prefix) && strings.HasPrefix(text, prefix) {
					return prefix
				}
			}
		}
	}
	return ""
}

func cutVersion(text string) []string {
	for _, version := range []string{"v1,", "v1a,"} {
		if rest, ok := strings.CutPrefix(text, version); ok && rest != "" {
			return []string{rest}
		}
	}
	return nil
}

func cutComment(text string) []string {
	at := strings.Index(text, " #")
	if at <= 0 {
		return nil
	}
	return []string{strings.TrimSpace(text[:at])}
}

// cutName cuts NAME= or "name: " off. An equals sign that pads base64 ends it, or has another one or a separator behind it.
func cutName(text string) []string {
	text = strings.TrimPrefix(text, "export ")
	at := strings.IndexAny(text, "=:")
	if at <= 0 || !isTag(text[:at]) || isDigit(text[0]) || prefixed(text[:at]) || text[at] == ':' && !strings.HasPrefix(text[at:], ": ") {
		return nil
	}
	rest := strings.TrimSpace(text[at+1:])
	if rest == "" || strings.ContainsAny(rest[:1], "=,;\\") {
		return nil
	}
	return []string{rest}
}

// quotes are the pairs of them.
const quotes = "\"\"''``“”‘’"

// cutQuotes takes quotes off both ends, and a single one off a secret that is known by its prefix.
func cutQuotes(text string) []string {
	first, size := utf8.DecodeRuneInString(text)
	last, lastSize := utf8.DecodeLastRuneInString(text)
	if len(text) > size+lastSize && strings.Contains(quotes, string([]rune{first, last})) {
		return []string{text[size : len(text)-lastSize]}
	}
	quote := func(r rune) bool { return strings.ContainsRune(quotes, r) }
	if bare := strings.TrimFunc(text, quote); bare != text && prefixed(bare) {
		return []string{bare}
	}
	return nil
}

func cutEscape(text string) []string {
	bare := strings.TrimSuffix(strings.TrimSuffix(text, `\n`), `\r`)
	if bare == text || bare == "" {
		return nil
	}
	return []string{bare}
}

// cutList separates what commas join.
func cutList(text string) (parts []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			return nil
		}
		parts = append(parts, part)
	}
	if len(parts) < 2 {
		return nil
	}
	return parts
}

// isVariable reports $NAME and ${NAME}.
func isVariable(text string) bool {
	name, ok := strings.CutPrefix(text, "$")
	if inner, braced := strings.CutPrefix(name, "{"); braced {
		name, ok = strings.CutSuffix(inner, "}")
	}
	return ok && isTag(name) && !isDigit(name[0])
}
