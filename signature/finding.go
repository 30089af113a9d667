package signature

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
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
	// Tag is the tag that the signature stands under; "" where it stands alone, and "?" where what stands there is not
	// the like of a tag.
	Tag string `json:"tag,omitempty"`
	// BodyChange is what must be done to the body for the signature to match: what was done to it on its way, undone.
	BodyChange BodyChange `json:"body_change"`
	// Timestamp is the time that the request carries; zero where it carries none that can be read.
	Timestamp time.Time `json:"timestamp,omitzero"`
	// TimestampForm is how the timestamp is written.
	TimestampForm TimestampForm `json:"timestamp_form,omitempty"`
	// Age is how long before now the timestamp lies; negative in the future.
	Age time.Duration `json:"age_ns,omitzero"`

	// departures says in what the finding departs from its scheme.
	departures string
}

// Plain reports whether the signature matches just as the scheme has it: its key form, its encoding, its tag, a
// timestamp in seconds and the body as it came. Such a request passes the scheme unless its header or its timestamp breaks another rule.
func (f Finding) Plain() bool { return f.departures == "" }

// sameBytes reports whether another finding comes from the same key and signed bytes: two changes can make one body.
func (f Finding) sameBytes(other Finding) bool {
	return f.Scheme == other.Scheme && f.Secret == other.Secret && f.KeyForm == other.KeyForm
}

// String describes the finding in one line, in which the secrets are counted from one, such as
//
//	matches scheme dari under secret 1, if the key is the secret without its prefix; signed 3s ago
func (f Finding) String() string {
	text := fmt.Sprintf("matches scheme %s under secret %d", f.Scheme, f.Secret+1)
	if !f.Plain() {
		text += ", if " + f.departures
	}
	switch {
	case f.Age > 0:
		text += fmt.Sprintf("; signed %s ago", f.Age.Round(time.Second))
	case f.Age < 0:
		text += fmt.Sprintf("; dated %s ahead", (-f.Age).Round(time.Second))
	}
	return text
}

// departuresFrom spells out what in the finding a scheme does not have.
func (f Finding) departuresFrom(s contract.Scheme) string {
	var departures []string
	add := func(departs bool, text string) {
		if departs {
			departures = append(departures, text)
		}
	}
	add(f.KeyForm != ownKey(s), "the key is the "+string(f.KeyForm))
	add(f.Encoding != ownEncoding(s), "the signature is written in "+string(f.Encoding))
	add(f.Tag != s.Tag && f.Tag != "", "the signature stands under the tag "+strconv.Quote(f.Tag))
	add(f.Tag != s.Tag && f.Tag == "", "the signature stands without its tag")
	add(f.TimestampForm != TimestampSeconds && f.TimestampForm != TimestampNone, "the timestamp is in "+string(f.TimestampForm))
	add(f.BodyChange != BodyUnchanged, "the body has "+string(f.BodyChange))
	return strings.Join(departures, " and ")
}
