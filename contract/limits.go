package contract

import "time"

// The bounds that every part of the product shares.
const (
	// MaxSignatures is how many signatures of the scheme's version one header may carry (clause SIG-010). A rotation
	// needs two.
	MaxSignatures = 16
	// MaxSignatureHeader is the longest signature header in bytes (clause SIG-010): room for MaxSignatures base64
	// Ed25519 signatures and as many of versions that the receiver does not know.
	MaxSignatureHeader = 4096
	// MaxTimestampDigits is the most digits of a timestamp: enough for every second until the year 33658.
	MaxTimestampDigits = 12
	// MaxIDLength is the longest delivery id in bytes (clause ID-005).
	MaxIDLength = 255
	// MaxTypeLength is the longest event type in bytes that is looked at (clause ID-005).
	MaxTypeLength = 128
	// MaxNesting is how deep the body's JSON may nest (clause ID-004). Parsers stop by default at 64 (.NET), 100 (Ruby), 128
	// (serde), 512 (PHP), 1000 (Jackson) or 10,000 (Go): they refuse what is deeper, and none reads it differently.
	MaxNesting = 512
	// MaxBody is the default limit of a body in bytes (clause GATE-004).
	MaxBody = 5 << 20
	// MinSecretLength is the shortest secret in bytes that is accepted without a warning: RFC 2104 section 3 asks
	// for a key no shorter than the hash, and 16 bytes is the least that cannot be searched.
	MinSecretLength = 16
)

// The defaults of the freshness window.
const (
	// DefaultPast is how old a signed timestamp may be (clause TIME-008).
	DefaultPast = 5 * time.Minute
	// DefaultFuture is how far ahead of the receiver's clock a signed timestamp may be (clause TIME-003).
	DefaultFuture = 5 * time.Minute
)
