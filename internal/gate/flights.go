package gate

import (
	"context"
	"sync"
)

// flights counts the requests that are being judged and the admissions that have not ended. Unlike a WaitGroup it may be waited on while more begin.
type flights struct {
	mu   sync.Mutex
	n    int64
	idle chan struct{} // closed when n falls to 0; nil when nobody waits
}

func (f *flights) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
}

func (f *flights) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	if f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

func (f *flights) count() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// drain waits until there is none.
func (f *flights) drain(ctx context.Context) error {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
