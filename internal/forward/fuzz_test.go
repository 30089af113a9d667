package forward

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http/httpguts"
)

// FuzzAnswer gives a receiver's answer in any bytes. A connection is used again only where net/http finds the same answer
// and the same end in them: else the rest of one answer would be the next delivery's.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		okAnswer,
		okAnswer + okAnswer,
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + okAnswer,
		"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2;a=b\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n\r\nok",
		"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: 1\r\ncontent-length : 2\r\n\r\nok" + okAnswer,
		"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length : 0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		wire := bytes.NewReader(answer)
		e := &exchange{conn: &conn{Conn: scripted{wire}}, reader: bufio.NewReaderSize(wire, 64), maxHeader: DefaultMaxHeader}
		w := finalRecorder{httptest.NewRecorder()}
		if err := e.receive(w, http.MethodPost); err != nil {
			if e.sound {
				t.Fatalf("a connection is used again after %v", err)
			}
			return
		}
		if w.Code < 200 || w.Code > 999 {
			t.Fatalf("final status %d", w.Code)
		}
		if e.sound {
			rest, _ := io.ReadAll(e.reader)
			agrees(t, answer, w.ResponseRecorder, rest)
		}
	})
}

// finalRecorder records the final answer; a plain recorder takes an informational one for it.
type finalRecorder struct{ *httptest.ResponseRecorder }

// WriteHeader implements [http.ResponseWriter].
func (r finalRecorder) WriteHeader(status int) {
	if status >= 200 {
		r.ResponseRecorder.WriteHeader(status)
	}
}

// agrees shows that net/http reads the same answer, and has as much left behind it.
func agrees(t *testing.T, answer []byte, w *httptest.ResponseRecorder, left []byte) {
	t.Helper()
	reader := bufio.NewReaderSize(bytes.NewReader(answer), readBuffer)
	resp, err := http.ReadResponse(reader, nil)
	for err == nil && resp.StatusCode < 200 {
		resp, err = http.ReadResponse(reader, nil)
	}
	if err != nil {
		return // net/http is stricter, which is no disagreement about where the answer ends
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return
	}
	if resp.StatusCode != w.Code || !bytes.Equal(body, w.Body.Bytes()) {
		t.Fatalf("%d %q, and net/http reads %d %q", w.Code, w.Body, resp.StatusCode, body)
	}
	theirs, _ := io.ReadAll(reader)
	if !bytes.Equal(left, theirs) {
		t.Fatalf("%q is left, and net/http leaves %q", left, theirs)
	}
}

// scripted is a connection of which nothing but reading is used.
type scripted struct{ *bytes.Reader }

func (scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (scripted) Close() error                     { return nil }
func (scripted) LocalAddr() net.Addr              { return nil }
func (scripted) RemoteAddr() net.Addr             { return nil }
func (scripted) SetDeadline(time.Time) error      { return nil }
func (scripted) SetReadDeadline(time.Time) error  { return nil }
func (scripted) SetWriteDeadline(time.Time) error { return nil }

// FuzzRequest has a sender choose what is not signed. The receiver finds one request in what is sent, with the body that
// was signed and the fields that the gate has set.
func FuzzRequest(f *testing.F) {
	f.Add("/hook", "a=b", "a.example", "X-One", "1", "X-Sum", "7", "keep-alive")
	f.Add("", "a HTTP/1.0", "", "Via", "1.0 a", "Dari-Webhook-Id ", "evil", "Dari-Webhook-Id")
	f.Add("//a", "", "a:1", "Transfer-Encoding", "chunked", "Transfer-Encoding", "x", ",,close")
	f.Add("/%2f", "%", "[::1]", "Content_Length", "1", "Content-Length", "1", "x, Content-Length")
	f.Fuzz(func(t *testing.T, path, query, host, name, value, trailer, sum, connection string) {
		for _, text := range []string{path, query, host, name, value, sum, connection} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				return // net/http's servers let none of these through
			}
		}
		if strings.ContainsAny(host, " /?#@") || host == "" || !validName(name) {
			return
		}
		const body = `{"id":"evt_1"}`
		d := delivery(body)
		d.URL, d.Host = &url.URL{Path: path, RawQuery: query}, host
		d.Header = http.Header{"Dari-Webhook-Id": {"evt_1"}, "Connection": {connection}}
		d.Header.Add(name, value)
		d.Trailer = http.Header{trailer: {sum}}
		var wire bytes.Buffer
		e := &exchange{writer: bufio.NewWriter(&wire)}
		if err := e.send(d); err != nil {
			t.Fatal(err)
		}
		reader := bufio.NewReader(&wire)
		got, err := http.ReadRequest(reader)
		if err != nil {
			if strings.Contains(err.Error(), "URL") || strings.Contains(err.Error(), "Host") {
				return // a receiver may refuse what it is asked for
			}
			t.Fatal(err)
		}
		sent, err := io.ReadAll(got.Body)
		if err != nil || string(sent) != body {
			t.Fatalf("body %q, %v", sent, err)
		}
		if rest, _ := io.ReadAll(reader); len(rest) > 0 {
			t.Fatalf("behind the request came %q", rest)
		}
		if got.Method != http.MethodPost || got.Proto != "HTTP/1.1" {
			t.Fatalf("%s %s", got.Method, got.Proto)
		}
		if id := got.Header["Dari-Webhook-Id"]; name != "Dari-Webhook-Id" && !namedBy([]string{connection})["Dari-Webhook-Id"] && (len(id) != 1 || id[0] != "evt_1") {
			t.Fatalf("id %q", id)
		}
	})
}

// validName reports whether a server lets a field of this name through, and spells it so.
func validName(name string) bool {
	return httpguts.ValidHeaderFieldName(name) && http.CanonicalHeaderKey(name) == name
}
