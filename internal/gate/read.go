package gate

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"

	"github.com/darihook/darihook/contract"
)

// firstBuffer is the most memory that a body is given on its declared length alone. What it gets beyond that it has to
// send for, four times of what has come at most, so that idle connections cannot claim the budget.
const firstBuffer = smallestBuffer

// The causes of refusals around the body.
var (
	errDeclared   = errors.New("the declared length is over the limit")
	errOverLimit  = errors.New("the body goes on beyond the limit")
	errOverBudget = errors.New("the bodies in flight take all the memory that they may")
	errLength     = errors.New("the body's length is not the declared one")
	errUnreadable = errors.New("the body could not be read to its end")
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
	longest := g.opts.MaxBody
	if declared >= 0 {
		longest = min(longest, declared)
	}
	for stalls := 0; stalls < maxStalls; stalls++ {
		room, ok := b.room(longest)
		if !ok {
			return b, refuse(contract.CodeOverloaded, errOverBudget)
		}
		n, err := r.Read(room)
		if b.over = n > 0 && int64(b.n) == longest; b.over {
			return b, tooLong(longest, declared)
		}
		_, _ = hash.Write(room[:n]) // an open digest takes everything
		b.n += n
		switch {
		case err == io.EOF && declared >= 0 && int64(b.n) != declared:
			return b, refuse(contract.CodeBodyUnreadable, errLength)
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, refuse(codeOfRead(err), causeOfRead(err))
		case n > 0:
			stalls = -1
		}
	}
	return b, refuse(contract.CodeBodyUnreadable, io.ErrNoProgress)
}

// room returns where the next bytes of a body go, and reports whether the budget has it. A body that has its longest
// length already gets one byte more, by which it shows that it goes on.
func (b *body) room(longest int64) ([]byte, bool) {
	if int64(b.n) == longest {
		return b.beyond[:], true
	}
	if b.n == len(b.buf) && !b.grow(classFor(min(longest, max(firstBuffer, int64(b.n)*4)))) {
		return nil, false
	}
	return b.buf[b.n:min(int64(len(b.buf)), longest)], true
}

// tooLong is the refusal of a body that goes on beyond its longest length.
func tooLong(longest, declared int64) *refusal {
	if declared == longest {
		return refuse(contract.CodeBodyUnreadable, errLength)
	}
	return refuse(contract.CodeBodyTooLarge, errOverLimit)
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

// causeOfRead returns why a body could not be read. A server's error may quote the request, and of its trailer the values:
// what is neither a broken connection nor the end of a time or of a context is told without.
func causeOfRead(err error) error {
	known := []error{io.ErrUnexpectedEOF, os.ErrDeadlineExceeded, context.Canceled, context.DeadlineExceeded}
	_, network := errors.AsType[net.Error](err)
	if network || codeOfRead(err) == contract.CodeBodyTooLarge || slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
		return err
	}
	return errUnreadable
}
