package signature

import (
	"fmt"
	"strings"
	"time"
)

// Finding is one reading under which a request's signature matches. It holds neither a secret nor a signature.
type Finding struct {
	// Scheme is the name of the scheme.
	Scheme string `json:"scheme"`
	// Secret is the index of the secret among those that [Explain] was given.
	Secret int `json:"secret"`
	// KeyForm says which bytes of the secret were the key.
	KeyForm KeyVariant `json:"key_form"`
	// Encoding is how the signature is written in the header.
	Encoding EncodingVariant `json:"encoding"`
	// Tag is the tag that the signature stands under; "" where it stands alone.
	Tag string `json:"tag,omitempty"`
	// BodyChange is what must be done to the body for the signature to match: what was done to it on its way, undone.
	BodyChange BodyChange `json:"body_change"`
	// Timestamp is the time that the request carries; zero where it carries none that can be read.
	Timestamp time.Time `json:"timestamp,omitzero"`
	// TimestampForm is how the timestamp is written.
	TimestampForm TimestampForm `json:"timestamp_form,omitempty"`
	// Age is how long before now the timestamp lies; negative in the future.
	Age time.Duration `json:"age_ns,omitzero"`

	plain bool
}

// Plain reports whether the signature matches just as the scheme has it: its key form, its encoding, its tag, a
// timestamp in seconds and the body as it came. Such a request passes the scheme unless its header or its timestamp breaks another rule.
func (f Finding) Plain() bool { return f.plain }

// sameBytes reports whether another finding comes from the same key and signed bytes: two changes can make one body.
func (f Finding) sameBytes(other Finding) bool {
	return f.Scheme == other.Scheme && f.Secret == other.Secret && f.KeyForm == other.KeyForm
}

// String describes the finding in one line, such as
//
//	matches scheme dari under secret 1, if the key is the secret without its prefix, base64-decoded
func (f Finding) String() string {
	text := fmt.Sprintf("matches scheme %s under secret %d", f.Scheme, f.Secret+1)
	if !f.plain {
		text += ", if " + strings.Join(f.conditions(), " and ")
	}
	switch {
	case f.Age > 0:
		text += fmt.Sprintf("; signed %s ago", f.Age.Round(time.Second))
	case f.Age < 0:
		text += fmt.Sprintf("; dated %s ahead", (-f.Age).Round(time.Second))
	}
	return text
}

// conditions spells out under what the signature matches.
func (f Finding) conditions() []string {
	conditions := []string{"the key is the " + string(f.KeyForm), "the signature is in " + string(f.Encoding)}
	if f.Tag == "" {
		conditions = append(conditions, "it stands without a tag")
	} else {
		conditions = append(conditions, "it stands under the tag "+f.Tag)
	}
	if f.TimestampForm == TimestampMilliseconds || f.TimestampForm == TimestampOther {
		conditions = append(conditions, "the timestamp is in "+string(f.TimestampForm))
	}
	if f.BodyChange != BodyUnchanged {
		conditions = append(conditions, "the body has "+string(f.BodyChange))
	}
	return conditions
}
