package listen

import (
	"io"
	"time"
)

// watched is a stream that is cut when nothing arrives for too long, as after a laptop's sleep. The time between two
// reads does not count: a receiver may take as long as it likes.
type watched struct {
	stream io.Reader
	idle   time.Duration
	timer  *time.Timer
}

// newWatched watches a stream; cut must end a read that is under way.
func newWatched(stream io.Reader, idle time.Duration, cut func()) *watched {
	timer := time.AfterFunc(idle, cut)
	timer.Stop()
	return &watched{stream, idle, timer}
}

// Read implements [io.Reader].
func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.idle)
	defer w.timer.Stop()
	return w.stream.Read(p)
}
