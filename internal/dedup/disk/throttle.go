package disk

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// throttleInterval is the least time between two lines of one message.
const throttleInterval = 10 * time.Second

// throttle logs errors, of each message one at most every throttleInterval. The engine repeats what fails without a pause,
// and its errors print their stacks unless they are taken for text.
type throttle struct {
	to *slog.Logger // nil: nothing is logged

	mu    sync.Mutex
	lines map[string]line // by message, of which there are a few constant ones
}

// line is what was logged of a message.
type line struct {
	at         time.Time
	suppressed int // since then
}

func newThrottle(to *slog.Logger) *throttle { return &throttle{to: to, lines: map[string]line{}} }

// error logs the message with err's text and with the number of lines that were left out before it.
func (t *throttle) error(message string, err error) {
	suppressed, due := t.due(message, time.Now())
	if !due || t.to == nil {
		return
	}
	attrs := []any{"error", err.Error()}
	if suppressed > 0 {
		attrs = append(attrs, "suppressed", suppressed)
	}
	t.to.Log(context.Background(), slog.LevelError, message, attrs...)
}

// due reports whether a line may be logged now, and how many were not since the last.
func (t *throttle) due(message string, now time.Time) (suppressed int, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, known := t.lines[message]
	if known && now.Sub(last.at) < throttleInterval {
		last.suppressed++
		t.lines[message] = last
		return 0, false
	}
	t.lines[message] = line{at: now}
	return last.suppressed, true
}

// once logs the message whatever was logged before.
func (t *throttle) once(level slog.Level, message string, attrs ...any) {
	if t.to != nil {
		t.to.Log(context.Background(), level, message, attrs...)
	}
}
