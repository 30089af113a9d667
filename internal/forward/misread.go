package forward

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/valyala/fasthttp"
)

// What is wrong with an answer. The parser's own errors say it with the fields that the answer has, of which some are
// secrets and all are somebody else's words: they must not get into a log.
var (
	errHeader = errors.New("malformed header")
	errLength = errors.New("malformed header: not one length")
	errBody   = errors.New("malformed chunk or trailer")
)

// shownLine is the most of a status line that an error quotes.
const shownLine = 48

// misread returns why the header of an answer could not be read: what became of the connection, or what is wrong with the
// header and the status line that it stands behind.
func (e *exchange) misread(err error) error {
	if e.conn.broke != nil {
		return e.conn.broke
	}
	if errors.Is(err, fasthttp.ErrDuplicateContentLength) || errors.Is(err, fasthttp.ErrNonNumericChars) {
		return e.malformed(errLength)
	}
	return e.malformed(errHeader)
}

// malformed puts the status line of an answer behind what is wrong with its header, in words that hold nothing of it.
func (e *exchange) malformed(fault error) error {
	line, _, _ := bytes.Cut(e.buffered(), []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	return fmt.Errorf("%w behind %q", fault, line[:min(len(line), shownLine)])
}

// answerBody is an answer's body whose errors hold nothing of it.
type answerBody struct {
	io.Reader
	exchange *exchange
}

// Read implements [io.Reader].
func (b answerBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	switch {
	case err == nil || err == io.EOF: // the end of a body is never wrapped
		return n, err
	case b.exchange.conn.broke != nil:
		return n, b.exchange.conn.broke
	default:
		return n, errBody
	}
}
