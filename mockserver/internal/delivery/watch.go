package delivery

import (
	"sync"

	"github.com/darihook/darihook/mockserver/client"
)

// watchBuffer is how many changes a watcher may fall behind before it misses some.
const watchBuffer = 1024

// maxWatchers bounds the streams that are open at once.
const maxWatchers = 128

// watchers are those who want to hear of every change. A slow one misses changes rather than delaying deliveries.
type watchers struct {
	mu     sync.Mutex
	all    map[*Watcher]struct{}
	closed bool
}

// Watcher hears of changes.
type Watcher struct {
	// Changes carries the delivery that changed; its ID is empty after a reset. It is closed when the engine stops.
	Changes chan client.Summary
	missed  bool
	of      *watchers
}

// Watch starts to listen; nil when too many listen already or the engine has stopped. Close ends it.
func (e *Engine) Watch() *Watcher {
	ws := &e.watchers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed || len(ws.all) >= maxWatchers {
		return nil
	}
	w := &Watcher{Changes: make(chan client.Summary, watchBuffer), of: ws}
	if ws.all == nil {
		ws.all = map[*Watcher]struct{}{}
	}
	ws.all[w] = struct{}{}
	return w
}

// Close ends the watching.
func (w *Watcher) Close() {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	delete(w.of.all, w)
}

// Missed reports whether changes were lost since it was last asked.
func (w *Watcher) Missed() bool {
	w.of.mu.Lock()
	defer w.of.mu.Unlock()
	missed := w.missed
	w.missed = false
	return missed
}

// tellOf tells of a delivery. The engine's lock is held.
func (ws *watchers) tellOf(e *entry) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.all) > 0 {
		ws.send(e.Summarize())
	}
}

// tell passes a summary on.
func (ws *watchers) tell(s client.Summary) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.send(s)
}

func (ws *watchers) send(s client.Summary) {
	for w := range ws.all {
		select {
		case w.Changes <- s:
		default:
			w.missed = true
		}
	}
}

// close ends every stream.
func (ws *watchers) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		close(w.Changes)
	}
	ws.all, ws.closed = nil, true
}
