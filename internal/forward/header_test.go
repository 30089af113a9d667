package forward

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLongHeaders has a receiver answer with headers up to the longest that is taken, and beyond it, over one connection as
// far as they are taken.
func TestLongHeaders(t *testing.T) {
	t.Parallel()
	const most = 100 << 10
	header := func(size int) string {
		const around = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: \r\n\r\n"
		return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: " + strings.Repeat("x", size-len(around)) + "\r\n\r\n"
	}
	for _, row := range []struct {
		size int
		want error
	}{
		{readBuffer - 1, nil}, {readBuffer, nil}, {readBuffer + 1, nil}, {most - 1, nil}, {most, nil}, {most + 1, ErrLongHeader}, {10 * most, ErrLongHeader},
	} {
		t.Run(fmt.Sprint(row.size), func(t *testing.T) {
			t.Parallel()
			address, conns := newScript(t, says(header(row.size)+"ok"))
			c := newClient(t, address, func(o *Options) { o.MaxHeader = most })
			for range 2 {
				resp, err := send(c, "x")
				if !errors.Is(err, row.want) {
					t.Fatalf("%v, want %v", err, row.want)
				}
				if body, _ := io.ReadAll(resp.Body); err == nil && string(body) != "ok" {
					t.Errorf("body %q", body)
				}
			}
			if n := conns.Load(); row.want == nil && n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

// TestRepeatedLength takes Content-Length fields that say the same for one.
func TestRepeatedLength(t *testing.T) {
	t.Parallel()
	for name, lengths := range map[string]string{
		"ok/twice":            "Content-Length: 2\r\nContent-Length: 2\r\n",
		"ok/three times":      "Content-Length: 2\r\nX: 1\r\ncontent-length: 2\r\nCONTENT-LENGTH:2 \r\n",
		"ok/behind the chunk": "Content-Length: 2\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := "ok"
			if strings.Contains(lengths, "chunked") {
				body = "2\r\nok\r\n0\r\n\r\n"
			}
			address, conns := newScript(t, says("HTTP/1.1 200 OK\r\n"+lengths+"\r\n"+body))
			c := newClient(t, address, nil)
			for range 2 {
				resp, err := send(c, "x")
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("%d, %v", resp.StatusCode, err)
				}
				if got, _ := io.ReadAll(resp.Body); string(got) != "ok" {
					t.Errorf("body %q", got)
				}
			}
			if n := conns.Load(); n != 1 && body == "ok" {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

// TestBareLineFeeds refuses a header, a chunk and a trailer whose lines end with LF alone, and does not wait for one that ends otherwise.
func TestBareLineFeeds(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"fail/everywhere":           "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
		"fail/behind the status":    "HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok",
		"fail/behind a field":       "HTTP/1.1 200 OK\r\nContent-Length: 2\nX: 1\r\n\r\nok",
		"fail/as the last line":     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok",
		"fail/without a field":      "HTTP/1.1 204 No Content\n\n",
		"fail/behind a chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\n0\n\n",
		"fail/behind the last one":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\n\n",
		"fail/behind a trailer":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: 1\n\n",
		"fail/as the last trailer":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: 1\r\n\n",
		"fail/after an information": "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := newScript(t, func(conn net.Conn) {
				readRequest(conn)
				_, _ = io.WriteString(conn, answer)
				<-t.Context().Done()
			})
			done := make(chan error, 1)
			go func() {
				_, err := send(newClient(t, address, func(o *Options) { o.Timeout = time.Hour }), "x")
				done <- err
			}()
			select {
			case err := <-done:
				if !errors.Is(err, ErrExchange) && !errors.Is(err, ErrCut) {
					t.Errorf("%v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("it waits for the rest")
			}
		})
	}
}
