// Package attack does to a gate what its worst senders do: bodies that are announced and withheld, and one delivery over
// very many connections at once. Tests and benchmarks hold the gate against it.
package attack

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/darihook/darihook/signature"
)

// patience bounds each connection: a gate that does not answer is an error and not a hang.
const patience = 60 * time.Second

// Request is one request as it goes over the wire.
type Request struct {
	// Address is where the gate listens, as host:port.
	Address string
	// Fields are header fields, those of the signature for one.
	Fields []signature.Field
	// Body is what is sent of the body.
	Body []byte
	// Declared is the length that the header gives. Default: that of Body. A greater one leaves the request unfinished.
	Declared int
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
}

// bytes returns the request as it goes over the wire.
func (r Request) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		r.Address, max(r.Declared, len(r.Body)))
	for _, f := range r.Fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return b.Bytes()
}

// dial opens a connection of its own.
func (r Request) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// Send sends the request over a connection of its own, and returns the answer to it.
func Send(ctx context.Context, r Request) (Answer, error) {
	conn, err := r.dial(ctx)
	if err != nil {
		return Answer{}, err
	}
	defer conn.Close()
	if _, err := conn.Write(r.bytes()); err != nil {
		return Answer{}, fmt.Errorf("sending: %w", err)
	}
	return read(conn)
}

// read reads an answer to its end.
func read(conn net.Conn) (Answer, error) {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return Answer{resp.StatusCode, resp.Header}, err
}

// AtOnce sends one request over many connections at the same instant: each has everything but the last byte before any
// gets it. It calls sent once all of them have it, and returns the answers.
func AtOnce(ctx context.Context, r Request, connections int, sent func()) ([]Answer, error) {
	conns, err := Hold(ctx, Request{r.Address, r.Fields, r.Body[:len(r.Body)-1], len(r.Body)}, connections)
	if err != nil {
		return nil, err
	}
	defer conns.Close()
	answers, failures := make([]Answer, connections), make([]error, connections)
	var all, written sync.WaitGroup
	written.Add(connections)
	for i, conn := range conns {
		all.Go(func() {
			_, err := conn.Write(r.Body[len(r.Body)-1:])
			written.Done()
			if answers[i], failures[i] = read(conn); err != nil {
				failures[i] = err
			}
		})
	}
	written.Wait()
	sent()
	all.Wait()
	for _, err := range failures {
		if err != nil {
			return answers, err
		}
	}
	return answers, nil
}

// Held are connections over which a request has been begun and not ended.
type Held []net.Conn

// Hold begins an unfinished request over each of many connections.
func Hold(ctx context.Context, r Request, connections int) (Held, error) {
	var held Held
	for range connections {
		conn, err := r.dial(ctx)
		if err != nil {
			held.Close()
			return nil, err
		}
		held = append(held, conn)
		if _, err := conn.Write(r.bytes()); err != nil {
			held.Close()
			return nil, fmt.Errorf("sending: %w", err)
		}
	}
	return held, nil
}

// Close hangs up.
func (h Held) Close() {
	for _, conn := range h {
		_ = conn.Close()
	}
}
