package forward

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestStop ends deliveries at every stage. None of their connections is used again, and the receiver's next delivery succeeds.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		body     string
		receiver func(reached chan<- struct{}) func(net.Conn)
		want     error
	}{
		"ok/before it begins": {"x", nil, ErrStopped},
		"ok/while it is sent": {strings.Repeat("x", 8<<20), func(reached chan<- struct{}) func(net.Conn) {
			return func(conn net.Conn) { close(reached); <-t.Context().Done() }
		}, ErrStopped},
		"ok/while it is worked on": {"x", func(reached chan<- struct{}) func(net.Conn) {
			return func(conn net.Conn) { readRequest(conn); close(reached); <-t.Context().Done() }
		}, ErrStopped},
		"ok/while it is answered": {"x", func(reached chan<- struct{}) func(net.Conn) {
			return func(conn net.Conn) {
				readRequest(conn)
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
				close(reached)
				<-t.Context().Done()
			}
		}, ErrCut},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reached := make(chan struct{})
			receivers := []func(net.Conn){says(okAnswer)}
			if row.receiver != nil {
				receivers = append([]func(net.Conn){row.receiver(reached)}, receivers...)
			}
			address, conns := newScript(t, receivers...)
			c := newClient(t, address, func(o *Options) { o.Timeout = time.Hour })
			var stop Stop
			if row.receiver == nil {
				stop.Now()
			} else {
				go func() { <-reached; stop.Now() }()
			}
			d := delivery(row.body)
			d.Stop = &stop
			err := c.Deliver(httptest.NewRecorder(), d)
			if !errors.Is(err, row.want) && !errors.Is(err, ErrStopped) { // the answer's header may not have been read yet
				t.Fatalf("%v, want %v", err, row.want)
			}
			if resp, err := send(c, "again"); err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("the next delivery: %v", err)
			}
			if n := conns.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
			stop.Now() // too late, and on nobody's connection
			if _, err := send(c, "and again"); err != nil {
				t.Errorf("after a late stop: %v", err)
			}
			if n := conns.Load(); n != 2 {
				t.Errorf("%d connections after a late stop, want 2", n)
			}
		})
	}
}
