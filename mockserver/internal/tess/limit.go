package tess

import (
	"fmt"
	"time"
)

// minute is the length of a window in which calls are counted.
const minute = time.Minute

// window counts a user's calls from a moment on.
type window struct {
	since time.Time
	calls int
}

// limited refuses a call beyond the limit.
type limited struct {
	// after is how long the caller has to wait.
	after time.Duration
}

func (l *limited) Error() string { return fmt.Sprintf("Too many requests; try again in %v", l.after) }

// seconds is the wait as the answer tells it, rounded up.
func (l *limited) seconds() int { return int((l.after + time.Second - 1) / time.Second) }

// take counts a call, or refuses it with a [*limited].
func (p *Platform) take(user int64) error {
	if p.o.RateLimit == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, w := p.o.Clock.Now(), p.windows[user]
	if now.Sub(w.since) >= minute {
		w = window{since: now}
	}
	if w.calls >= p.o.RateLimit {
		return &limited{w.since.Add(minute).Sub(now)}
	}
	w.calls++
	p.windows[user] = w
	return nil
}
