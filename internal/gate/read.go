package gate

import (
	"errors"
	"io"
	"net/http"

	"github.com/darihook/darihook/contract"
)

// firstBuffer is the most memory that a body is given on its declared length alone. What it gets beyond that it has to
// send for, so that idle connections cannot claim the budget.
const firstBuffer = 16 << 10

// The causes of refusals around the body.
var (
	errDeclared   = errors.New("the declared length is over the limit")
	errOverLimit  = errors.New("the body goes on beyond the limit")
	errOverBudget = errors.New("the bodies in flight take all the memory that they may")
	errShort      = errors.New("the body's length is not the declared one")
)

// checkLength refuses a declared length over the limit. Negative: not declared.
func (g *Gate) checkLength(declared int64) *refusal {
	if declared > g.opts.MaxBody {
		return refuse(contract.CodeBodyTooLarge, errDeclared)
	}
	return nil
}

// readBody reads a body to its end, hashing it on the way. The body that it returns holds what has been read even when it
// is refused, and must be retired.
func (g *Gate) readBody(r io.Reader, declared int64, hash io.Writer) (*body, *refusal) {
	b := &body{budget: &g.budget}
	limit := g.opts.MaxBody + 1 // one more than is allowed, so that a longer body shows
	if declared >= 0 {
		limit = min(limit, declared+1)
	}
	if !b.grow(classFor(min(limit, firstBuffer))) {
		return b, refuse(contract.CodeOverloaded, errOverBudget)
	}
	for stalls := 0; stalls < maxStalls; stalls++ {
		if b.n == len(b.buf) && !b.grow(min(classFor(limit), classFor(int64(b.n)*4))) {
			return b, refuse(contract.CodeOverloaded, errOverBudget)
		}
		room := b.buf[b.n:min(int64(len(b.buf)), limit)]
		n, err := r.Read(room)
		_, _ = hash.Write(room[:n]) // an open digest takes everything
		b.n += n
		switch {
		case int64(b.n) > g.opts.MaxBody:
			return b, refuse(contract.CodeBodyTooLarge, errOverLimit)
		case err == io.EOF && declared >= 0 && int64(b.n) != declared, err == nil && int64(b.n) == limit:
			return b, refuse(contract.CodeBodyUnreadable, errShort)
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, refuse(codeOfRead(err), err)
		case n > 0:
			stalls = -1
		}
	}
	return b, refuse(contract.CodeBodyUnreadable, io.ErrNoProgress)
}

// maxStalls is how many reads in a row may bring nothing.
const maxStalls = 100

// codeOfRead tells a limit that another handler has put on the body from a body that ended early.
func codeOfRead(err error) contract.Code {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return contract.CodeBodyTooLarge
	}
	return contract.CodeBodyUnreadable
}
