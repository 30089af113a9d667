package delivery

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

// sendRaw writes a request by hand, for the faults in which it ends before its body does.
func (s *sender) sendRaw(ctx context.Context, to Target, d *faults.Draft) (*client.Response, error) {
	u, err := url.Parse(to.URL)
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	conn, err := s.dial(ctx, u)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(halfRequest(to.method(), u, d)); err != nil {
		return nil, fmt.Errorf("writing the request: %w", err)
	}
	if d.Wire.Reset {
		linger(ctx)
		reset(conn)
		return nil, fmt.Errorf("the connection was reset after half of the body, as asked")
	}
	return readHalf(conn)
}

// dial connects to a URL's host.
func (s *sender) dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = u.Scheme // "http" and "https" are names of ports
	}
	conn, err := s.dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme == "http" {
		return conn, err
	}
	return s.trust.Handshake(ctx, conn, u.Hostname(), "http/1.1")
}

// halfRequest is the request with all of its header and half of its body.
func halfRequest(method string, u *url.URL, d *faults.Draft) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, u.RequestURI(), u.Host, max(len(d.Sent), 1))
	for _, f := range d.Header {
		fmt.Fprintf(&out, "%s: %s\r\n", f.Name, f.Value)
	}
	out.WriteString("\r\n")
	out.Write(d.Sent[:len(d.Sent)/2])
	return out.Bytes()
}

// readHalf ends the sending side, and reads what the receiver has to say to half a request.
func readHalf(conn net.Conn) (*client.Response, error) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		if err := half.CloseWrite(); err != nil {
			return nil, fmt.Errorf("closing the connection: %w", err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, answerHeader+readAnswer)), nil)
	if err != nil {
		return nil, fmt.Errorf("the connection was closed after half of the body, as asked: %w", err)
	}
	return readResponse(resp)
}

// linger lets the receiver read what was sent: a reset throws away what has not been read.
func linger(ctx context.Context) {
	const enough = 50 * time.Millisecond
	pause := time.NewTimer(enough)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// reset makes the close of a connection a reset.
func reset(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it fails on a connection that has ended already
		tcp.Close()
	}
}
