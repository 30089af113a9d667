package forward

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// maxInterim bounds the informational answers before the final one.
const maxInterim = 16

// What a delivery's answer cannot be.
var (
	errInterim  = errors.New("too many informational answers")
	errStatus   = errors.New("no status line of HTTP/1")
	errSwitched = errors.New("the receiver switched protocols unasked")
)

// receive reads the answer and passes it on.
func (e *exchange) receive(w http.ResponseWriter, method string) error {
	resp := fasthttp.AcquireResponse()
	defer fasthttp.ReleaseResponse(resp)
	resp.Header.DisableNormalizing()
	resp.Header.SetNoDefaultContentType(true)
	if err := e.readHeader(w, resp); err != nil {
		return err
	}
	w.Header().Del("Server") // the receiver's counts; that of this hop is in Via
	passFields(w.Header(), &resp.Header)
	w.Header().Add("Via", via(1, 1))
	if resp.StatusCode() == http.StatusNoContent {
		w.Header().Del("Content-Length") // a sender might wait for as much
	}
	w.WriteHeader(resp.StatusCode())
	if hasBody(method, resp) {
		if err := e.passBody(w, resp); err != nil {
			return fmt.Errorf("%w: %w", ErrCut, err)
		}
	}
	e.sound = isSound(resp, method) && !e.odd
	return nil
}

// isSound tells whether it is certain where an answer ends, so that another may follow. A body where none can be is still
// on its way perhaps; and of HTTP/1.0 the parser overlooks an encoding.
func isSound(resp *fasthttp.Response, method string) bool {
	length := resp.Header.ContentLength()
	stray := !hasBody(method, resp) && method != http.MethodHead && length != 0 && length != lengthToEnd
	return resp.Header.IsHTTP11() && !resp.ConnectionClose() && !stray
}

// readHeader reads the header of the final answer, and passes on informational ones before it.
func (e *exchange) readHeader(w http.ResponseWriter, resp *fasthttp.Response) error {
	for range maxInterim {
		if err := e.checkStatus(); err != nil {
			return err
		}
		if err := e.awaitHeader(); err != nil {
			return err
		}
		err := resp.Header.Read(e.reader)
		if errors.Is(err, fasthttp.ErrDuplicateContentLength) && e.mergeLengths() {
			err = resp.Header.Read(e.reader)
		}
		if err != nil {
			return e.misread(err)
		}
		switch status := resp.StatusCode(); {
		case status == http.StatusSwitchingProtocols:
			return errSwitched
		case status >= 200:
			return nil
		case status != http.StatusContinue: // nobody has asked for that one
			passInterim(w, resp)
		}
	}
	return errInterim
}

// statusLine is how an answer begins, up to the first digit of its status.
const statusLine = "HTTP/1.1 2"

// checkStatus refuses what the parser takes for an answer and is none: blank lines, other versions, and statuses from 000,
// which it would read as 200, to 099.
func (e *exchange) checkStatus() error {
	line, err := e.reader.Peek(len(statusLine))
	if err != nil {
		return err // the connection's, with nothing of what has come
	}
	class := line[len(line)-1]
	if !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[len(line)-2] != ' ' || class < '1' || class > '9' {
		return fmt.Errorf("%w: %q", errStatus, line)
	}
	return nil
}

// passInterim passes an informational answer on, whose fields are none of the final one's.
func passInterim(w http.ResponseWriter, resp *fasthttp.Response) {
	kept := w.Header().Clone()
	passFields(w.Header(), &resp.Header)
	w.WriteHeader(resp.StatusCode())
	clear(w.Header())
	maps.Copy(w.Header(), kept)
}

// passFields copies an answer's fields, but for those of a hop.
func passFields(to http.Header, from *fasthttp.ResponseHeader) {
	named := namedBy(connectionLines(from))
	for k, v := range from.All() {
		name := http.CanonicalHeaderKey(string(k))
		if !hopByHop[name] && !named[name] {
			to[name] = append(to[name], string(v))
		}
	}
}

func connectionLines(h *fasthttp.ResponseHeader) (lines []string) {
	for k, v := range h.All() {
		if strings.EqualFold(string(k), "Connection") {
			lines = append(lines, string(v))
		}
	}
	return lines
}

// The lengths that fasthttp gives to a body in chunks and to one that ends with the connection.
const (
	lengthInChunks = -1
	lengthToEnd    = -2
)

// hasBody tells whether an answer to a method has a body (RFC 9112, section 6.3).
func hasBody(method string, resp *fasthttp.Response) bool {
	status := resp.StatusCode()
	return method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified && resp.Header.ContentLength() != 0
}

// copies are buffers for answers on their way.
var copies = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// passBody copies an answer's body, piece by piece as it comes where its length is not known, and the trailer behind it.
func (e *exchange) passBody(w http.ResponseWriter, resp *fasthttp.Response) error {
	var body io.Reader
	var dst io.Writer = struct{ io.Writer }{w} // a ReaderFrom would take a buffer of its own
	switch length := resp.Header.ContentLength(); length {
	case lengthInChunks:
		body = httputil.NewChunkedReader(e.reader)
	case lengthToEnd:
		body = e.reader
		e.conn.toEnd = true
		resp.Header.SetConnectionClose()
	default:
		body = io.LimitReader(e.reader, int64(length)) // the connection's end before that is an error
	}
	if resp.Header.ContentLength() < 0 {
		dst = flushing{w, http.NewResponseController(w)}
	}
	buffer := copies.Get().(*[16 << 10]byte)
	defer copies.Put(buffer)
	if _, err := io.CopyBuffer(dst, answerBody{body, e}, buffer[:]); err != nil {
		return err
	}
	if resp.Header.ContentLength() == lengthInChunks {
		return e.passTrailer(w.Header(), &resp.Header)
	}
	return nil
}

// flushing passes each piece on at once.
type flushing struct {
	http.ResponseWriter
	controller *http.ResponseController
}

// Write implements [io.Writer].
func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err == nil {
		err = f.controller.Flush()
	}
	if errors.Is(err, http.ErrNotSupported) { // then the pieces wait for each other
		err = nil
	}
	return n, err
}

// passTrailer reads the fields behind a chunked body, and copies them.
func (e *exchange) passTrailer(to http.Header, from *fasthttp.ResponseHeader) error {
	if e.awaitHeader() != nil || from.ReadTrailer(e.reader) != nil {
		return cmp.Or(e.conn.broke, errBody)
	}
	for _, key := range from.PeekTrailerKeys() {
		if name := http.CanonicalHeaderKey(string(key)); !hopByHop[name] && !strings.HasPrefix(name, "Content-") {
			to.Add(http.TrailerPrefix+name, string(from.PeekBytes(key)))
		}
	}
	return nil
}
