package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// Draft is an attempt's request on its way from the event to the wire. Faults change it in three steps: what is
// signed, how it is signed and what the signed request looks like, and how it is sent.
type Draft struct {
	// Provider that the delivery belongs to.
	Provider contract.Provider
	// Scheme, ID, Time, Body and Secrets are what is signed, and with what.
	Scheme  contract.Scheme
	ID      string
	Time    time.Time
	Body    []byte
	Secrets []string
	// Forged is a secret that the receiver does not know.
	Forged string
	// Header are the fields of the request in the order in which they are sent; set by Sign.
	Header []signature.Field
	// Sent is the body on the wire; set by Sign.
	Sent []byte
	// Wire is how the request is sent.
	Wire Wire
}

// Wire is how a request is put on the connection.
type Wire struct {
	// Chunked sends the body in chunks without a Content-Length.
	Chunked bool
	// Slow spreads the body over this time.
	Slow time.Duration
	// Truncate ends the connection in the middle of the body.
	Truncate bool
	// Reset resets the connection in the middle of the body.
	Reset bool
	// Continue asks with "Expect: 100-continue" before it sends the body.
	Continue bool
}

// Raw reports whether the request breaks HTTP, so that no ordinary client would send it.
func (w Wire) Raw() bool { return w.Truncate || w.Reset }

// Timing is when the attempts of a delivery happen.
type Timing struct {
	// Delay holds the attempt back on the platform's clock.
	Delay time.Duration
	// Reorder holds the attempt back until a later delivery to the same endpoint has been attempted, or until this
	// long has passed on the platform's clock. 0: it does not.
	Reorder time.Duration
	// Concurrent further copies are sent at the same instant, Sequential ones when the attempt has ended, and
	// AfterSuccess ones when it has ended well.
	Concurrent, Sequential, AfterSuccess int
}

// Schedule returns what the faults do to the times of an attempt.
func Schedule(hits []Fault) Timing {
	var t Timing
	for _, f := range hits {
		if kind, _ := KindFor(f.Kind); kind.schedule != nil {
			kind.schedule(&t, f)
		}
	}
	return t
}

// Apply makes the draft into the request that is sent: the faults shape what is signed, it is signed, and they shape
// what comes out. sign is called with the draft's scheme and the texts of its secrets.
func (d *Draft) Apply(hits []Fault, sign func(contract.Scheme, []string, signature.Message) ([]signature.Field, error)) error {
	for _, f := range hits {
		if kind, _ := KindFor(f.Kind); kind.before != nil {
			kind.before(d, f)
		}
	}
	fields, err := sign(d.Scheme, d.Secrets, signature.Message{ID: d.ID, Time: d.Time, Body: d.Body})
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	d.Header = append(d.Header, fields...)
	d.Sent = d.Body
	for _, f := range hits {
		if kind, _ := KindFor(f.Kind); kind.after != nil {
			kind.after(d, f)
		}
	}
	return nil
}

// edit replaces the values of a field by what change makes of them.
func (d *Draft) edit(name string, change func(string) string) {
	for i, f := range d.Header {
		if strings.EqualFold(f.Name, name) {
			d.Header[i].Value = change(f.Value)
		}
	}
}

// drop removes a field.
func (d *Draft) drop(name string) {
	d.Header = slices.DeleteFunc(d.Header, func(f signature.Field) bool { return strings.EqualFold(f.Name, name) })
}

// value returns a field's first value.
func (d *Draft) value(name string) string {
	for _, f := range d.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// add appends a field.
func (d *Draft) add(name, value string) {
	d.Header = append(d.Header, signature.Field{Name: name, Value: value})
}
