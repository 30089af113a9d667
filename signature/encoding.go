package signature

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/darihook/darihook/contract"
)

// strictBase64 refuses the second spellings that padding bits allow.
var strictBase64 = base64.StdEncoding.Strict()

// decode reads a signature that fills dst, and reports whether the text is the one spelling that the encoding has for it.
func decode(dst []byte, text string, e contract.Encoding) bool {
	if e == contract.Base64 {
		return decodeBase64(dst, text)
	}
	return decodeHex(dst, text)
}

// decodeHex reads lower-case hexadecimal.
func decodeHex(dst []byte, text string) bool {
	if len(text) != hex.EncodedLen(len(dst)) {
		return false
	}
	for i := range dst {
		high, ok1 := hexDigit(text[2*i])
		low, ok2 := hexDigit(text[2*i+1])
		if !ok1 || !ok2 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

// hexDigit returns the value of a lower-case hexadecimal digit.
func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// decodeBase64 reads standard base64 with padding.
func decodeBase64(dst []byte, text string) bool {
	// The array keeps the text off the heap; it has room for the longest signature.
	var source [(maxSize + 2) / 3 * 4]byte
	var target [maxSize + 2]byte
	if len(text) != base64.StdEncoding.EncodedLen(len(dst)) {
		return false
	}
	// The decoder skips line breaks; what is shorter for that reason is refused by its length.
	n, err := strictBase64.Decode(target[:], source[:copy(source[:], text)])
	return err == nil && n == len(dst) && copy(dst, target[:n]) == n
}

// encode writes a signature.
func encode(sum []byte, e contract.Encoding) string {
	if e == contract.Base64 {
		return base64.StdEncoding.EncodeToString(sum)
	}
	return hex.EncodeToString(sum)
}
