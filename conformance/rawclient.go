package conformance

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// sendRaw sends a message over a connection of its own: with a declared length that may be untrue, or in chunks. It ends
// its side after the body, and reads the answer even when the target stopped reading earlier.
func (p *probe) sendRaw(ctx context.Context, m message, declared int, chunked bool) answer {
	began := time.Now()
	a := p.overWire(ctx, m, declared, chunked, nil)
	a.took = time.Since(began)
	p.keep(message{method: m.method, url: m.url, header: m.header, body: m.body[:min(len(m.body), 4*maxShown)]}, a)
	if errors.Is(a.err, errRefused) {
		p.cannotTell("the target refused the connection")
	}
	return a
}

// stalled sends all but the last byte of a message and waits for an answer until the context ends.
func (p *probe) stalled(ctx context.Context, m message) answer {
	return p.overWire(ctx, m, len(m.body), false, ctx.Done())
}

// overWire writes one HTTP/1.1 request by hand. With a stall, the last byte is held back until that is closed.
func (p *probe) overWire(ctx context.Context, m message, declared int, chunked bool, stall <-chan struct{}) answer {
	conn, err := dial(ctx, m.url, p.cfg.Timeout)
	if err != nil {
		return answer{err: plain(err)}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(time.Now().Add(3 * p.cfg.Timeout)); err != nil {
		return answer{err: plain(err)}
	}
	written := make(chan error, 1)
	go func() { written <- writeRequest(conn, m, declared, chunked, stall) }()
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: m.method})
	if err != nil {
		return answer{err: plain(err)}
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer{status: res.StatusCode, header: res.Header, body: body}
}

// dial connects to the host of a URL.
func dial(ctx context.Context, target string, timeout time.Duration) (net.Conn, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("parsing the target: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	d := &net.Dialer{Timeout: timeout}
	addr := net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "https" {
		return (&tls.Dialer{NetDialer: d}).DialContext(ctx, "tcp", addr)
	}
	return d.DialContext(ctx, "tcp", addr)
}

// writeRequest writes the head and the body, and then ends the suite's side of the connection.
func writeRequest(conn net.Conn, m message, declared int, chunked bool, stall <-chan struct{}) error {
	if _, err := io.WriteString(conn, requestHead(m, declared, chunked)); err != nil {
		return err
	}
	if stall != nil {
		if _, err := conn.Write(m.body[:len(m.body)-1]); err != nil {
			return err
		}
		<-stall
		return nil
	}
	if chunked {
		return writeChunks(conn, m.body)
	}
	if _, err := conn.Write(m.body); err != nil {
		return err
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok && declared > len(m.body) {
		return half.CloseWrite()
	}
	return nil
}

// requestHead is the request line and the header.
func requestHead(m message, declared int, chunked bool) string {
	u, err := url.Parse(m.url)
	if err != nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", m.method, u.RequestURI(), u.Host)
	for name, values := range m.header {
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\r\n", name, v)
		}
	}
	if chunked {
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	} else {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", declared)
	}
	return b.String()
}

// writeChunks writes a body in chunks of 64 KiB.
func writeChunks(w io.Writer, body []byte) error {
	for len(body) > 0 {
		part := body[:min(len(body), 64<<10)]
		if _, err := fmt.Fprintf(w, "%x\r\n%s\r\n", len(part), part); err != nil {
			return err
		}
		body = body[len(part):]
	}
	_, err := io.WriteString(w, "0\r\n\r\n")
	return err
}
