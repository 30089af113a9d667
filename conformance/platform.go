package conformance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/darihook/darihook/contract"
)

// neutralType is the event type of the suite's deliveries where the platform's contract lists none.
const neutralType = "conformance.event"

// types are the event types that the suite sends.
func (s *session) types() []string {
	if len(s.provider.Events) == 0 {
		return []string{neutralType}
	}
	var all []string
	for _, e := range s.provider.Events {
		all = append(all, e.Type)
	}
	return all
}

// workType is the event type whose processing has a visible effect.
func (s *session) workType() string {
	for _, e := range s.provider.Events {
		if e.Default {
			return e.Type
		}
	}
	return s.types()[0]
}

// otherType is an event type beside the usual one, where the provider has more than one.
func (s *session) otherType() string {
	for _, t := range s.types() {
		if t != s.workType() {
			return t
		}
	}
	return s.workType()
}

// callsBack reports whether a delivery asks its receiver for a request, by which the suite sees that it was processed.
func (s *session) callsBack() bool { return s.workType() == contract.ToolCallRequested }

// hasID reports whether deliveries carry an id that is signed, in the body or in a header.
func (s *session) hasID() bool {
	return s.provider.Envelope.ID != "" || s.scheme.IDHeader != "" && s.scheme.Content.Signs("id")
}

// knownAs is what a delivery is known by: its signed id, or the hash of its body where there is none.
func (s *session) knownAs(d *delivery) string {
	if s.hasID() {
		return d.id
	}
	sum := sha256.Sum256(d.body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// strictBody says whether each body must have the form of the provider's envelope.
func strictBody(s *session) skip {
	e := s.provider.Envelope
	return applies(e != contract.Envelope{} && !e.AnyBody, "deliveries of %s may have bodies of any form", s.provider.Title)
}

// strictID says whether each body must have an id.
func strictID(s *session) skip {
	if why := bodyID(s); why.cause != "" {
		return why
	}
	return strictBody(s)
}

// typed says whether deliveries name an event type.
func typed(s *session) skip {
	return applies(s.provider.Envelope.Type != "", "deliveries of %s name no event type in what is signed", s.provider.Title)
}

// idField is the name of the body's field by which a delivery is told from others, or of another one that it always has.
func (s *session) idField() string {
	path := cmp.Or(s.provider.Envelope.ID, s.provider.Envelope.Type, "data")
	return path[strings.LastIndexByte(path, '.')+1:]
}

// both joins two conditions of a spec; the first one that does not hold is told.
func both(first, second func(*session) skip) func(*session) skip {
	return func(s *session) skip {
		if why := first(s); why.cause != "" {
			return why
		}
		return second(s)
	}
}

// reads reports whether the scheme itself reads a header, so that it cannot be spoofed without changing the delivery.
func (s *session) reads(name string) bool {
	return name == s.scheme.IDHeader || name == s.scheme.TimestampHeader
}
