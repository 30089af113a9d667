package forward

import (
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFieldsOfTheRequest shows what a receiver gets to see.
func TestFieldsOfTheRequest(t *testing.T) {
	t.Parallel()
	usual := http.Header{
		"Content-Length":    {"4"},
		"X-Forwarded-For":   {"192.0.2.7"},
		"X-Forwarded-Proto": {"http"},
		"X-Forwarded-Host":  {"hooks.example.com"},
		"Via":               {"1.1 Caddy"},
	}
	for name, row := range map[string]struct {
		change func(*Delivery)
		want   http.Header // beside the usual; an empty list takes one of those away
	}{
		"ok/nothing": {change: func(*Delivery) {}},
		"ok/fields pass as they came": {
			change: func(d *Delivery) {
				d.Header = http.Header{"X-One": {"a", "b"}, "Cookie": {"a=1; b=2"}, "User-Agent": {"sender/1"}, "Content-Type": {"application/json"}}
			},
			want: http.Header{"X-One": {"a", "b"}, "Cookie": {"a=1; b=2"}, "User-Agent": {"sender/1"}, "Content-Type": {"application/json"}},
		},
		"ok/fields of the hop stay": {
			change: func(d *Delivery) {
				d.Header = http.Header{
					"Connection": {"keep-alive, X-Mine", "x-other"}, "X-Mine": {"1"}, "X-Other": {"1"}, "Keep-Alive": {"5"}, "Te": {"trailers"},
					"Transfer-Encoding": {"chunked"}, "Trailer": {"X"}, "Upgrade": {"websocket"}, "Proxy-Authorization": {"x"}, "Expect": {"100-continue"},
					"Content-Length": {"999"},
				}
			},
		},
		"ok/a stranger's word on other hops does not count": {
			change: func(d *Delivery) {
				d.Header = http.Header{"X-Forwarded-For": {"10.0.0.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil"}, "Via": {"1.0 a"}}
			},
			want: http.Header{"Via": {"1.0 a", "1.1 Caddy"}},
		},
		"ok/a trusted proxy's word does": {
			change: func(d *Delivery) {
				d.TrustForwarded = true
				d.Header = http.Header{"X-Forwarded-For": {"10.0.0.1", "10.0.0.2"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"first"}}
			},
			want: http.Header{"X-Forwarded-For": {"10.0.0.1, 10.0.0.2, 192.0.2.7"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"first"}},
		},
		"ok/over TLS": {
			change: func(d *Delivery) { d.TLS = new(tls.ConnectionState) },
			want:   http.Header{"X-Forwarded-Proto": {"https"}},
		},
		"ok/zone of an address": {
			change: func(d *Delivery) { d.RemoteAddr = "[fe80::1%eth0]:1" },
			want:   http.Header{"X-Forwarded-For": {"fe80::1"}},
		},
		"ok/from a socket": {
			change: func(d *Delivery) {
				d.RemoteAddr = "@"
				d.Header = http.Header{"X-Forwarded-For": {"10.0.0.1"}}
			},
			want: http.Header{"X-Forwarded-For": {}, "X-Forwarded-Proto": {}, "X-Forwarded-Host": {}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { got = r })
			d := delivery("body")
			row.change(&d)
			if err := newClient(t, s.URL, nil).Deliver(httptest.NewRecorder(), d); err != nil {
				t.Fatal(err)
			}
			want := maps.Clone(usual)
			maps.Copy(want, row.want)
			maps.DeleteFunc(want, func(_ string, values []string) bool { return len(values) == 0 })
			if diff := cmp.Diff(want, got.Header); diff != "" {
				t.Error(diff)
			}
			if got.Host != "hooks.example.com" || got.RequestURI != "/hook?x=1" || got.Method != http.MethodPost {
				t.Errorf("%s %s at %s", got.Method, got.RequestURI, got.Host)
			}
		})
	}
}

// TestTrailerOfTheRequest has the trailer behind the body, but for fields that have no place there.
func TestTrailerOfTheRequest(t *testing.T) {
	t.Parallel()
	var got http.Header
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != "body" {
			t.Errorf("%q, %v", body, err)
		}
		got = r.Trailer
	})
	c := newClient(t, s.URL, nil)
	for range 2 {
		d := delivery("body")
		d.Trailer = http.Header{"X-Sum": {"7"}, "Content-Length": {"9"}, "Host": {"evil"}}
		if err := c.Deliver(httptest.NewRecorder(), d); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(http.Header{"X-Sum": {"7"}}, got); diff != "" {
			t.Error(diff)
		}
	}
}

// TestMethodsWithoutBody sends what some platforms send: a GET, whose facts are in the query.
func TestMethodsWithoutBody(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			if _, declared := r.Header["Content-Length"]; declared || r.Method != method {
				t.Errorf("%s with %v", r.Method, r.Header)
			}
			w.Header().Set("Content-Length", "2")
			_, _ = io.WriteString(w, "ok")
		})
		c := newClient(t, s.URL, nil)
		for range 2 {
			d := delivery("")
			d.Method = method
			w := httptest.NewRecorder()
			if err := c.Deliver(w, d); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Length") != "2" {
				t.Errorf("%s: %d %v, %v", method, w.Code, w.Header(), err)
			}
		}
		if n := s.conns.Load(); n != 1 {
			t.Errorf("%s: %d connections", method, n)
		}
	}
}

// throughServer has a server of net/http hand its requests to the client, and returns what its own client gets.
func throughServer(t *testing.T, address string, trace *httptrace.ClientTrace) *http.Response {
	t.Helper()
	c := newClient(t, address, nil)
	front := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "front")
		w.Header().Set("X-Front", "1")
		if err := c.Deliver(w, Delivery{Request: r}); err != nil {
			t.Error(err)
		}
	})
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := front.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestFieldsOfTheAnswer(t *testing.T) {
	t.Parallel()
	address, _ := newScript(t, says("HTTP/1.1 201 Created\r\nserver: receiver\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\n"+
		"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nX-Two: 1\r\nX-Two: 2\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"))
	resp := throughServer(t, address, new(httptrace.ClientTrace))
	want := http.Header{
		"Server": {"receiver"}, "X-Front": {"1"}, "Set-Cookie": {"a=1; Path=/", "b=2"}, "X-Two": {"1", "2"},
		"Date": {"Thu, 01 Jan 2026 00:00:00 GMT"}, "Content-Length": {"0"}, "Via": {"1.1 Caddy"},
	}
	if diff := cmp.Diff(want, resp.Header); diff != "" || resp.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", resp.StatusCode, diff)
	}
}

func TestInformationalAnswersPass(t *testing.T) {
	t.Parallel()
	address, _ := newScript(t, says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nX-Final: 1\r\n\r\n"))
	var hints []textproto.MIMEHeader
	resp := throughServer(t, address, &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		if code == http.StatusEarlyHints {
			hints = append(hints, header)
		}
		return nil
	}})
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("X-Final") != "1" || resp.Header.Get("Link") != "" || resp.Header.Get("X-Front") != "1" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if len(hints) != 1 || hints[0].Get("Link") != "</a>" {
		t.Errorf("hints: %v", hints)
	}
}

func TestTrailersPass(t *testing.T) {
	t.Parallel()
	address, _ := newScript(t, says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n"))
	resp := throughServer(t, address, new(httptrace.ClientTrace))
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "body" || resp.Trailer.Get("X-Sum") != "7" {
		t.Errorf("%q, %v, trailer %v", body, err, resp.Trailer)
	}
}

// TestPiecesPassAsTheyCome has the receiver wait until the sender has its first piece.
func TestPiecesPassAsTheyCome(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		_ = http.NewResponseController(w).Flush()
		<-seen
		_, _ = io.WriteString(w, "second")
	})
	resp := throughServer(t, s.URL, new(httptrace.ClientTrace))
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" {
		t.Fatalf("%q, %v", first, err)
	}
	close(seen)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "second" {
		t.Errorf("%q, %v", rest, err)
	}
}
