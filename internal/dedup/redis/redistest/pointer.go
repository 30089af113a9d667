package redistest

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// Pointer is an address that leads to a server, and can be pointed at another one. Connections that are made already stay, as
// behind a balancer, a service of Kubernetes or a name that is resolved anew.
type Pointer struct {
	// Addr is where it listens, as host:port.
	Addr string
	to   atomic.Pointer[Server]
}

// NewPointer returns an address that leads to a server until the test ends.
func NewPointer(tb testing.TB, server *Server) *Pointer {
	tb.Helper()
	var config net.ListenConfig
	l, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Pointer{Addr: l.Addr().String()}
	p.To(server)
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.join(conn)
		}
	}()
	return p
}

// To points the address at another server, for the connections that are made from now on.
func (p *Pointer) To(server *Server) { p.to.Store(server) }

func (p *Pointer) join(conn net.Conn) {
	defer conn.Close()
	var dialer net.Dialer
	server, err := dialer.DialContext(context.Background(), "tcp", p.to.Load().Addr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn) // either end may close
		server.Close()
	}()
	_, _ = io.Copy(conn, server)
}
