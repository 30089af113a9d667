package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// stripVouching removes from a header or a trailer the fields by which only a gate vouches for a delivery.
func stripVouching(fields http.Header) {
	strip(fields, contract.HeaderVerified, contract.HeaderEvent)
}

// vouch replaces what the sender says of a delivery by what was verified (clause GATE-003).
func vouch(r *http.Request, v gate.Verdict) {
	strip(r.Header, vouchers...)
	strip(r.Trailer, vouchers...)
	r.Header.Set(contract.HeaderVerified, "true")
	setKnown(r.Header, contract.HeaderID, v.Delivery.ID)
	setKnown(r.Header, contract.HeaderEvent, v.Delivery.Type)
	setKnown(r.Header, contract.HeaderTimestamp, timestampOf(&v))
	keepVouching(r.Header)
}

// keepVouching drops a Connection field that names one of the gate's: what it names belongs to the sender's connection, so
// that a proxy would take the gate's word away from the receiver.
func keepVouching(h http.Header) {
	for _, value := range h["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			if isOneOf(strings.TrimSpace(name), vouchers) {
				delete(h, "Connection")
				return
			}
		}
	}
}

// vouchers are the fields by which the gate vouches for a delivery.
var vouchers = []string{contract.HeaderVerified, contract.HeaderID, contract.HeaderEvent, contract.HeaderTimestamp}

func setKnown(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// strip removes fields from a header or a trailer, under every spelling that some receivers take for the same name: those
// behind CGI see no difference between a hyphen, an underscore and a full stop, nor between cases.
func strip(fields http.Header, names ...string) {
	for field := range fields {
		if isOneOf(field, names) {
			delete(fields, field)
		}
	}
}

// isOneOf reports whether a field is one of some names to the most careless receiver.
func isOneOf(field string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return sameField(field, name) })
}

// sameField reports whether two field names are one to the most careless receiver.
func sameField(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if folded(a[i]) != folded(b[i]) {
			return false
		}
	}
	return true
}

func folded(c byte) byte {
	switch {
	case c == '_' || c == '.':
		return '-'
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	default:
		return c
	}
}
