package forward

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/valyala/fasthttp"
)

// maxInterim bounds the informational answers before the final one.
const maxInterim = 16

// What a delivery's answer cannot be.
var (
	errInterim  = errors.New("too many informational answers")
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
	w.WriteHeader(resp.StatusCode())
	if hasBody(method, resp) {
		if err := e.passBody(w, resp); err != nil {
			return fmt.Errorf("%w: %w", ErrCut, err)
		}
	}
	e.sound = !resp.ConnectionClose()
	return nil
}

// readHeader reads the header of the final answer, and passes on informational ones before it.
func (e *exchange) readHeader(w http.ResponseWriter, resp *fasthttp.Response) error {
	for range maxInterim {
		if err := resp.Header.Read(e.reader); err != nil {
			return err
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
	for k, v := range from.All() {
		name := http.CanonicalHeaderKey(string(k))
		if !hopByHop[name] {
			to[name] = append(to[name], string(v))
		}
	}
}

// lengthToEnd is the length that fasthttp gives to a body that ends with the connection; every negative one is unknown.
const lengthToEnd = -2

// hasBody tells whether an answer to a method has a body (RFC 9112, section 6.3).
func hasBody(method string, resp *fasthttp.Response) bool {
	status := resp.StatusCode()
	return method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified && resp.Header.ContentLength() != 0
}

// copies are buffers for answers on their way.
var copies = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// passBody copies an answer's body, piece by piece as it comes where its length is not known, and the trailer behind it.
func (e *exchange) passBody(w http.ResponseWriter, resp *fasthttp.Response) error {
	length := resp.Header.ContentLength()
	if length == lengthToEnd {
		e.conn.toEnd = true
		resp.Header.SetConnectionClose()
	}
	resp.StreamBody = true
	if err := resp.ReadBody(e.reader, 0); err != nil {
		return err
	}
	buffer := copies.Get().(*[16 << 10]byte)
	defer copies.Put(buffer)
	var dst io.Writer = struct{ io.Writer }{w} // a ReaderFrom would take a buffer of its own
	if length < 0 {
		dst = flushing{w, http.NewResponseController(w)}
	}
	if _, err := io.CopyBuffer(dst, resp.BodyStream(), buffer[:]); err != nil {
		return err
	}
	passTrailer(w.Header(), &resp.Header)
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

// passTrailer copies the announced fields behind a chunked body.
func passTrailer(to http.Header, from *fasthttp.ResponseHeader) {
	for _, key := range from.PeekTrailerKeys() {
		if name := http.CanonicalHeaderKey(string(key)); !hopByHop[name] && !strings.HasPrefix(name, "Content-") {
			to.Add(http.TrailerPrefix+name, string(from.PeekBytes(key)))
		}
	}
}
