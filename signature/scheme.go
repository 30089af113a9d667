package signature

import (
	"errors"
	"fmt"
	"strings"

	"github.com/darihook/darihook/contract"
)

// ErrScheme refuses a scheme that cannot be read or written without doubt; the text behind it names the field.
var ErrScheme = errors.New("unusable scheme")

// CheckScheme reports whether requests can be signed and verified by a scheme, and says what is in the way. It asks that
//
//   - algorithm, encoding and key form are known, and the headers are names (RFC 9110 section 5.1) that differ;
//   - separators are one visible character or blank each, differ, and can stand in no tag; the one between items stands
//     in no signature either;
//   - an Ed25519 key is in base64, and only an HMAC key can be text;
//   - a scheme with a timestamp tag has a signature tag to tell it from, and an item separator;
//   - the template names each part at most once, ends with the body unless the scheme says UnsignedBody, and every part
//     that it names has a header or a tag to come from;
//   - the template is unambiguous: two deliveries with different parts never give the same signed bytes. So {id} and
//     {timestamp} are each followed by a literal or the template's end, and the literal behind {timestamp} does not begin
//     with a digit.
//
// The error wraps [ErrScheme].
func CheckScheme(s contract.Scheme) error {
	_, err := compile(s)
	return err
}

// plan is a scheme made ready for use.
type plan struct {
	contract.Scheme
	// head is the template up to the body.
	head []segment
	// idStop is the byte that an id must not contain: the first of the literal that ends it.
	idStop byte
	// signsTimestamp and signsID tell which parts the template has.
	signsTimestamp, signsID, signsBody bool
	// The headers' canonical names, under which they are looked up.
	signatureName, timestampName, idName string
}

// compile checks a scheme and makes it ready.
func compile(s contract.Scheme) (*plan, error) {
	p := &plan{
		Scheme:         s,
		signsTimestamp: s.Content.Signs("timestamp"),
		signsID:        s.Content.Signs("id"),
		signsBody:      s.Content.Signs("body"),
		signatureName:  canonicalName(s.Header),
		timestampName:  canonicalName(s.TimestampHeader),
		idName:         canonicalName(s.IDHeader),
	}
	var err error
	if p.head, err = parseTemplate(s.Content, s.UnsignedBody); err == nil {
		p.idStop, err = checkTemplate(p.head, p.signsBody)
	}
	if err = errors.Join(checkForms(s), checkHeaders(p), checkGrammar(s), err, checkSources(p)); err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrScheme, s.Name, err)
	}
	return p, nil
}

// checkForms checks what the scheme picks from a list.
func checkForms(s contract.Scheme) error {
	switch {
	case s.Algorithm != contract.HMACSHA256 && s.Algorithm != contract.Ed25519:
		return fmt.Errorf("algorithm %q is unknown", s.Algorithm)
	case s.Encoding != contract.Hex && s.Encoding != contract.Base64:
		return fmt.Errorf("encoding %q is unknown", s.Encoding)
	case s.KeyForm != contract.KeyWhole && s.KeyForm != contract.KeyBase64:
		return fmt.Errorf("key form %q is unknown", s.KeyForm)
	case s.Algorithm == contract.Ed25519 && s.KeyForm != contract.KeyBase64:
		return errors.New("an Ed25519 key is in base64")
	}
	return nil
}

// checkHeaders checks the headers' names.
func checkHeaders(p *plan) error {
	seen := map[string]bool{}
	for _, name := range []string{p.signatureName, p.timestampName, p.idName} {
		if name == "" && name != p.signatureName {
			continue
		}
		if !isToken(name) {
			return fmt.Errorf("%q is not the name of a header", name)
		}
		if seen[name] {
			return fmt.Errorf("header %s is used twice", name)
		}
		seen[name] = true
	}
	return nil
}

// checkGrammar checks the tags and separators of the signature header.
func checkGrammar(s contract.Scheme) error {
	if s.Tag == "" {
		if s.TagSeparator != "" || s.ItemSeparator != "" || s.TimestampTag != "" {
			return errors.New("a header without a tag holds one bare signature: separators and a timestamp tag have no place in it")
		}
		return nil
	}
	switch {
	case !isTag(s.Tag) || s.TimestampTag != "" && !isTag(s.TimestampTag):
		return errors.New("a tag has other characters than letters, digits, _ and -")
	case s.TimestampTag == s.Tag:
		return fmt.Errorf("tag %q names both the signature and the timestamp", s.Tag)
	case s.TimestampTag != "" && s.ItemSeparator == "":
		return errors.New("a timestamp tag needs an item separator")
	case !isSeparator(s.TagSeparator):
		return fmt.Errorf("tag separator %q is not one character that no tag has", s.TagSeparator)
	case s.ItemSeparator != "" && !isSeparator(s.ItemSeparator):
		return fmt.Errorf("item separator %q is not one character that no tag has", s.ItemSeparator)
	case s.ItemSeparator == s.TagSeparator:
		return errors.New("the separators are the same")
	case s.Encoding == contract.Base64 && strings.Contains("+/=", s.ItemSeparator) && s.ItemSeparator != "":
		return fmt.Errorf("item separator %q can stand in a base64 value", s.ItemSeparator)
	}
	return nil
}

// checkSources checks that what is signed is also sent.
func checkSources(p *plan) error {
	switch {
	case p.signsID && p.IDHeader == "":
		return errors.New("the template signs an id that no header holds")
	case p.signsTimestamp && p.TimestampTag == "" && p.TimestampHeader == "":
		return errors.New("the template signs a timestamp that neither a tag nor a header holds")
	}
	return nil
}

// timed reports whether a request must carry a timestamp outside its body.
func (p *plan) timed() bool { return p.TimestampTag != "" || p.timestampName != "" }
