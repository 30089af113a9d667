package contract

// Algorithm is how a signature is computed.
type Algorithm string

// The algorithms.
const (
	// HMACSHA256 is HMAC (RFC 2104) with SHA-256; its values are 32 bytes.
	HMACSHA256 Algorithm = "hmac-sha256"
	// Ed25519 is EdDSA over Curve25519 (RFC 8032 section 5.1); its values are 64 bytes. The receiver's secret is the
	// public key, the sender's is the private one.
	Ed25519 Algorithm = "ed25519"
)

// Size returns the length of a signature in bytes, or 0 for an unknown algorithm.
func (a Algorithm) Size() int {
	switch a {
	case HMACSHA256:
		return 32
	case Ed25519:
		return 64
	}
	return 0
}

// Encoding is how the signature's bytes are written in the header.
type Encoding string

// The encodings. Each has exactly one way to write given bytes; readers refuse the others.
const (
	// Hex is lower-case hexadecimal (RFC 4648 section 8).
	Hex Encoding = "hex"
	// Base64 is standard base64 with padding (RFC 4648 section 4).
	Base64 Encoding = "base64"
)

// Content is the template of the signed bytes. The names {id}, {timestamp} and {body} stand for the delivery's id and
// timestamp as they are written in the request and for its raw body; everything else stands for itself. Each name
// appears at most once, and {body} is the last thing in the template; only a scheme with UnsignedBody goes without it.
type Content string

// The templates that Dari's public record leaves possible.
const (
	ContentBody            Content = "{body}"
	ContentTimestampBody   Content = "{timestamp}.{body}"
	ContentIDTimestampBody Content = "{id}.{timestamp}.{body}"
)

// KeyForm is how the bytes of the key are had from the secret's text.
type KeyForm string

// The key forms.
const (
	// KeyWhole uses the whole text, prefix included, as it stands.
	KeyWhole KeyForm = "whole"
	// KeyBase64 removes the scheme's key prefix, where present, and decodes the rest as standard base64.
	KeyBase64 KeyForm = "base64"
)

// Scheme says how one kind of delivery is signed. All of it is data, so that schemes can be listed, compared, and tried
// one after the other.
type Scheme struct {
	// Name identifies the scheme in configuration, vectors and reports: "dari", "dari-body".
	Name string `json:"name"`
	// Algorithm of the signature.
	Algorithm Algorithm `json:"algorithm"`
	// Header that holds the signature.
	Header string `json:"header"`
	// Tag of the signature's version, such as "v1". Empty: the header holds one bare signature and nothing else.
	Tag string `json:"tag,omitempty"`
	// TagSeparator stands between a tag and its value.
	TagSeparator string `json:"tag_separator,omitempty"`
	// ItemSeparator stands between tagged values.
	ItemSeparator string `json:"item_separator,omitempty"`
	// Encoding of the signature.
	Encoding Encoding `json:"encoding"`
	// Content is the template of the signed bytes.
	Content Content `json:"content"`
	// UnsignedBody admits a template without {body}. The signature then vouches for nothing that the body says.
	UnsignedBody bool `json:"unsigned_body,omitempty"`
	// TimestampTag is the tag of the timestamp inside the signature header, such as "t". Empty: none.
	TimestampTag string `json:"timestamp_tag,omitempty"`
	// TimestampHeader is a header that holds the timestamp. Empty: none. Where a request carries the timestamp in
	// both places they must agree (clause TIME-006).
	TimestampHeader string `json:"timestamp_header,omitempty"`
	// TimestampField is a top-level RFC 3339 field of the body that dates the delivery where Content leaves the
	// timestamp unsigned (clause TIME-007). Empty: none.
	TimestampField string `json:"timestamp_field,omitempty"`
	// IDHeader is a header that holds the delivery's id. Empty: none.
	IDHeader string `json:"id_header,omitempty"`
	// KeyForm says how the key is had from the secret.
	KeyForm KeyForm `json:"key_form"`
	// KeyPrefix is what secrets begin with, such as "whsec_". Only KeyBase64 removes it.
	KeyPrefix string `json:"key_prefix,omitempty"`
	// SigningKeyPrefix is what the sender's secrets begin with where they are not the receiver's, as private keys are not:
	// "whsk_". Empty: sender and receiver share one secret.
	SigningKeyPrefix string `json:"signing_key_prefix,omitempty"`
}

// Signs reports whether the template has the named part: "id", "timestamp" or "body".
func (c Content) Signs(part string) bool {
	name := "{" + part + "}"
	for i := 0; i+len(name) <= len(c); i++ {
		if string(c[i:i+len(name)]) == name {
			return true
		}
	}
	return false
}

// Dated reports whether a request of this scheme carries a timestamp at all, signed or not.
func (s Scheme) Dated() bool {
	return s.TimestampTag != "" || s.TimestampHeader != "" || s.TimestampField != ""
}
