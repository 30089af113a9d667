package delivery

import (
	"slices"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
)

// entry is a delivery as the engine knows it. The engine's lock guards it.
type entry struct {
	client.Delivery
	provider string
	endpoint string
	ordinal  uint64
	body     []byte
	own      []*faults.Fault

	tries   int // attempts of the schedule that have ended
	started int // attempts that were numbered
	open    int // attempts that are scheduled, queued, held or under way
	timer   *clock.Timer
	ended   uint64 // place in the book's order of ending; 0 while the delivery is open
	size    int    // bytes, as the book has counted them
}

// snapshot returns a copy that shares nothing that changes.
func (e *entry) snapshot() client.Delivery {
	d := e.Delivery
	d.Attempts = slices.Clone(e.Attempts)
	if d.Attempts == nil {
		d.Attempts = []client.Attempt{}
	}
	return d
}

// unschedule takes back the next attempt and reports whether one was scheduled.
func (e *entry) unschedule() bool {
	scheduled := e.timer != nil && e.timer.Stop()
	e.timer, e.NextAttemptAt = nil, nil
	return scheduled
}

// book holds the entries by id and in the order in which they were made, and remembers a bounded number of those that
// have ended. The engine's lock guards it.
type book struct {
	byID    map[string]*entry
	inOrder []*entry // by ordinal; nil where one was dropped
	gaps    int      // nils in inOrder
	pending int      // entries that have not ended
	bytes   int      // what all entries take
	waiting int      // what those take that have not ended

	endings []ending // in the order of ending; stale where the entry was opened again
	serial  uint64
	dropped uint64
}

type ending struct {
	entry *entry
	at    uint64
}

func newBook() book { return book{byID: map[string]*entry{}} }

// add takes in a new entry, whose ordinal is the highest.
func (b *book) add(e *entry) {
	b.byID[e.ID] = e
	b.inOrder = append(b.inOrder, e)
	b.pending++
	b.resize(e)
}

// resize counts anew what an entry takes.
func (b *book) resize(e *entry) {
	grown := e.measure() - e.size
	e.size += grown
	b.bytes += grown
	if e.ended == 0 {
		b.waiting += grown
	}
}

// end notes that an entry has ended.
func (b *book) end(e *entry) {
	b.serial++
	e.ended = b.serial
	b.pending--
	b.waiting -= e.size
	b.endings = append(b.endings, ending{e, b.serial})
	if n := len(b.endings); n > 64 && n > 2*(len(b.byID)-b.pending) {
		b.endings = slices.DeleteFunc(b.endings, ending.stale)
	}
}

// stale reports whether the entry was opened again since.
func (e ending) stale() bool { return e.entry.ended != e.at }

// prune drops the oldest ended entries while there are more of them than history, or all entries take more than memory
// bytes. It returns what it dropped.
func (b *book) prune(history, memory int) (dropped []*entry) {
	for len(b.endings) > 0 && (len(b.byID)-b.pending > history || b.bytes > memory) {
		oldest := b.endings[0]
		b.endings = b.endings[1:]
		if !oldest.stale() {
			b.drop(oldest.entry)
			dropped = append(dropped, oldest.entry)
		}
	}
	return dropped
}

// reopen takes an ended entry back among the pending ones.
func (b *book) reopen(e *entry) {
	e.ended = 0
	b.pending++
	b.waiting += e.size
}

// drop forgets an entry, and closes the gaps when they are more than half.
func (b *book) drop(e *entry) {
	delete(b.byID, e.ID)
	b.dropped++
	b.bytes -= e.size
	if i, found := b.find(e.ordinal); found {
		b.inOrder[i] = nil
		b.gaps++
	}
	if b.gaps > 64 && b.gaps > len(b.inOrder)/2 {
		b.inOrder = slices.DeleteFunc(b.inOrder, func(e *entry) bool { return e == nil })
		b.gaps = 0
	}
}

// find returns the place of an ordinal. Dropped neighbours hold no ordinal, so it looks past them.
func (b *book) find(ordinal uint64) (int, bool) {
	low, high := 0, len(b.inOrder)
	for low < high {
		middle := (low + high) / 2
		at := middle
		for at < high && b.inOrder[at] == nil {
			at++
		}
		switch {
		case at == high:
			high = middle
		case b.inOrder[at].ordinal == ordinal:
			return at, true
		case b.inOrder[at].ordinal < ordinal:
			low = at + 1
		default:
			high = middle
		}
	}
	return low, false
}

func (b *book) counts() Counts {
	c := Counts{Dropped: b.dropped}
	for _, e := range b.byID {
		switch e.Status {
		case client.Pending:
			c.Pending++
		case client.Succeeded:
			c.Succeeded++
		case client.Failed:
			c.Failed++
		}
	}
	return c
}
