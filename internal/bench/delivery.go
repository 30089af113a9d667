package main

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

const (
	// minBody leaves room for the envelope.
	minBody = 256
	// maxBody is the gate's default limit.
	maxBody = contract.MaxBody
)

// secret signs the deliveries of this process and is known to the gates it starts.
var secret = newSecret()

// newSecret returns a secret of the platform's form.
func newSecret() string {
	b := make([]byte, 24)
	rand.Read(b)
	return contract.SecretPrefix + hex.EncodeToString(b)
}

// traffic is a kind of deliveries.
type traffic int

const (
	// valid deliveries reach the receiver.
	valid traffic = iota
	// forged ones are signed with another secret.
	forged
	// stale ones are signed a day ago.
	stale
	// oversized ones declare a body over the limit.
	oversized
)

func (t traffic) String() string { return [...]string{"valid", "forged", "stale", "oversized"}[t] }

// status is what a gate answers.
func (t traffic) status() int {
	return [...]int{http.StatusOK, http.StatusUnauthorized, http.StatusUnauthorized, http.StatusRequestEntityTooLarge}[t]
}

// The body begins with its id, which is as long as the platform's: that is all in which deliveries differ.
const (
	bodyStart = `{"id":"`
	idLength  = 36
	bodyRest  = `","type":"tool.call_requested","created_at":"2026-01-01T00:00:00Z","data":{"session_id":"sess_1","text":"`
	bodyEnd   = `"}}`
)

// run tells this process's ids from those of others on the same stores, and issued counts them.
var (
	runNumber = binary.BigEndian.Uint64([]byte(rand.Text()))
	issued    atomic.Uint64
)

// newBody returns a body of a size, whose id is yet to be set.
func newBody(size int) []byte {
	body := make([]byte, 0, size)
	body = append(body, bodyStart...)
	body = append(body, bytes.Repeat([]byte("-"), idLength)...)
	body = append(body, bodyRest...)
	body = append(body, bytes.Repeat([]byte("x"), size-len(body)-len(bodyEnd))...)
	return append(body, bodyEnd...)
}

// setID gives a body its id.
func setID(body []byte, id string) { copy(body[len(bodyStart):], id) }

// delivery is one that has been signed: its body is everybody's but for the id.
type delivery struct {
	id     string
	fields []signature.Field
}

// signAhead signs deliveries of a size, so that doing so does not compete with the targets for the processor.
func signAhead(kind traffic, size, count int) ([]delivery, error) {
	signer, err := newSigner(kind)
	if err != nil {
		return nil, err
	}
	at := time.Now()
	if kind == stale {
		at = at.Add(-24 * time.Hour)
	}
	deliveries := make([]delivery, count)
	failures := make([]error, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for w := range failures {
		all.Go(func() {
			body := newBody(size)
			for i := w; i < count && failures[w] == nil; i += len(failures) {
				deliveries[i], failures[w] = sign(signer, body, at)
			}
		})
	}
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
	}
	return deliveries, nil
}

// newSigner returns what signs deliveries of a kind.
func newSigner(kind traffic) (*signature.Signer, error) {
	text := secret
	if kind == forged {
		text = newSecret()
	}
	s, err := signature.NewSecret(text)
	if err != nil {
		return nil, err
	}
	return signature.NewSigner(signature.SignerOptions{Scheme: contract.Dari().Scheme, Secrets: []signature.Secret{s}})
}

// sign gives a body a new id and signs it.
func sign(signer *signature.Signer, body []byte, at time.Time) (delivery, error) {
	id := fmt.Sprintf("evt_%016x%016x", runNumber, issued.Add(1))
	setID(body, id)
	fields, err := signer.Sign(signature.Message{ID: id, Time: at, Body: body})
	return delivery{id, fields}, err
}

// newRequest returns a request to an address that lacks only what prepare gives it.
func newRequest(address string) *fasthttp.Request {
	r := new(fasthttp.Request)
	r.SetRequestURI("http://" + address + "/")
	r.Header.SetMethod(http.MethodPost)
	r.Header.SetContentType("application/json")
	return r
}

// prepare makes a request, and the body that it sends, those of a delivery. The signature stands in another header than the
// platform's where one is named.
func (d delivery) prepare(r *fasthttp.Request, body []byte, header string) {
	setID(body, d.id)
	for _, f := range d.fields {
		if f.Name == contract.HeaderSignature && header != "" {
			f.Name = header
		}
		r.Header.Set(f.Name, f.Value)
	}
	r.SetBodyRaw(body)
}
