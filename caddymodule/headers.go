package caddymodule

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// vouchers are the fields by which the gate vouches for a delivery.
var vouchers = []string{contract.HeaderVerified, contract.HeaderID, contract.HeaderEvent, contract.HeaderTimestamp}

// ours are all fields that only a gate may set: those of requests, and those of its answers, which mean nothing in a request.
var ours = append(slices.Clone(vouchers), contract.HeaderDuplicate, contract.HeaderError)

// saidVar is the request variable that holds what the sender says in the two fields that it may send too, for the gate alone.
const saidVar = "dari_webhook.said"

// maySay reports whether a sender may send one of the gate's fields, in this spelling.
func maySay(field string) bool {
	return field == contract.HeaderID || field == contract.HeaderTimestamp
}

// said is what a sender says of its delivery. The gate holds it against what is signed. A sender that says that it is verified
// is another gate perhaps.
type said struct {
	id, timestamp []string
	vouched       bool
}

// setAside removes the gate's fields from a request's header, and keeps for the gate what the sender may say.
func setAside(r *http.Request) {
	var (
		id, timestamp []string
		vouched       bool
	)
	for field := range r.Header {
		if !isOurs(field) {
			continue
		}
		switch field {
		case contract.HeaderID:
			id = r.Header[field]
		case contract.HeaderTimestamp:
			timestamp = r.Header[field]
		case contract.HeaderVerified:
			vouched = true
		}
		delete(r.Header, field)
	}
	if id != nil || timestamp != nil || vouched {
		caddyhttp.SetVar(r.Context(), saidVar, &said{id, timestamp, vouched})
	}
}

// takeBack gives a request what the sender says of its delivery, for as long as it is judged, and reports whether it says that
// it is verified.
func takeBack(r *http.Request) (vouched bool) {
	s, ok := caddyhttp.GetVar(r.Context(), saidVar).(*said)
	if !ok {
		return false
	}
	caddyhttp.SetVar(r.Context(), saidVar, nil)
	if s.id != nil {
		r.Header[contract.HeaderID] = s.id
	}
	if s.timestamp != nil {
		r.Header[contract.HeaderTimestamp] = s.timestamp
	}
	return s.vouched
}

// vouch says of a delivery what was verified (clause GATE-003). Nothing that the sender says of it is left in the header.
func vouch(r *http.Request, v gate.Verdict) {
	r.Header.Set(contract.HeaderVerified, "true")
	setKnown(r.Header, contract.HeaderID, v.Delivery.ID)
	setKnown(r.Header, contract.HeaderEvent, v.Delivery.Type)
	setKnown(r.Header, contract.HeaderTimestamp, timestampOf(&v))
}

func setKnown(h http.Header, name, value string) {
	if value != "" {
		h.Set(name, value)
	}
}

// strip removes the gate's fields from a header or a trailer, but for those that are to be kept.
func strip(fields http.Header, kept ...string) {
	for field := range fields {
		if isOurs(field) && !slices.Contains(kept, field) {
			delete(fields, field)
		}
	}
}

// shortestOfOurs is the length of the shortest of the gate's names.
const shortestOfOurs = len(contract.HeaderID)

// isOurs reports whether some receiver may take a field for one of the gate's. It is asked for every field of every request.
func isOurs(field string) bool {
	if len(field) < shortestOfOurs || field[0]|0x20 != 'd' {
		return false
	}
	field = strings.TrimRight(field, " ") // the server lets it pass in a trailer
	return slices.ContainsFunc(ours, func(name string) bool { return sameField(field, name) })
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

// folded is how CGI knows a character of a field's name: servers write every one that is neither letter nor digit in the same
// way, and all letters in one case.
func folded(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	case 'A' <= c && c <= 'Z':
		return c | 0x20
	default:
		return '-'
	}
}
