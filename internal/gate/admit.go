package gate

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// Request is what is judged.
type Request struct {
	Method string
	Header signature.Headers
	// Body is read to its end unless the request is refused before. The Gate does not close it.
	Body io.Reader
	// Length is the declared length of the body, negative when none is.
	Length int64
	// URLSecret is what the URL holds where its secret belongs, for a provider that signs nothing. Empty: nothing.
	URLSecret string
	// Query is what the URL's query holds besides, as it is written.
	Query string
	// Held is the id under which a gate ahead of this one holds a claim for the delivery, in the same scope of the same store.
	// Empty: none does.
	Held string
	// Vouched tells that the sender is another gate, by what it says. A claim in flight may be that gate's own, which does not
	// end before this request: it is not waited for.
	Vouched bool
}

// Admit judges a request. The Admission is set when the decision is Forward, and only then; it must be ended by Commit or
// Release.
//
// The judgement goes from what costs nothing to what costs more: the method, the signature header, the age, the declared
// length, all of them before the body is read; then the body, its signature, its envelope and its id; the store is asked
// last. ctx is the request's: it ends the wait for another copy, and nothing else.
func (g *Gate) Admit(ctx context.Context, r Request) (*Admission, Verdict) {
	g.flights.begin() // until the admission ends, or there is none
	d, b, no := g.judge(ctx, r)
	if g.opts.Observe {
		return g.observe(ctx, r, d, b, no)
	}
	if no != nil {
		g.drop(b)
		return nil, verdict(no, retryAfter(no.Code))
	}
	if answer, ok := g.challenged(b.bytes()); ok {
		g.drop(b)
		return nil, Verdict{Decision: Challenged, Verified: true, Delivery: d, Answer: answer}
	}
	a, v := g.claim(ctx, r, d, b)
	if a == nil {
		g.drop(b)
	}
	return a, v
}

// drop ends a request that is not admitted.
func (g *Gate) drop(b *body) {
	b.retire()
	g.flights.done()
}

// observe forwards whatever comes, with the verdict that it would have had.
func (g *Gate) observe(ctx context.Context, r Request, d Delivery, b *body, no *refusal) (*Admission, Verdict) {
	v := Verdict{Decision: Forward, Verified: no == nil, Delivery: d}
	if no != nil {
		v.Code, v.Clause, v.Cause = no.Code, no.Clause, no.Err
	}
	a := g.admission(ctx, d, b)
	a.rest = r.Body
	return a, v
}

// retryAfter is how long a sender is asked to wait after a refusal that may pass.
func retryAfter(code contract.Code) time.Duration {
	if r, _ := contract.RefusalFor(code); r.Retry {
		return time.Second
	}
	return 0
}

// judge does all that needs no store. The body that it returns is to be retired whatever the verdict.
func (g *Gate) judge(ctx context.Context, r Request) (Delivery, *body, *refusal) {
	if g.opts.Provider.Unsigned() {
		return g.judgeUnsigned(r)
	}
	now := g.opts.Now()
	v := g.verifier.Load()
	sig, no := g.judgeHead(v, r, now)
	if no != nil {
		return Delivery{}, &body{budget: &g.budget}, no
	}
	digest := v.Digest(&sig)
	defer digest.Close()
	b, no := g.readBody(r.Body, r.Length, digest)
	if no != nil {
		return Delivery{}, b, no
	}
	if _, ok := digest.Match(); !ok {
		if sig, no = g.mismatched(ctx, v, r, b, now); no != nil {
			return Delivery{}, b, no
		}
	}
	d, no := g.identify(&sig, r.Header, b.bytes(), now)
	return d, b, no
}

// mismatched judges a request whose signature does not match. A gate that only observes keeps nobody waiting.
func (g *Gate) mismatched(ctx context.Context, v *signature.Verifier, r Request, b *body, now time.Time) (sig signature.Signature, no *refusal) {
	no = refuse(contract.CodeSignatureMismatch, nil)
	if !g.opts.Observe {
		sig, no = g.retry(ctx, v, r, b)
	}
	if no != nil && no.Code == contract.CodeSignatureMismatch {
		g.opts.Observer.Mismatched(func() []signature.Finding { return g.explain(r.Header, b.bytes(), now) })
	}
	return sig, no
}

var errMethod = errors.New("not a method of the provider's deliveries")

// judgeHead judges what stands ahead of the body.
func (g *Gate) judgeHead(v *signature.Verifier, r Request, now time.Time) (signature.Signature, *refusal) {
	if !slices.Contains(g.opts.Provider.Methods, r.Method) {
		return signature.Signature{}, refuse(contract.CodeMethodNotAllowed, errMethod)
	}
	sig, err := v.Parse(r.Header)
	if err != nil {
		return signature.Signature{}, refusalOf(err)
	}
	if err := v.Fresh(&sig, now); err != nil {
		return signature.Signature{}, refusalOf(err)
	}
	return sig, g.checkLength(r.Length)
}

// explain tells which schemes of the provider, or else what other signed content, a request would pass under.
func (g *Gate) explain(h signature.Headers, body []byte, now time.Time) []signature.Finding {
	schemes := g.opts.Provider.Schemes()
	if findings := signature.Explain(schemes, *g.secrets.Load(), h, body, now); len(findings) > 0 {
		return findings
	}
	return signature.Explain(signature.OtherContents(schemes), *g.secrets.Load(), h, body, now)
}
