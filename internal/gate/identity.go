package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate/envelope"
	"github.com/darihook/darihook/signature"
)

// The causes of refusals around the envelope.
var (
	errNoID     = errors.New("the body has no id that is a string of 1 to 255 bytes")
	errOtherID  = errors.New("the id header is not the id in the body")
	errUndated  = errors.New("neither the headers nor the body date the delivery")
	errBodyTime = errors.New("the body's time is not in the form of RFC 3339")
)

// envelopeOf returns the places in the body that a gate looks at. Where the timestamp is not signed, the time of the
// scheme's own choice goes before the provider's (clause TIME-007).
func envelopeOf(o Options) envelope.Paths {
	paths := o.Provider.Envelope
	if field := o.Scheme.TimestampField; field != "" {
		paths.Time = field
	}
	if o.Scheme.Content.Signs("timestamp") {
		paths.Time = ""
	}
	return paths
}

// identify reads what a delivery is from its signed bytes, and from nothing else.
func (g *Gate) identify(sig *signature.Signature, h signature.Headers, body []byte, now time.Time) (Delivery, *refusal) {
	fields, no := g.scan(body)
	if no != nil {
		return Delivery{}, no
	}
	at, no := g.date(sig, fields.Time, now)
	if no != nil {
		return Delivery{}, no
	}
	id, no := g.idOf(sig, h, fields.ID, body)
	if no != nil {
		return Delivery{}, no
	}
	return Delivery{
		ID: id, Type: fields.Type, Time: at,
		Session: fields.Session, Batch: fields.Batch, Agent: fields.Agent,
	}, nil
}

// scan reads the envelope. A provider without one may send whatever it likes, and a body that is not signed says nothing.
func (g *Gate) scan(body []byte) (envelope.Fields, *refusal) {
	if g.opts.Provider.Envelope == (contract.Envelope{}) || g.opts.Scheme.UnsignedBody {
		return envelope.Fields{}, nil
	}
	fields, err := g.scanner.Scan(body)
	if err != nil && g.opts.Provider.Envelope.AnyBody {
		return envelope.Fields{}, nil
	}
	if err != nil {
		return envelope.Fields{}, refuse(contract.CodeBodyInvalid, err)
	}
	return fields, nil
}

// date returns when a delivery was made, as far as that is signed. Where its timestamp is not, the signed body's own time must
// be within the window as well (clause TIME-007), and counts alone.
func (g *Gate) date(sig *signature.Signature, inBody string, now time.Time) (time.Time, *refusal) {
	at, dated := sig.Timestamp()
	s := &g.opts.Scheme
	if s.Content.Signs("timestamp") {
		return at, nil
	}
	if inBody == "" {
		if !dated && s.Dated() {
			return time.Time{}, refuse(contract.CodeTimestampMissing, errUndated)
		}
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, inBody)
	if err != nil {
		return time.Time{}, refuse(contract.CodeTimestampMalformed, errBodyTime)
	}
	if err := g.opts.Window.Check(t, now); err != nil {
		no := *refusalOf(err)
		no.Clause, no.Err = "TIME-007", fmt.Errorf("the signed body's own time: %w", no.Err)
		return time.Time{}, &no
	}
	return t, nil
}

// idOf returns the id that a delivery is known by. An id header that is not signed may repeat it and cannot change it
// (clause ID-003).
func (g *Gate) idOf(sig *signature.Signature, h signature.Headers, inBody string, body []byte) (string, *refusal) {
	signed := sig.ID()
	if g.opts.Provider.Envelope.ID == "" {
		if signed != "" {
			return signed, nil
		}
		return hashOf(body), nil
	}
	switch {
	case inBody == "" && g.opts.Provider.Envelope.AnyBody:
		return hashOf(body), nil
	case inBody == "":
		return "", refuse(contract.CodeIDMissing, errNoID)
	}
	if name := g.opts.Scheme.IDHeader; name != "" {
		for _, id := range h.Values(name) {
			if id != inBody {
				return "", refuse(contract.CodeIDMismatch, errOtherID)
			}
		}
	}
	return inBody, nil
}

// hashOf returns the id of a delivery that has none: a hash of its parts.
func hashOf(parts ...[]byte) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = h.Write(part) // a hash.Hash never returns an error
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
