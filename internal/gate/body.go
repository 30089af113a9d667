package gate

import (
	"errors"
	"io"
	"sync"
)

// ErrEnded answers a read of a body whose admission has ended.
var ErrEnded = errors.New("the delivery's admission has ended")

// body is a request's body in a pooled buffer. Readers copy out of it under its lock, so that it can be given back the
// moment the admission ends, whoever still holds a reader: a receiver may answer before it has read everything, and a
// transport may go on reading after that.
type body struct {
	mu     sync.Mutex
	budget *budget
	buf    []byte // nil once retired, and of an empty body
	n      int
	beyond [1]byte // what comes after the longest length that the body may have
	over   bool    // beyond has come
}

// bytes returns what has been read. The slice must not outlive the admission.
func (b *body) bytes() []byte { return b.buf[:b.n] }

// grow exchanges the buffer for one of a greater class, keeping what has been read, and reports whether the budget
// allowed it.
func (b *body) grow(class int) bool {
	old := int64(len(b.buf))
	if !b.budget.take(classSize(class)-old, class) {
		return false
	}
	buf := newBuffer(class)
	copy(buf, b.buf[:b.n])
	if b.buf != nil {
		dropBuffer(b.buf)
	}
	b.buf = buf
	return true
}

// retire gives the buffer back; every reader answers ErrEnded from now on. A second call does nothing.
func (b *body) retire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf == nil {
		return
	}
	size := int64(len(b.buf))
	dropBuffer(b.buf)
	b.buf = nil
	b.budget.give(size)
}

// reader returns a new reader of the whole body.
func (b *body) reader() *bodyReader { return &bodyReader{body: b} }

// bodyReader reads a body from its beginning. It has no WriteTo, which would let the buffer out of the lock.
type bodyReader struct {
	body   *body
	offset int
	closed bool
}

// Read copies the next bytes out. Errors: io.EOF, ErrEnded, or a read after Close.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	switch {
	case r.closed:
		return 0, errClosed
	case r.offset == r.body.n:
		return 0, io.EOF
	case r.body.buf == nil:
		return 0, ErrEnded
	}
	n := copy(p, r.body.buf[r.offset:r.body.n])
	r.offset += n
	return n, nil
}

var errClosed = errors.New("read after the body was closed")

// Close ends this reader and no other.
func (r *bodyReader) Close() error {
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	r.closed = true
	return nil
}
