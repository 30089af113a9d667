package forward

import (
	"net/http"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
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

// send writes the request.
func (e *exchange) send(d Delivery) error {
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
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
	h.SetRequestURI(d.URL.RequestURI())
	h.Add("Host", d.Host)
	named := connectionFields(d.Header)
	for name, values := range d.Header {
		if !hopByHop[name] && !rewritten[name] && !slices.Contains(named, name) {
			addAll(h, name, values)
		}
	}
	addForwarded(h, d)
	for name, values := range d.Trailer {
		if len(d.Body) > 0 && h.AddTrailer(name) == nil { // what frames or routes a message is no trailer
			addAll(h, name, values)
		}
	}
}

func addAll(h *fasthttp.RequestHeader, name string, values []string) {
	for _, v := range values {
		h.Add(name, v)
	}
}

// connectionFields are those that a Connection field says belong to its connection.
func connectionFields(h http.Header) []string {
	var named []string
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			named = append(named, http.CanonicalHeaderKey(strings.TrimSpace(name)))
		}
	}
	return named
}
