package disk

import "time"

const (
	// groupSize bounds how many requests share one durable write.
	groupSize = 1024
	// gatherTime is how long a commit waits at most for others to share its write while further deliveries are under way. A
	// durable write costs the same processor time whatever is in it.
	gatherTime = time.Millisecond
)

// noteAsked counts a request, and ends the writer's pause with the last one that it can be waiting for.
func (w *writer) noteAsked() {
	w.asked.Add(1)
	if !w.allAsked() {
		return
	}
	select {
	case w.complete <- struct{}{}:
	default:
	}
}

// allAsked reports whether no delivery under way is left that could join the group, or no room for it.
func (w *writer) allAsked() bool {
	asked := w.asked.Load()
	return asked >= groupSize || asked >= w.claims.Held()
}

// gather makes a group of a request and of those that are waiting. While more deliveries are under way than have asked, it
// gives them a moment to do so.
func (w *writer) gather(req *request) {
	w.group = append(w.group[:0], req)
	if !req.drop {
		w.awaitAsked()
	}
	w.takeWaiting()
}

// awaitAsked returns when all have asked, at the latest after gatherTime.
func (w *writer) awaitAsked() {
	select {
	case <-w.complete: // an earlier group's
	default:
	}
	if w.allAsked() {
		return
	}
	w.pause.Reset(gatherTime)
	select {
	case <-w.complete:
	case <-w.pause.C:
	case <-w.closing:
	}
}

// takeWaiting adds the requests that are waiting to the group.
func (w *writer) takeWaiting() {
	for !w.full() {
		select {
		case next := <-w.requests:
			w.group = append(w.group, next)
		default:
			return
		}
	}
}

// full reports whether the group takes no more. A forget ends a group, since it must see what came before it.
func (w *writer) full() bool { return len(w.group) == groupSize || w.group[len(w.group)-1].drop }
