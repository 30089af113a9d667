package clock

import (
	"container/heap"
	"time"
)

// Timer is a call that happens at a moment of a [Clock].
type Timer struct {
	clock *Clock
	at    time.Time
	order uint64
	index int // place in the heap, -1 when it is not there
	f     func()
}

// AfterFunc calls f when d has passed on the clock. Timers that are due at the same moment run in the order in which
// they were made. f must not block for long and must not call Advance.
func (c *Clock) AfterFunc(d time.Duration, f func()) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.schedule(c.now().Add(max(d, 0)), f)
}

// At calls f when the clock reaches a moment, or soon when it has passed.
func (c *Clock) At(moment time.Time, f func()) *Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.schedule(moment, f)
}

func (c *Clock) schedule(at time.Time, f func()) *Timer {
	c.serial++
	t := &Timer{clock: c, at: at, order: c.serial, f: f}
	heap.Push(&c.timers, t)
	if t.index == 0 {
		c.signal()
	}
	return t
}

// Stop keeps the timer from firing and reports whether it was still to fire.
func (t *Timer) Stop() bool {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.index < 0 {
		return false
	}
	heap.Remove(&c.timers, t.index)
	return true
}

// signal tells the runner to look again.
func (c *Clock) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run fires timers as real time passes, until Stop.
func (c *Clock) run() {
	sleep := time.NewTimer(0)
	defer sleep.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-c.wake:
		case <-sleep.C:
		}
		c.mu.Lock()
		due := c.takeDue(c.now())
		pause := c.pause()
		c.mu.Unlock()
		c.fire(due)
		if len(due) > 0 {
			pause = 0
		}
		sleep.Reset(pause)
	}
}

// pause returns the real time until the earliest timer is due.
func (c *Clock) pause() time.Duration {
	const longest = time.Hour
	if len(c.timers) == 0 {
		return longest
	}
	left := float64(c.timers[0].at.Sub(c.now())) / c.scale
	return time.Duration(min(max(left, 0), float64(longest)))
}

// timerHeap orders timers by moment, then by age.
type timerHeap []*Timer

func (h timerHeap) Len() int { return len(h) }

func (h timerHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].order < h[j].order
	}
	return h[i].at.Before(h[j].at)
}

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements [heap.Interface].
func (h *timerHeap) Push(x any) {
	t := x.(*Timer)
	t.index = len(*h)
	*h = append(*h, t)
}

// Pop implements [heap.Interface].
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
