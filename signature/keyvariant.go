package signature

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/darihook/darihook/contract"
)

// KeyVariant names the bytes of a secret that a sender may have taken as the key.
type KeyVariant string

// The key variants. A trailing newline that does not belong to a secret cannot occur here: [NewSecret] refuses it.
const (
	KeyWhole         KeyVariant = "whole secret"
	KeyUnprefixed    KeyVariant = "secret without its prefix"
	KeyDecoded       KeyVariant = "secret without its prefix, base64-decoded"
	KeyDecodedURL    KeyVariant = "secret without its prefix, base64url-decoded"
	KeyDecodedHex    KeyVariant = "secret without its prefix, hex-decoded"
	KeyPrefixed      KeyVariant = "secret with the prefix added"
	KeyNewline       KeyVariant = "whole secret with a newline added"
	KeyUnprefixedNL  KeyVariant = "secret without its prefix with a newline added"
	KeyWindowsReturn KeyVariant = "whole secret with CR LF added"
	KeyMended        KeyVariant = "secret without what stands around it"
	KeyListed        KeyVariant = "second of the secrets that a comma joins"
)

// keyForm is one way to a key. It reports false where the secret has no such form, or the same as another variant's.
type keyForm struct {
	name KeyVariant
	key  func(text, prefix string) ([]byte, bool)
}

// keyForms are the ways that are tried, the likeliest first.
var keyForms = []keyForm{
	{KeyWhole, func(text, _ string) ([]byte, bool) { return []byte(text), text != "" }},
	{KeyDecoded, unprefixed(base64.StdEncoding.DecodeString)},
	{KeyUnprefixed, func(text, prefix string) ([]byte, bool) {
		bare, cut := strings.CutPrefix(text, prefix)
		return []byte(bare), cut && bare != ""
	}},
	{KeyNewline, func(text, _ string) ([]byte, bool) { return []byte(text + "\n"), text != "" }},
	{KeyDecodedHex, unprefixed(hex.DecodeString)},
	{KeyDecodedURL, unprefixed(decodeURL)},
	{KeyPrefixed, func(text, prefix string) ([]byte, bool) {
		return []byte(prefix + text), text != "" && !strings.HasPrefix(text, prefix)
	}},
	{KeyUnprefixedNL, func(text, prefix string) ([]byte, bool) {
		bare, cut := strings.CutPrefix(text, prefix)
		return []byte(bare + "\n"), cut && bare != ""
	}},
	{KeyWindowsReturn, func(text, _ string) ([]byte, bool) { return []byte(text + "\r\n"), text != "" }},
	{KeyMended, inside(0)},
	{KeyListed, inside(1)},
}

// inside returns one of the secrets that a text seems to hold.
func inside(n int) func(text, prefix string) ([]byte, bool) {
	return func(text, _ string) ([]byte, bool) {
		m, meant := findMistake(text)
		if m == "" || n >= len(meant) {
			return nil, false
		}
		return []byte(meant[n]), true
	}
}

// unprefixed decodes what follows the prefix.
func unprefixed(decode func(string) ([]byte, error)) func(text, prefix string) ([]byte, bool) {
	return func(text, prefix string) ([]byte, bool) {
		key, err := decode(strings.TrimPrefix(text, prefix))
		return key, err == nil && len(key) > 0
	}
}

// decodeURL reads base64url, padded or not, that is not standard base64 as well.
func decodeURL(text string) ([]byte, error) {
	if !strings.ContainsAny(text, "-_") {
		return nil, nil
	}
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// ownKey returns the variant that a scheme itself asks for.
func ownKey(s contract.Scheme) KeyVariant {
	if s.KeyForm == contract.KeyBase64 {
		return KeyDecoded
	}
	return KeyWhole
}

// prefixOf returns the prefix that a scheme's secrets begin with.
func prefixOf(s contract.Scheme) string {
	if s.KeyPrefix == "" {
		return contract.SecretPrefix
	}
	return s.KeyPrefix
}
