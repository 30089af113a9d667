// Package capture reads one HTTP request from what people have at hand when a signature does not fit: the raw text of the
// request, an entry of a browser's or proxy's HAR file, or a curl command.
package capture

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// MaxSize is the largest capture that is read, in bytes.
const MaxSize = 64 << 20

// The reasons for which a capture is refused.
var (
	// ErrTooLarge refuses a capture of more than [MaxSize] bytes.
	ErrTooLarge = errors.New("the capture is larger than 64 MiB")
	// ErrEmpty refuses a capture without any text.
	ErrEmpty = errors.New("the capture is empty")
	// ErrForm refuses a text that is none of the forms.
	ErrForm = errors.New("this is neither a raw HTTP request, nor a HAR file, nor a curl command")
)

// Request is a captured request.
type Request struct {
	Method string
	// Target is the URL or the path, as far as the capture has it.
	Target string
	Header http.Header
	// Body is the raw body as far as the capture kept it.
	Body []byte
	// Time is when the request was made, where the capture says so.
	Time time.Time
	// Notes say what is doubtful about the capture, such as a length that does not fit.
	Notes []string
}

// note adds a doubt.
func (r *Request) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// Options choose what is read.
type Options struct {
	// Header is a field that tells the wanted entry of a HAR file from the others, such as the signature header.
	Header string
	// Entry is the number of a HAR entry, from 1. Default: the only one that has Header.
	Entry int
}

// Parse reads a capture in any of the forms. Errors: [ErrTooLarge], [ErrEmpty], [ErrForm], or what is wrong inside the
// form that it recognized.
func Parse(data []byte, o Options) (Request, error) {
	if len(data) > MaxSize {
		return Request{}, ErrTooLarge
	}
	head := bytes.TrimLeft(data, " \t\r\n\ufeff")
	switch {
	case len(head) == 0:
		return Request{}, ErrEmpty
	case head[0] == '{':
		return parseHAR(head, o)
	case isCurl(head):
		return parseCurl(string(head))
	case isRaw(head):
		return parseRaw(head)
	}
	return Request{}, ErrForm
}

// isCurl reports a text that begins with the command's name, perhaps behind a prompt.
func isCurl(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimPrefix(head, []byte("$ ")), []byte("curl"))
}

// isRaw reports a text whose first line ends in an HTTP version.
func isRaw(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	fields := strings.Fields(string(line))
	return len(fields) == 3 && strings.HasPrefix(fields[2], "HTTP/")
}
