package gate

import (
	"errors"
	"io"
	"slices"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// The causes of refusals where nothing is signed.
var (
	errNoURLSecret    = errors.New("the URL holds no secret")
	errOtherURLSecret = errors.New("the URL holds another secret")
	errNothing        = errors.New("neither a body nor a query tells the delivery from others")
)

// setURLSecrets replaces the secrets of which the URL must hold one.
func (g *Gate) setURLSecrets(secrets []signature.Secret) error {
	u, err := signature.NewURLSecrets(secrets)
	if err != nil {
		return err
	}
	g.urlSecrets.Store(u)
	g.secrets.Store(&secrets)
	return nil
}

// judgeUnsigned judges a request of a provider that signs nothing: whoever knows the URL may say anything. The query is as
// good as the body then, and both together tell a delivery from others.
func (g *Gate) judgeUnsigned(r Request) (Delivery, *body, *refusal) {
	if no := g.judgeURL(r); no != nil {
		return Delivery{}, &body{budget: &g.budget}, no
	}
	b, no := g.readBody(r.Body, r.Length, io.Discard)
	if no != nil {
		return Delivery{}, b, no
	}
	if g.store != nil && b.n == 0 && r.Query == "" {
		return Delivery{}, b, refuse(contract.CodeIDMissing, errNothing)
	}
	fields, no := g.scan(b.bytes())
	if no != nil {
		return Delivery{}, b, no
	}
	id := hashOf(b.bytes())
	if r.Query != "" {
		id = hashOf([]byte(r.Query), []byte("\n"), b.bytes()) // no query has a line break
	}
	return Delivery{ID: id, Type: fields.Type, Session: fields.Session, Batch: fields.Batch, Agent: fields.Agent}, b, nil
}

// judgeURL judges what stands ahead of the body. The secret in the URL stands in for the signature, and its refusals have
// the signature's codes.
func (g *Gate) judgeURL(r Request) *refusal {
	if !slices.Contains(g.opts.Provider.Methods, r.Method) {
		return refuse(contract.CodeMethodNotAllowed, errMethod)
	}
	if r.URLSecret == "" {
		return refuse(contract.CodeSignatureMissing, errNoURLSecret)
	}
	if _, ok := g.urlSecrets.Load().Match(r.URLSecret); !ok {
		return refuse(contract.CodeSignatureMismatch, errOtherURLSecret)
	}
	return g.checkLength(r.Length)
}
