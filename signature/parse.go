package signature

import (
	"cmp"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// maxSize is the length of the longest signature in bytes.
const maxSize = 64

// Headers are the fields of a request. [net/http.Header] is one.
type Headers interface {
	// Values returns the lines of a field, in order. The name comes in canonical form: Dari-Webhook-Signature.
	Values(name string) []string
}

// Signature is what the headers of one request say: the signatures, decoded, and the timestamp and the id that the
// scheme takes from them. A value that [Verifier.Parse] returned without an error is well-formed and proves nothing yet.
type Signature struct {
	values  [contract.MaxSignatures][maxSize]byte
	count   int
	seconds int64
	dated   bool
	id      string
}

// Timestamp returns the time that the request carries, in whole seconds, and reports whether the scheme puts one
// into the headers. It is authentic only where the scheme signs it and the signature has matched.
func (s *Signature) Timestamp() (t time.Time, ok bool) {
	if !s.dated {
		return time.Time{}, false
	}
	return time.Unix(s.seconds, 0).UTC(), true
}

// ID returns the id header where the scheme signs it, and "" elsewhere. It is authentic once the signature has matched.
func (s *Signature) ID() string { return s.id }

// Len returns the number of signatures of the scheme's tag, from 1 to [contract.MaxSignatures].
func (s *Signature) Len() int { return s.count }

// read fills the signature from a request's headers.
func (p *plan) read(s *Signature, h Headers) error {
	lines := h.Values(p.signatureName)
	switch {
	case len(lines) == 0:
		return errNoHeader
	case len(lines) > 1:
		return errTwoHeaders
	}
	tagged, hasTagged, err := p.readSignatures(s, lines[0])
	if err != nil {
		return err
	}
	if err := p.readTimestamp(s, h, tagged, hasTagged); err != nil {
		return err
	}
	return p.readID(s, h)
}

// readSignatures reads the signature header, and returns the timestamp that stands in it.
func (p *plan) readSignatures(s *Signature, line string) (stamp string, hasStamp bool, err error) {
	switch {
	case line == "":
		return "", false, errEmptyHeader
	case len(line) > contract.MaxSignatureHeader:
		return "", false, errTooLong
	case p.Tag == "":
		return "", false, p.addValue(s, line)
	}
	return p.readItems(s, line)
}

// readItems reads a list of tagged values to its end, so that which fault is reported does not depend on the order of
// the items: a list without a signature is missing, two timestamps are ambiguous, and only then is a fault of form one.
func (p *plan) readItems(s *Signature, line string) (stamp string, hasStamp bool, err error) {
	var stamps int
	var fault error
	for more := true; more; {
		var item string
		item, line, more = p.cutItem(line)
		tag, value, ok := p.cutTag(item)
		switch {
		case !ok:
			fault = cmp.Or(fault, error(errGrammar))
		case tag == p.Tag:
			fault = cmp.Or(fault, p.addValue(s, value))
		case tag == p.TimestampTag:
			stamp = value
			stamps++
		}
	}
	switch {
	case s.count == 0 && fault == nil:
		return "", false, errNoVersion
	case stamps > 1:
		return "", false, errTwoTimestamps
	case fault != nil:
		return "", false, fault
	}
	return stamp, stamps == 1, nil
}

// cutItem cuts the first item off a list.
func (p *plan) cutItem(line string) (item, rest string, more bool) {
	if p.ItemSeparator == "" {
		return line, "", false
	}
	return strings.Cut(line, p.ItemSeparator)
}

// cutTag splits an item at the first tag separator, and reports whether both sides have the characters that they may
// have. A value may contain the tag separator, since the padding of base64 is one.
func (p *plan) cutTag(item string) (tag, value string, ok bool) {
	tag, value, ok = strings.Cut(item, p.TagSeparator)
	return tag, value, ok && isTag(tag) && value != "" && isVisible(value)
}

// addValue decodes one signature.
func (p *plan) addValue(s *Signature, value string) error {
	if s.count == len(s.values) {
		return errTooMany
	}
	if !decode(s.values[s.count][:p.Algorithm.Size()], value, p.Encoding) {
		return errEncoding
	}
	s.count++
	return nil
}

// readTimestamp reads the timestamp from the places that the scheme has for it.
func (p *plan) readTimestamp(s *Signature, h Headers, tagged string, hasTagged bool) error {
	if !p.timed() {
		return nil
	}
	var lines []string
	if p.timestampName != "" {
		lines = h.Values(p.timestampName)
	}
	text := tagged
	switch {
	case len(lines) > 1:
		return errTwoTimestamps
	case len(lines) == 0 && !hasTagged:
		return errNoTimestamp
	case len(lines) == 1 && hasTagged && lines[0] != tagged:
		return errTimestampsVary
	case len(lines) == 1:
		text = lines[0]
	}
	if s.seconds, s.dated = parseSeconds(text); !s.dated {
		return errNotSeconds
	}
	return nil
}

// parseSeconds reads a whole number of seconds: 1 to [contract.MaxTimestampDigits] decimal digits, of which the first is
// 0 only in "0" (clause TIME-005).
func parseSeconds(text string) (seconds int64, ok bool) {
	if text == "" || len(text) > contract.MaxTimestampDigits || text[0] == '0' && len(text) > 1 {
		return 0, false
	}
	for i := range len(text) {
		if !isDigit(text[i]) {
			return 0, false
		}
		seconds = seconds*10 + int64(text[i]-'0')
	}
	return seconds, true
}

// readID reads the id header where the scheme signs it.
func (p *plan) readID(s *Signature, h Headers) error {
	if !p.signsID {
		return nil
	}
	lines := h.Values(p.idName)
	switch {
	case len(lines) == 0:
		return errNoID
	case len(lines) > 1:
		return errTwoIDs
	case !p.isID(lines[0]):
		return errBadID
	}
	s.id = lines[0]
	return nil
}

// isID reports an id that can be signed: 1 to [contract.MaxIDLength] visible characters, without the one that ends the
// id in the template.
func (p *plan) isID(text string) bool {
	return text != "" && len(text) <= contract.MaxIDLength && isVisible(text) &&
		(!p.signsID || p.idStop == 0 || strings.IndexByte(text, p.idStop) < 0)
}
