package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/darihook/darihook/contract"
)

// keyOf returns the bytes of the key that a scheme makes from a secret.
func keyOf(s contract.Scheme, secret string) ([]byte, error) {
	if s.KeyForm != contract.KeyBase64 {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, s.KeyPrefix))
	if err != nil {
		return nil, fmt.Errorf("decoding the secret as base64 after %q: not base64", s.KeyPrefix)
	}
	return key, nil
}

// signedBytes fills the template of the signed bytes in.
func signedBytes(c contract.Content, id, timestamp string, body []byte) []byte {
	head, _, _ := strings.Cut(string(c), "{body}")
	head = strings.NewReplacer("{id}", id, "{timestamp}", timestamp).Replace(head)
	return append([]byte(head), body...)
}

// hmacSHA256 is RFC 2104 with SHA-256.
func hmacSHA256(key, content []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	return mac.Sum(nil)
}

// encode writes a signature as the scheme does.
func encode(s contract.Scheme, mac []byte) string {
	if s.Encoding == contract.Base64 {
		return base64.StdEncoding.EncodeToString(mac)
	}
	return hex.EncodeToString(mac)
}

// signature signs one delivery. The secret was checked when the session began.
func signature(s contract.Scheme, secret, id, timestamp string, body []byte) string {
	key, err := keyOf(s, secret)
	if err != nil {
		panic(outcome{verdict: Undetermined, reason: err.Error()})
	}
	return encode(s, hmacSHA256(key, signedBytes(s.Content, id, timestamp, body)))
}

// item writes one tagged value, or the bare value where the tag is empty.
func item(s contract.Scheme, tag, value string) string {
	if tag == "" {
		return value
	}
	return tag + s.TagSeparator + value
}

// headerOf writes a signature header: the timestamp where the scheme puts it there, then the signatures.
func headerOf(s contract.Scheme, timestamp string, signatures ...string) string {
	var items []string
	if s.TimestampTag != "" {
		items = append(items, item(s, s.TimestampTag, timestamp))
	}
	for _, sig := range signatures {
		items = append(items, item(s, s.Tag, sig))
	}
	return strings.Join(items, s.ItemSeparator)
}
