package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// customProvider is the provider whose contract the configuration gives itself.
const customProvider = "custom"

// The words that name a risk which a custom provider may accept.
const (
	// riskUnsignedTimestamp: nothing that is signed dates a delivery, so that a captured one passes again once it has been
	// forgotten.
	riskUnsignedTimestamp = "unsigned_timestamp"
	// riskUnsignedBody: whoever has captured a delivery may send it on with another body.
	riskUnsignedBody = "unsigned_body"
)

// Custom is the contract of a platform that is not built in. It is checked when the configuration is loaded; placeholders
// are not accepted.
type Custom struct {
	// Methods are the HTTP methods of deliveries. Default: POST.
	Methods []string `json:"methods,omitempty"`

	// Algorithm is hmac-sha256 or ed25519. Default: hmac-sha256.
	Algorithm string `json:"algorithm,omitempty"`

	// Header holds the signature. Required.
	Header string `json:"header,omitempty"`

	// Tag stands ahead of the signature in its header, such as v1. Default: none; the header is one bare signature.
	Tag string `json:"tag,omitempty"`

	// TagSeparator stands between a tag and its value. Default: none.
	TagSeparator string `json:"tag_separator,omitempty"`

	// ItemSeparator stands between tagged values. Default: none.
	ItemSeparator string `json:"item_separator,omitempty"`

	// Encoding of the signature: hex or base64. Default: hex.
	Encoding string `json:"encoding,omitempty"`

	// SignedContent is the template of the signed bytes, in which {id}, {timestamp} and {body} stand for the parts of the
	// delivery: {timestamp}.{body}. Required.
	SignedContent string `json:"signed_content,omitempty"`

	// TimestampTag is the tag of the timestamp in the signature header, in seconds since 1970. Default: none.
	TimestampTag string `json:"timestamp_tag,omitempty"`

	// TimestampHeader is a header that holds the timestamp, in seconds since 1970. Default: none.
	TimestampHeader string `json:"timestamp_header,omitempty"`

	// TimestampField is a field of the body that holds the timestamp, in the form of RFC 3339. Default: none.
	TimestampField string `json:"timestamp_field,omitempty"`

	// IDHeader is a header that holds the delivery's id. Unless the template has {id} it is compared with the id in the body
	// and counts for nothing by itself. Default: none.
	IDHeader string `json:"id_header,omitempty"`

	// IDField is the field of the body that holds the delivery's id. Default: none; the delivery is known by a hash of its
	// body.
	IDField string `json:"id_field,omitempty"`

	// EventField is the field of the body that holds the event type. Default: none.
	EventField string `json:"event_field,omitempty"`

	// KeyForm says how the key is had from the secret: whole, the text as it stands, or base64, what it holds in base64
	// behind KeyPrefix. Default: whole.
	KeyForm string `json:"key_form,omitempty"`

	// KeyPrefix is what secrets begin with. Default: nothing.
	KeyPrefix string `json:"key_prefix,omitempty"`

	// AcceptRisk names the risks that the operator takes: unsigned_timestamp, where nothing that is signed dates a
	// delivery, and unsigned_body, where the signature does not cover the body.
	AcceptRisk []string `json:"accept_risk,omitempty"`
}

// provider returns the contract. Errors: an unusable scheme, a risk that is not accepted, or one that is accepted and not
// there.
func (c *Custom) provider() (contract.Provider, error) {
	p := contract.Provider{
		Name: customProvider, Title: "Custom", Methods: c.Methods, Scheme: c.scheme(),
		// A platform that has no id in its bodies need not send JSON at all.
		Envelope: contract.Envelope{ID: c.IDField, Type: c.EventField, AnyBody: c.IDField == ""},
	}
	if len(p.Methods) == 0 {
		p.Methods = []string{"POST"}
	}
	if c.SignedContent == "" {
		return p, errors.New("provider custom: signed_content is missing")
	}
	if err := signature.CheckScheme(p.Scheme); err != nil {
		return p, fmt.Errorf("provider custom: %w", err)
	}
	for _, name := range []string{c.Header, c.TimestampHeader, c.IDHeader} {
		if isOurs(name) && !maySay(http.CanonicalHeaderKey(name)) {
			return p, fmt.Errorf("provider custom: %s: only a gate sets this header, and a sender's own is removed", name)
		}
	}
	return p, c.checkRisks(p.Scheme)
}

// scheme returns how deliveries are signed.
func (c *Custom) scheme() contract.Scheme {
	return contract.Scheme{
		Name:            customProvider,
		Algorithm:       contract.Algorithm(orDefault(c.Algorithm, string(contract.HMACSHA256))),
		Header:          c.Header,
		Tag:             c.Tag,
		TagSeparator:    c.TagSeparator,
		ItemSeparator:   c.ItemSeparator,
		Encoding:        contract.Encoding(orDefault(c.Encoding, string(contract.Hex))),
		Content:         contract.Content(c.SignedContent),
		UnsignedBody:    !contract.Content(c.SignedContent).Signs("body"),
		TimestampTag:    c.TimestampTag,
		TimestampHeader: c.TimestampHeader,
		TimestampField:  c.TimestampField,
		IDHeader:        c.IDHeader,
		KeyForm:         contract.KeyForm(orDefault(c.KeyForm, string(contract.KeyWhole))),
		KeyPrefix:       c.KeyPrefix,
	}
}

func orDefault(text, def string) string {
	if text == "" {
		return def
	}
	return text
}

// checkRisks holds the risks of a scheme against those that the operator takes.
func (c *Custom) checkRisks(s contract.Scheme) error {
	// A field of the body dates a delivery as well as a header does, where the body is signed and no header gets in first.
	datedByBody := s.TimestampField != "" && !s.UnsignedBody && s.TimestampTag == "" && s.TimestampHeader == ""
	risks := []struct {
		word string
		runs bool
		says string
	}{
		{riskUnsignedTimestamp, !s.Content.Signs("timestamp") && !datedByBody,
			"no timestamp is signed, so that a captured delivery passes again once it has been forgotten"},
		{riskUnsignedBody, s.UnsignedBody,
			"the body is not signed, so that a captured delivery passes with any other body"},
	}
	var words []string
	for _, risk := range risks {
		words = append(words, risk.word)
		switch taken := slices.Contains(c.AcceptRisk, risk.word); {
		case risk.runs && !taken:
			return fmt.Errorf("provider custom: %s: say accept_risk %s to take that risk", risk.says, risk.word)
		case taken && !risk.runs:
			return fmt.Errorf("provider custom: accept_risk %s: the scheme does not run this risk", risk.word)
		}
	}
	for _, word := range c.AcceptRisk {
		if !slices.Contains(words, word) {
			return fmt.Errorf("provider custom: accept_risk: unknown risk %q: want one of %s", word, strings.Join(words, ", "))
		}
	}
	if s.UnsignedBody && (!s.Content.Signs("id") || c.IDField != "" || s.TimestampField != "") {
		return errors.New("provider custom: where the body is not signed the template needs {id}, and nothing in the body can name or date the delivery")
	}
	return nil
}
