package main

import (
	"time"

	"github.com/darihook/darihook/signature"
)

// forgery is a way to make a request that no gate may let in.
type forgery string

// The forgeries. Those out of time are signed with the right secret.
const (
	notForged   forgery = ""
	wrongSecret forgery = "wrong secret"
	tampered    forgery = "tampered"
	unsigned    forgery = "unsigned"
	stale       forgery = "stale"
	ahead       forgery = "ahead of its time"
)

var forgeries = []forgery{wrongSecret, tampered, unsigned, stale, ahead}

// outOfWindow is further from now than any gate tolerates.
const outOfWindow = 10 * time.Minute

// forge makes the headers and the body of a forged request that bears a delivery's id.
func (f *fleet) forge(kind forgery, o order) ([]signature.Field, []byte, error) {
	o.Forged = true
	body := bodyOf(o)
	message := signature.Message{ID: idOf(o.Number), Time: time.Now(), Body: body}
	signer := f.signer
	switch kind {
	case wrongSecret:
		signer = f.stranger
	case unsigned:
		return nil, body, nil
	case tampered:
		o.Forged = false
		message.Body = bodyOf(o)
	case stale:
		message.Time = message.Time.Add(-outOfWindow)
	case ahead:
		message.Time = message.Time.Add(outOfWindow)
	}
	fields, err := signer.Sign(message)
	return fields, body, err
}
