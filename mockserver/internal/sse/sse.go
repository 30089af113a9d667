// Package sse writes server-sent events, as the HTML standard defines them (section 9.2).
package sse

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// writeTimeout is how long a client may take to accept an event.
const writeTimeout = 10 * time.Second

// Stream is an open stream.
type Stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

// Start begins the answer.
func Start(w http.ResponseWriter) *Stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	s := &Stream{w, http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK)
	s.c.Flush()
	return s
}

// Send sends one event, whose data is one line. id and name may be empty.
func (s *Stream) Send(id, name string, data []byte) error {
	text := ""
	if id != "" {
		text += "id: " + id + "\n"
	}
	if name != "" {
		text += "event: " + name + "\n"
	}
	return s.write(fmt.Sprintf("%sdata: %s\n\n", text, data))
}

// Comment sends a line that clients ignore.
func (s *Stream) Comment(text string) error { return s.write(": " + text + "\n\n") }

func (s *Stream) write(text string) error {
	if err := s.c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.c.Flush()
}

// Done is what a handler returns when the stream has been its answer.
func Done() (status int, value any, err error) { return 0, nil, httpjson.ErrAnswered }
