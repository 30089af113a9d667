package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	// declaredLength is over every gate's default limit.
	declaredLength = 2 * maxBody
	// oversizedStart is how much of such a body is sent before the answer is read.
	oversizedStart = 16 << 10
)

// declare sends the head of a delivery whose body is too large, and the beginning of the body, over a connection of its
// own, which nobody can use afterwards.
func (d delivery) declare(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", address, declaredLength)
	for _, f := range d.fields {
		fmt.Fprintf(&head, "%s: %s\r\n", f.Name, f.Value)
	}
	head.WriteString("\r\n")
	head.Write(newBody(oversizedStart))
	if _, err := conn.Write(head.Bytes()); err != nil {
		return fmt.Errorf("sending an oversized body: %w", err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return fmt.Errorf("sending an oversized body: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != oversized.status() {
		return fmt.Errorf("an oversized delivery was answered %s", resp.Status)
	}
	return nil
}
