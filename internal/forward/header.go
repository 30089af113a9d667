package forward

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// readBuffer is the size of a connection's read buffer. The header of an answer that does not fit gets one of its own.
const readBuffer = 32 << 10

// awaitHeader returns once the whole header of an answer has been buffered. What will not be one is refused before its end
// comes: the parser would wait for a CRLF until the delivery's time is over.
func (e *exchange) awaitHeader() error {
	line := 0 // where the last line begins
	for {
		buffered := e.buffered()
		for {
			length := bytes.IndexByte(buffered[line:], '\n')
			if length < 0 {
				break
			}
			end := line + length
			if length == 0 || buffered[end-1] != '\r' {
				return e.malformed(errBareLF)
			}
			if end+1 > e.maxHeader {
				return e.malformed(ErrLongHeader)
			}
			if length == 1 {
				return nil
			}
			if colon := bytes.IndexByte(buffered[line:end], ':'); colon > 0 && (buffered[line+colon-1] == ' ' || buffered[line+colon-1] == '\t') {
				e.odd = true
			}
			line = end + 1
		}
		if len(buffered) >= e.maxHeader {
			return e.malformed(ErrLongHeader)
		}
		if len(buffered) == e.reader.Size() {
			e.reread(bytes.Clone(buffered), e.maxHeader+1)
		}
		if _, err := e.reader.Peek(len(buffered) + 1); err != nil {
			return err // the connection's
		}
	}
}

// buffered is what has come and has not been read.
func (e *exchange) buffered() []byte {
	all, _ := e.reader.Peek(e.reader.Buffered()) // as much is there
	return all
}

// reread has some bytes read in place of what is buffered, and then what else comes on the connection.
func (e *exchange) reread(again []byte, size int) {
	e.reader = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(again), e.conn), size)
}

// mergeLengths makes one of Content-Length fields that say the same (RFC 9110, section 8.6), in a header that has been
// buffered, and reports whether they do.
func (e *exchange) mergeLengths() bool {
	buffered := e.buffered()
	end := bytes.Index(buffered, []byte("\r\n\r\n"))
	if end < 0 {
		return false
	}
	merged := make([]byte, 0, len(buffered))
	first := ""
	for line := range bytes.Lines(buffered[:end+2]) {
		name, value, _ := strings.Cut(string(line), ":")
		if !strings.EqualFold(strings.TrimRight(name, " \t"), "Content-Length") {
			merged = append(merged, line...)
			continue
		}
		switch value = strings.TrimSpace(value); first {
		case "":
			first = value
			merged = append(merged, line...)
		case value:
		default:
			return false
		}
	}
	e.reread(append(merged, buffered[end+2:]...), max(e.reader.Size(), len(buffered)))
	return true
}

// What keeps a header from being one.
var (
	// ErrLongHeader: the header of an answer is longer than MaxHeader.
	ErrLongHeader = errors.New("a header of more bytes than are taken")
	errBareLF     = errors.New("malformed header: a line that ends with LF alone, and not with CRLF")
)
