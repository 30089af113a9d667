package delivery

import (
	"context"
	"net/http"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/signature"
)

// maxKeptBody bounds what is kept of a body that a fault has made; a delivery's own body is kept once for all attempts.
const maxKeptBody = 64 << 10

// userAgent is what deliveries call themselves.
const userAgent = "Darihook-Mock/1"

// attempt makes one attempt and tells whether its failure ends the delivery.
func (e *Engine) attempt(j *job) (a client.Attempt, fatal bool) {
	a = client.Attempt{Number: j.number, At: e.o.Clock.Now()}
	for _, f := range j.hits {
		a.Faults = append(a.Faults, f.Kind)
	}
	to, err := e.o.Target(j.entry.provider, j.entry.endpoint)
	if err != nil {
		return failed(a, err.Error()), true
	}
	j.url = to.URL
	draft, err := e.draft(j, to)
	if err != nil {
		return failed(a, err.Error()), true
	}
	a.Scheme = draft.Scheme.Name
	header := headerOf(draft.Header)
	a.Request = sent(header, draft.Sent, j.entry.body)
	if to.method() != http.MethodPost {
		a.Request.Method = to.method()
	}

	ctx, cancel := context.WithTimeout(e.base, e.o.Timeout)
	defer cancel()
	began := time.Now()
	a.Response, err = e.sender.send(ctx, to, header, draft)
	a.DurationMS = float64(time.Since(began).Microseconds()) / 1000
	if err != nil {
		return failed(a, describe(ctx, err, e.o.Timeout)), false
	}
	return a, false
}

// draft makes the request of an attempt.
func (e *Engine) draft(j *job, to Target) (*faults.Draft, error) {
	draft := &faults.Draft{
		Provider: to.Provider,
		Scheme:   to.Scheme,
		ID:       j.entry.EventID,
		Time:     e.signingTime(),
		Body:     j.entry.body,
		Secrets:  to.Secrets,
		Forged:   e.signer.forged,
		Header: []signature.Field{
			{Name: "Content-Type", Value: "application/json"},
			{Name: "User-Agent", Value: userAgent},
		},
	}
	return draft, draft.Apply(j.hits, e.signer.sign)
}

// signingTime is the time that receivers judge by, which is theirs, unless it was asked otherwise.
func (e *Engine) signingTime() time.Time {
	if e.o.SignVirtualTime {
		return e.o.Clock.Now()
	}
	return time.Now()
}

// sent returns what is kept of a request.
func sent(header http.Header, body, own []byte) client.Request {
	r := client.Request{Headers: header, Body: body}
	if len(body) > max(maxKeptBody, len(own)) {
		r.Body, r.BodySize = append([]byte(nil), body[:maxKeptBody]...), len(body)
	}
	return r
}

// failed notes why an attempt has no answer.
func failed(a client.Attempt, why string) client.Attempt {
	a.Error = &why
	return a
}
