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
	errHeader     = errors.New("malformed header")
	errLongHeader = fmt.Errorf("a header of more than %d bytes", readBuffer)
	errLength     = errors.New("malformed header: not one length")
	errBody       = errors.New("malformed chunk or trailer")
)

// shownLine is the most of a status line that an error quotes.
const shownLine = 48

// misread returns why the header of an answer could not be read: what became of the connection, or what is wrong with the
// header and the status line that it stands behind.
func (e *exchange) misread(err error) error {
	if e.conn.broke != nil {
		return e.conn.broke
	}
	unread, _ := e.reader.Peek(e.reader.Buffered()) // as much is there
	line, _, _ := bytes.Cut(unread, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	return fmt.Errorf("%w behind %q", headerFault(err), line[:min(len(line), shownLine)])
}

// headerFault says what is wrong with a header in words that hold nothing of it.
func headerFault(err error) error {
	if _, long := errors.AsType[*fasthttp.ErrSmallBuffer](err); long {
		return errLongHeader
	}
	if errors.Is(err, fasthttp.ErrDuplicateContentLength) || errors.Is(err, fasthttp.ErrNonNumericChars) {
		return errLength
	}
	return errHeader
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
