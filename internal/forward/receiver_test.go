package forward

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// newClient returns a client for a receiver's address.
func newClient(t testing.TB, address string, change func(*Options)) *Client {
	t.Helper()
	a, err := ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	opts := Options{Address: a, Timeout: 10 * time.Second}
	if change != nil {
		change(&opts)
	}
	c := New(opts)
	t.Cleanup(c.Close)
	return c
}

// server is a receiver by net/http that counts its connections.
type server struct {
	*httptest.Server
	conns atomic.Int64
}

func newServer(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(answer)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// newScript starts a receiver that treats each connection in its own way, the last one's for all further. It returns its
// address and how many connections there were.
func newScript(t *testing.T, conns ...func(net.Conn)) (string, *atomic.Int64) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	accepted := new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			n := int(accepted.Add(1))
			go func() {
				defer conn.Close()
				conns[min(n, len(conns))-1](conn)
			}()
		}
	}()
	return listener.Addr().String(), accepted
}

// readRequest reads one request to its end.
func readRequest(conn net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// says reads a request and answers it as given, and again until the connection is closed.
func says(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		br := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

// saysAndCloses reads one request, answers it as given and closes.
func saysAndCloses(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		readRequest(conn)
		_, _ = io.WriteString(conn, answer)
	}
}

// delivery is a POST of a body.
func delivery(body string) Delivery {
	r := httptest.NewRequest(http.MethodPost, "http://hooks.example.com/hook?x=1", strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	return Delivery{Request: r, Body: []byte(body)}
}

// send delivers a body and returns the answer.
func send(c *Client, body string) (*http.Response, error) {
	w := httptest.NewRecorder()
	err := c.Deliver(w, delivery(body))
	return w.Result(), err
}
