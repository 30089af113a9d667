package forward

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// TestReceiverGetsTheBytes sends bodies of all sizes there and back over one connection.
func TestReceiverGetsTheBytes(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("%d bytes of %d, %v", len(body), r.ContentLength, err)
		}
		_, _ = w.Write(body)
	})
	c := newClient(t, s.URL, nil)
	for _, size := range []int{0, 1, 1 << 10, 4095, 4096, 4097, 64 << 10, 1 << 20, 5 << 20} {
		body := strings.Repeat("x", size)
		resp, err := send(c, body)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if got, _ := io.ReadAll(resp.Body); string(got) != body {
			t.Errorf("%d bytes came back as %d", size, len(got))
		}
	}
	if n := s.conns.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// TestWhatCanGoWrong has receivers fail in every way. None of the connections is used again.
func TestWhatCanGoWrong(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		receiver func(net.Conn)
		want     error
	}{
		"fail/closes unread":       {func(net.Conn) {}, ErrExchange},
		"fail/closes unanswered":   {readRequest, ErrExchange},
		"fail/half a header":       {saysAndCloses("HTTP/1.1 200 OK\r\nContent-"), ErrExchange},
		"fail/no HTTP":             {saysAndCloses("SSH-2.0-OpenSSH_9.2\r\n\r\n"), ErrExchange},
		"fail/HTTP/2":              {saysAndCloses("\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64\r\n\r\n"), ErrExchange},
		"fail/switches protocols":  {saysAndCloses("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), ErrExchange},
		"fail/informs without end": {says(strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxInterim)), ErrExchange},
		"fail/header without end":  {saysAndCloses("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", DefaultMaxHeader)), ErrExchange},
		"fail/answer cut":          {saysAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"), ErrCut},
		"fail/chunks cut":          {saysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"), ErrCut},
		"fail/no chunks":           {saysAndCloses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n"), ErrCut},
		"fail/never answers":       {func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, ErrTimeout},
		"fail/never reads":         {func(conn net.Conn) { <-t.Context().Done() }, ErrTimeout},
		"fail/never ends its answer": {func(conn net.Conn) {
			saysAndCloses("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")(conn)
			<-t.Context().Done()
		}, ErrCut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, conns := newScript(t, row.receiver, says(okAnswer))
			body := strings.Repeat("x", 8<<20) // more than fits into the buffers on the way
			c := newClient(t, address, func(o *Options) {
				if strings.HasPrefix(name, "fail/never") {
					o.Timeout = time.Second
				}
			})
			if strings.HasPrefix(name, "fail/never ends") {
				body = "x" // so that the answer begins well before that
			}
			if resp, err := send(c, body); !errors.Is(err, row.want) {
				t.Fatalf("%d, %v; want %v", resp.StatusCode, err, row.want)
			}
			if resp, err := send(c, "x"); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("the next delivery: %d, %v", resp.StatusCode, err)
			}
			if n := conns.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

func TestReceiverThatCannotBeReached(t *testing.T) {
	t.Parallel()
	c := newClient(t, "unix/"+t.TempDir()+"/nobody", nil)
	if _, err := send(c, "x"); !errors.Is(err, ErrDial) {
		t.Errorf("%v, want %v", err, ErrDial)
	}
}

// TestSocket has a receiver at a Unix socket.
func TestSocket(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/s"
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })}
	go s.Serve(listener)
	t.Cleanup(func() { s.Close() })
	c := newClient(t, "unix/"+path, nil)
	for range 2 {
		if resp, err := send(c, "x"); err != nil || resp.StatusCode != http.StatusAccepted {
			t.Errorf("%d, %v", resp.StatusCode, err)
		}
	}
}

// TestEarlyAnswers has receivers answer before they have read the request: what they say counts, whether they go on
// reading, stand still or close the connection.
func TestEarlyAnswers(t *testing.T) {
	t.Parallel()
	const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"
	for name, after := range map[string]func(net.Conn){
		"ok/stands still": func(conn net.Conn) { <-t.Context().Done() },
		"ok/closes":       func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(-1) },
		"ok/reads on":     func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, conns := newScript(t, func(conn net.Conn) {
				_, _ = io.WriteString(conn, refusal)
				after(conn)
			}, says(okAnswer))
			c := newClient(t, address, nil)
			if resp, err := send(c, strings.Repeat("x", 16<<20)); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
				t.Fatalf("%d, %v", resp.StatusCode, err)
			}
			if name == "ok/reads on" {
				return // the connection is sound, and this receiver has nothing more to say on it
			}
			if resp, err := send(c, "x"); err != nil || resp.StatusCode != http.StatusOK || conns.Load() != 2 {
				t.Errorf("the next delivery: %d, %v over connection %d", resp.StatusCode, err, conns.Load())
			}
		})
	}
}

// TestConnectionsThatEnded has the receiver close or misuse a connection between two deliveries. None is sent into it.
func TestConnectionsThatEnded(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(net.Conn){
		"ok/closed after the answer": saysAndCloses(okAnswer),
		"ok/said to be closed":       says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"),
		"ok/HTTP/1.0":                says("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
		"ok/ended by closing":        saysAndCloses("HTTP/1.1 200 OK\r\n\r\nok"),
		"ok/more than an answer":     says(okAnswer + okAnswer),
		"ok/unasked answer": func(conn net.Conn) {
			saysAndCloses(okAnswer)(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
			<-t.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{})
			address, conns := newScript(t, func(conn net.Conn) {
				defer close(over)
				first(conn)
			}, says(okAnswer))
			c := newClient(t, address, nil)
			for i := range 3 {
				resp, err := send(c, "x")
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("delivery %d: %d, %v", i, resp.StatusCode, err)
				}
				if body, _ := io.ReadAll(resp.Body); string(body) != "ok" {
					t.Errorf("delivery %d: %q", i, body)
				}
				if i == 0 && !strings.HasPrefix(name, "ok/unasked") {
					<-over
				}
			}
			if n := conns.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

// TestIdleConnectionsAreClosed waits for the end of KeepAlive, and of Close.
func TestIdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Client){"ok/keep-alive": func(*Client) {}, "ok/close": (*Client).Close} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{})
			address, _ := newScript(t, func(conn net.Conn) {
				says(okAnswer)(conn) // ends when the connection does
				close(closed)
			})
			c := newClient(t, address, func(o *Options) {
				if name == "ok/keep-alive" {
					o.KeepAlive = 20 * time.Millisecond
				}
			})
			if _, err := send(c, "x"); err != nil {
				t.Fatal(err)
			}
			end(c)
			<-closed
		})
	}
}

// TestConnectionsAreBounded shows deliveries waiting for a connection, and giving up.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	reached, proceed := make(chan struct{}, 1), make(chan struct{})
	s := newServer(t, func(http.ResponseWriter, *http.Request) {
		reached <- struct{}{}
		<-proceed
	})
	c := newClient(t, s.URL, func(o *Options) { o.MaxConns, o.DialTimeout = 1, 50*time.Millisecond })
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := send(c, "x"); err != nil {
			t.Error(err)
		}
	})
	<-reached
	if _, err := send(c, "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("%v, want %v", err, ErrBusy)
	}
	close(proceed)
	first.Wait()
	if _, err := send(c, "x"); err != nil || s.conns.Load() != 1 {
		t.Errorf("%v over connection %d", err, s.conns.Load())
	}
}

// TestManyAtOnce has many deliveries share few connections, each getting its own answer.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(body)
	})
	c := newClient(t, s.URL, func(o *Options) { o.MaxConns = 4 })
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			body := strings.Repeat(string(rune('0'+i)), 1+i*700)
			for range 10 {
				resp, err := send(c, body)
				if err != nil {
					t.Error(err)
					return
				}
				if got, _ := io.ReadAll(resp.Body); string(got) != body {
					t.Error("the answer to another delivery")
				}
			}
		})
	}
	all.Wait()
	if n := s.conns.Load(); n > 4 {
		t.Errorf("%d connections, want 4 at most", n)
	}
}

// BenchmarkDeliver measures one delivery to a receiver by net/http, which takes most of the time.
func BenchmarkDeliver(b *testing.B) {
	s := newServer(b, func(http.ResponseWriter, *http.Request) {})
	c := newClient(b, s.URL, nil)
	d := delivery(strings.Repeat("x", 1<<10))
	b.SetBytes(int64(len(d.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Deliver(httptest.NewRecorder(), d); err != nil {
			b.Fatal(err)
		}
	}
}
