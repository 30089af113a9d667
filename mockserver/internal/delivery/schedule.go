package delivery

import (
	"net/http"
	"strconv"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
)

// pause returns the pause before the attempt that follows so many of the schedule, shortened by the jitter. It depends
// on the seed and the delivery's place in the order of emission alone.
func (e *Engine) pause(entry *entry, tries int) time.Duration {
	pause := e.o.Schedule[tries]
	cut := e.o.Jitter * faults.Draw(e.o.Seed, entry.ordinal, tries)
	return pause - time.Duration(float64(pause)*cut)
}

// retryPause returns the pause before the next attempt: the schedule's, or longer where the answer to the last one asks
// for it (clauses DLV-004, DLV-005).
func (e *Engine) retryPause(entry *entry, answer *client.Response) time.Duration {
	pause := e.pause(entry, entry.tries)
	return max(pause, min(retryAfter(answer, time.Now()), e.o.Cap))
}

// retryAfter returns the pause that an answer asks for (RFC 9110 section 10.2.3), or 0.
func retryAfter(r *client.Response, now time.Time) time.Duration {
	if r == nil || r.Status != http.StatusTooManyRequests && r.Status != http.StatusServiceUnavailable {
		return 0
	}
	value := r.Headers.Get("Retry-After")
	const most = 366 * 24 * 60 * 60
	if seconds, err := strconv.ParseUint(value, 10, 63); err == nil {
		return time.Duration(min(seconds, most)) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(date.Sub(now), 0)
	}
	return 0
}

// after opens the next attempt of the schedule: at once, or when the pause is over.
func (e *Engine) after(entry *entry, pause time.Duration) {
	entry.open++
	if pause <= 0 {
		e.due(entry)
		return
	}
	e.at(entry, e.o.Clock.Now().Add(pause), func() { e.due(entry) })
}

// at schedules what an open attempt does next. Where the attempt is taken back at the very moment at which its time
// has come, it ends there.
func (e *Engine) at(entry *entry, at time.Time, then func()) {
	entry.NextAttemptAt = &at
	entry.timer = e.o.Clock.At(at, e.locked(e.epoch, func() {
		if entry.timer == nil {
			entry.open--
			e.tellLater(entry, e.settle(entry))
			return
		}
		entry.timer, entry.NextAttemptAt = nil, nil
		then()
	}))
}
