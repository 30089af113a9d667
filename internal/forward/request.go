package forward

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
	"golang.org/x/net/http/httpguts"
)

// hopByHop are the fields that belong to one connection (RFC 9110, section 7.6.1), as net/http spells them.
var hopByHop = map[string]bool{
	"Alt-Svc": true, "Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// rewritten are the fields that this hop writes itself.
var rewritten = map[string]bool{
	"Host": true, "Content-Length": true, "Expect": true, "Via": true,
	forwardedFor: true, forwardedProto: true, forwardedHost: true,
}

// maxTrailers is how many fields a trailer may have; a longer one is dropped whole, as any may be (RFC 9110, section 6.5.1).
const maxTrailers = 64

// send writes the request.
func (e *exchange) send(d Delivery) error {
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
	d.Host = orElse(d.Host, e.host)
	fillHeader(&req.Header, d)
	req.SetBodyRaw(d.Body)
	if err := req.Write(e.writer); err != nil {
		return err
	}
	return e.writer.Flush()
}

// fillHeader writes a delivery's fields as they came, but for those of a hop, and announces its trailer.
func fillHeader(h *fasthttp.RequestHeader, d Delivery) {
	h.DisableNormalizing()
	h.DisableSpecialHeader() // nothing is taken apart, and nothing added but the length
	h.SetMethod(d.Method)
	h.SetRequestURI(target(*d.URL))
	h.Add("Host", d.Host)
	named := namedBy(d.Header["Connection"])
	for name, values := range d.Header {
		if !hopByHop[name] && !rewritten[name] && !named[name] {
			addAll(h, name, values)
		}
	}
	addForwarded(h, d)
	if len(d.Body) > 0 && len(d.Trailer) <= maxTrailers {
		addTrailer(h, d)
	}
}

// addTrailer announces a trailer and adds it. What frames or routes a message is no trailer, and neither is a field of the
// header, which would be taken out of it. The server checks the names of a header, and not those of a trailer.
func addTrailer(h *fasthttp.RequestHeader, d Delivery) {
	for name, values := range d.Trailer {
		_, inHeader := d.Header[name]
		if !inHeader && !hopByHop[name] && !rewritten[name] && httpguts.ValidHeaderFieldName(name) && h.AddTrailer(name) == nil {
			addAll(h, name, values)
		}
	}
}

// target is what a request line says of a URL: its path and its query, and nothing else. A query that came over HTTP/2 may
// have a blank, which would end it early.
func target(u url.URL) string {
	u.Opaque = ""
	text := strings.ReplaceAll(u.RequestURI(), " ", "%20")
	if text[0] != '/' { // RequestURI is never empty
		text = "/" + text
	}
	return text
}

func addAll(h *fasthttp.RequestHeader, name string, values []string) {
	for _, v := range values {
		h.Add(name, v)
	}
}

// namedBy returns the fields that the lines of a Connection field say belong to its connection, as net/http spells them.
func namedBy(lines []string) map[string]bool {
	if len(lines) == 0 {
		return nil
	}
	named := make(map[string]bool)
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			named[http.CanonicalHeaderKey(strings.TrimSpace(name))] = true
		}
	}
	return named
}
