package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
)

// parseRaw reads a request as it went over the wire. Lines may end in CR LF or LF, since captures often lose the CR; what
// follows the first empty line is the body.
func parseRaw(data []byte) (Request, error) {
	reader := bufio.NewReader(bytes.NewReader(data))
	text := textproto.NewReader(reader)
	line, err := text.ReadLine()
	if err != nil {
		return Request{}, fmt.Errorf("reading the request line: %w", err)
	}
	fields := strings.Fields(line)
	header, err := text.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return Request{}, fmt.Errorf("reading the header: %w", err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		return Request{}, fmt.Errorf("reading the body: %w", err)
	}
	r := Request{Method: fields[0], Target: fields[1], Header: http.Header(header), Body: body}
	return r, r.unframe()
}

// unframe makes the body what the framing of HTTP says it is.
func (r *Request) unframe() error {
	if strings.EqualFold(r.Header.Get("Transfer-Encoding"), "chunked") {
		if body, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(r.Body))); err == nil {
			r.Body = body
		} else {
			r.note("the body is not in chunks although Transfer-Encoding says so; it was taken as it stands")
		}
		return nil
	}
	return r.fitLength()
}

// fitLength cuts what an editor added behind the body, and notes what is missing from it.
func (r *Request) fitLength() error {
	declared := r.Header.Get("Content-Length")
	if declared == "" {
		return nil
	}
	n, err := strconv.ParseUint(declared, 10, 31)
	if err != nil {
		return fmt.Errorf("reading Content-Length: %q is not a length", declared)
	}
	switch have := len(r.Body); {
	case have < int(n):
		r.note("the body has %d bytes although Content-Length says %d: the capture is cut short or was edited", have, n)
	case have > int(n):
		rest := r.Body[n:]
		r.Body = r.Body[:n]
		if len(bytes.TrimSpace(rest)) > 0 {
			r.note("%d bytes behind the body were ignored: Content-Length says %d", len(rest), n)
		}
	}
	return nil
}
