package signature

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/darihook/darihook/contract"
)

// EncodingVariant names a way in which a sender may have written a signature.
type EncodingVariant string

// The encoding variants.
const (
	EncodingHex       EncodingVariant = "lower-case hex"
	EncodingUpperHex  EncodingVariant = "hex with capitals"
	EncodingBase64    EncodingVariant = "base64"
	EncodingRawBase64 EncodingVariant = "base64 without padding"
	EncodingURLBase64 EncodingVariant = "base64url"
)

// ownEncoding returns the variant that a scheme itself asks for.
func ownEncoding(s contract.Scheme) EncodingVariant {
	if s.Encoding == contract.Base64 {
		return EncodingBase64
	}
	return EncodingHex
}

// candidate is a value read in one encoding.
type candidate struct {
	name EncodingVariant
	sum  []byte
}

// decodeVariants reads a value in every encoding that it may be in.
func decodeVariants(value string) []candidate {
	var found []candidate
	add := func(name EncodingVariant, sum []byte, err error) {
		if err == nil && (len(sum) == contract.HMACSHA256.Size() || len(sum) == contract.Ed25519.Size()) {
			found = append(found, candidate{name, sum})
		}
	}
	if len(value) > 2*maxSize {
		return nil
	}
	sum, err := hex.DecodeString(value)
	if strings.ToLower(value) == value {
		add(EncodingHex, sum, err)
	} else {
		add(EncodingUpperHex, sum, err)
	}
	sum, err = base64.StdEncoding.DecodeString(value)
	add(EncodingBase64, sum, err)
	sum, err = base64.RawStdEncoding.DecodeString(value)
	add(EncodingRawBase64, sum, err)
	sum, err = decodeURL(value)
	add(EncodingURLBase64, sum, err)
	return found
}
