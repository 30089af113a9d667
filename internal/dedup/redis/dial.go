package redis

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// maxGreeting bounds one answer of a server that is being checked.
const maxGreeting = 1 << 20

// dial makes a connection and checks the server at its other end, before anything else is sent over it: an address may
// lead to another server than it did for the last connection.
func dial(ctx context.Context, address string, opts Options, dialer *net.Dialer, encrypt *tls.Config) (net.Conn, Server, error) {
	conn, err := connectTo(ctx, address, dialer, encrypt)
	if err != nil {
		return nil, Server{}, err
	}
	server, err := greet(conn, opts)
	if err != nil {
		return nil, server, errors.Join(err, conn.Close())
	}
	return conn, server, nil
}

func connectTo(ctx context.Context, address string, dialer *net.Dialer, encrypt *tls.Config) (net.Conn, error) {
	if encrypt == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	return (&tls.Dialer{NetDialer: dialer, Config: encrypt}).DialContext(ctx, "tcp", address)
}

// greet logs in and asks the server what it is, and for the format of its keys.
func greet(conn net.Conn, opts Options) (Server, error) {
	if err := conn.SetDeadline(time.Now().Add(opts.Timeout)); err != nil {
		return Server{}, err
	}
	commands := [][]string{{"INFO"}, {"GET", formatKey}}
	if opts.Database != 0 {
		commands = append([][]string{{"SELECT", strconv.Itoa(opts.Database)}}, commands...)
	}
	switch {
	case opts.Username != "":
		commands = append([][]string{{"AUTH", opts.Username, opts.Password.value}}, commands...)
	case opts.Password.isSet():
		commands = append([][]string{{"AUTH", opts.Password.value}}, commands...)
	}
	answers, err := exchange(conn, commands)
	if err != nil {
		return Server{}, fmt.Errorf("checking the server: %w", err)
	}
	last := len(answers) - 1
	server, err := judge(opts, answers[:last-1], answers[last-1], answers[last])
	if err != nil {
		return server, explain(err)
	}
	return server, conn.SetDeadline(time.Time{})
}

// judge reads what a server has answered: to what logs in, about itself, and about its keys.
func judge(opts Options, login []answer, info, mark answer) (Server, error) {
	if info.err != nil && len(login) > 0 && login[0].err != nil {
		return Server{}, login[0].err // why it does not tell
	}
	if info.err != nil {
		return Server{}, fmt.Errorf("asking for INFO: %w", info.err)
	}
	server := parseInfo(info.text)
	if err := server.fits(opts); err != nil {
		return server, err
	}
	for _, a := range login {
		if a.err != nil {
			return server, a.err
		}
	}
	switch {
	case mark.err != nil && !(opts.Cluster && elsewhere(mark.err)):
		return server, fmt.Errorf("reading %s: %w", formatKey, mark.err)
	case mark.err == nil && !mark.none && mark.text != format:
		return server, otherFormat(mark.text)
	}
	return server, nil
}

// elsewhere reports whether a node of a Cluster says that it cannot answer for a key, which others may.
func elsewhere(err error) bool {
	code, _, _ := strings.Cut(err.Error(), " ")
	return code == "MOVED" || code == "ASK" || code == "LOADING" || reasonOfText(err.Error()) == ClusterDown
}

// answer is a server's answer to one command.
type answer struct {
	text string
	none bool
	err  error // the server's own
}

// exchange sends commands with one write and reads their answers. It is all of the protocol that is needed before the client
// takes the connection over.
func exchange(conn net.Conn, commands [][]string) ([]answer, error) {
	var b strings.Builder
	for _, words := range commands {
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, word := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
		}
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		return nil, err
	}
	r := bufio.NewReader(conn)
	answers := make([]answer, len(commands))
	for i := range answers {
		var err error
		if answers[i], err = readAnswer(r); err != nil {
			return nil, err
		}
	}
	if r.Buffered() > 0 {
		return nil, errNoRedis
	}
	return answers, nil
}

var errNoRedis = errors.New("it does not speak the protocol of Redis")

// serverError is what a server has answered in place of what it was asked for.
type serverError string

// Error returns the server's own words.
func (e serverError) Error() string { return string(e) }

func readAnswer(r *bufio.Reader) (answer, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return answer{}, errNoRedis
	case err != nil:
		return answer{}, err
	case len(line) < 3:
		return answer{}, errNoRedis
	}
	text := strings.TrimSuffix(string(line[1:]), "\r\n")
	switch line[0] {
	case '+', ':':
		return answer{text: text}, nil
	case '-':
		return answer{err: serverError(text)}, nil
	case '$':
		return readBulk(r, text)
	}
	return answer{}, errNoRedis
}

func readBulk(r *bufio.Reader, length string) (answer, error) {
	n, err := strconv.Atoi(length)
	switch {
	case err != nil || n > maxGreeting:
		return answer{}, errNoRedis
	case n < 0:
		return answer{none: true}, nil
	}
	text := make([]byte, n+len("\r\n"))
	if _, err := io.ReadFull(r, text); err != nil {
		return answer{}, err
	}
	return answer{text: string(text[:n])}, nil
}
