package forward

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		url  url.URL
		want string
	}{
		"ok/path and query":            {url.URL{Path: "/a b", RawQuery: "c=%20"}, "/a%20b?c=%20"},
		"ok/nothing":                   {url.URL{}, "/"},
		"ok/query alone":               {url.URL{RawQuery: "a"}, "/?a"},
		"ok/another host":              {url.URL{Scheme: "http", Host: "evil", Path: "/a"}, "/a"},
		"ok/form without an authority": {url.URL{Scheme: "x", Opaque: "//evil/b", RawQuery: "c"}, "/?c"},
		"ok/blanks of HTTP/2":          {url.URL{Path: "/", RawQuery: "a HTTP/1.0"}, "/?a%20HTTP/1.0"},
		"ok/rewritten to no path":      {url.URL{Path: "a"}, "/a"},
	} {
		if got := target(row.url); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// TestRequestWithoutHost is for senders of HTTP/1.0, who need not name one.
func TestRequestWithoutHost(t *testing.T) {
	t.Parallel()
	var host string
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { host = r.Host })
	d := delivery("body")
	d.Host = ""
	if err := newClient(t, s.URL, nil).Deliver(httptest.NewRecorder(), d); err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimPrefix(s.URL, "http://"); host != want {
		t.Errorf("host %q, want %q", host, want)
	}
}

// TestTrailerLeavesTheHeaderAlone has trailers that would take fields out of the header, or become some of it.
func TestTrailerLeavesTheHeaderAlone(t *testing.T) {
	t.Parallel()
	long := make(http.Header)
	for i := range maxTrailers + 1 {
		long[fmt.Sprint("X-", i)] = []string{"1"}
	}
	for name, row := range map[string]struct {
		trailer http.Header
		want    string
	}{
		"ok/passes":              {http.Header{"X-Sum": {"7"}}, "X-Sum: 7\r\n\r\n"},
		"ok/a field's own name":  {http.Header{"Dari-Webhook-Id": {"evil"}}, "\r\n"},
		"ok/blank behind a name": {http.Header{"Dari-Webhook-Id ": {"evil"}, "Content-Length ": {"1"}}, "\r\n"},
		"ok/blank in a name":     {http.Header{"X Sum": {"7"}}, "\r\n"},
		"ok/two names":           {http.Header{"X-A,Dari-Webhook-Id": {"7"}}, "\r\n"},
		"ok/the gate's own":      {http.Header{"Via": {"evil"}, "X-Forwarded-For": {"evil"}, "Connection": {"close"}}, "\r\n"},
		"ok/too long":            {long, "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := delivery("body")
			d.Header = http.Header{"Dari-Webhook-Id": {"evt_1"}}
			var bare, got fasthttp.RequestHeader
			fillHeader(&bare, d)
			d.Trailer = row.trailer
			fillHeader(&got, d)
			if trailer := string(got.TrailerHeader()); trailer != row.want {
				t.Errorf("trailer %q, want %q", trailer, row.want)
			}
			want := strings.TrimSuffix(bare.String(), "\r\n")
			if row.want != "\r\n" {
				want += "Trailer: X-Sum\r\n"
			}
			if diff := cmp.Diff(want+"\r\n", got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestConnectionFieldOfAMegabyte has as many fields, and as many names for them, as a server takes. Looked for one by one
// they would take the processor for ten seconds.
func TestConnectionFieldOfAMegabyte(t *testing.T) {
	t.Parallel()
	d := delivery("x")
	d.Header = http.Header{"Connection": {strings.Repeat(",", 400_000) + "H7"}}
	for i := range 50_000 {
		d.Header[fmt.Sprint("H", i)] = []string{"1"}
	}
	var h fasthttp.RequestHeader
	start := time.Now()
	fillHeader(&h, d)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%s", took)
	}
	if h.Peek("H7") != nil || h.Peek("H8") == nil {
		t.Error("not the field that is named was left out")
	}
}

// TestAnswersThatAreNone are taken for nothing else than that, and least of all for success.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"fail/status 000":     "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/status 099":     "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/status 2":       "HTTP/1.1 2 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/status 2000":    "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/other version":  "HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/blank lines":    "\r\n\r\nHTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/000 after 103":  "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
		"fail/two lengths":    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
		"fail/list of length": "HTTP/1.1 200 OK\r\nContent-Length: 0, 0\r\n\r\n",
		"fail/other encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := newScript(t, says(answer))
			if resp, err := send(newClient(t, address, nil), "x"); !errors.Is(err, ErrExchange) {
				t.Errorf("%d, %v; want %v", resp.StatusCode, err, ErrExchange)
			}
		})
	}
}

// TestAnswersThatMayGoOn has receivers whose answer is over, and which may send more of it for all that one can tell.
func TestAnswersThatMayGoOn(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"ok/no content with a length":   "HTTP/1.1 204 No Content\r\nContent-Length: 38\r\n\r\n",
		"ok/no content in chunks":       "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
		"ok/not modified with a length": "HTTP/1.1 304 Not Modified\r\nContent-Length: 38\r\n\r\n",
		"ok/chunks of HTTP/1.0":         "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, conns := newScript(t, says(answer))
			c := newClient(t, address, nil)
			for i := range 2 {
				resp, err := send(c, "x")
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode == http.StatusNoContent && resp.Header.Get("Content-Length") != "" {
					t.Error("the sender is told to wait for a body")
				}
				if n := conns.Load(); n != int64(i+1) {
					t.Errorf("%d connections for delivery %d", n, i+1)
				}
			}
		})
	}
}

// TestFieldsNamedByTheAnswer leaves out what a receiver says belongs to its connection.
func TestFieldsNamedByTheAnswer(t *testing.T) {
	t.Parallel()
	address, _ := newScript(t, says("HTTP/1.1 200 OK\r\nconnection: keep-alive, x-hop\r\nX-Hop: 1\r\nX-End: 1\r\nContent-Length: 0\r\n\r\n"))
	resp, err := send(newClient(t, address, nil), "x")
	if err != nil {
		t.Fatal(err)
	}
	want := http.Header{"X-End": {"1"}, "Content-Length": {"0"}, "Via": {"1.1 Caddy"}}
	if diff := cmp.Diff(want, resp.Header); diff != "" {
		t.Error(diff)
	}
}

func TestInformational(t *testing.T) {
	t.Parallel()
	const hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
	for name, row := range map[string]struct {
		ahead string
		want  bool
	}{
		"ok/nothing":              {"", true},
		"ok/one":                  {hint, true},
		"ok/two":                  {hint + hint, true},
		"ok/cut in the line":      {hint + "HTTP/1", true},
		"ok/cut in the header":    {hint[:40], true},
		"fail/final":              {"HTTP/1.1 200 OK\r\n", false},
		"fail/final behind":       {hint + "HTTP/1.1 413 Content Too Large\r\n\r\n", false},
		"fail/switches protocols": {"HTTP/1.1 101 Switching Protocols\r\n", false},
		"fail/no HTTP":            {"SSH-2.0", false},
	} {
		if got := informational([]byte(row.ahead)); got != row.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// watched counts how often a write has been given time.
type watched struct {
	net.Conn
	times atomic.Int64
	again chan struct{} // closed when a write has stood still twice
}

func (w *watched) SetWriteDeadline(t time.Time) error {
	if w.times.Add(1) == 3 {
		close(w.again)
	}
	return w.Conn.SetWriteDeadline(t)
}

// TestHintsDuringAnUpload has a receiver inform the sender before it has read a long request. That is no reason to stop
// sending.
func TestHintsDuringAnUpload(t *testing.T) {
	t.Parallel()
	const size = 16 << 20 // more than fits into the buffers on the way
	again, read := make(chan struct{}), make(chan int64, 1)
	address, _ := newScript(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\n")
		<-again
		n, _ := io.CopyN(io.Discard, conn, size)
		read <- n
	})
	c := newClient(t, address, nil)
	nc, err := c.dial("", time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	dialed := nc.(*conn)
	dialed.Conn = &watched{Conn: dialed.Conn, again: again}
	if err := dialed.begin(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := dialed.Write(make([]byte, size)); err != nil || n != size {
		t.Errorf("%d bytes written, %v", n, err)
	}
	if n := <-read; n != size {
		t.Errorf("%d bytes read", n)
	}
}
