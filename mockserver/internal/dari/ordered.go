package dari

import (
	"cmp"
	"slices"
)

// ordered is a map that remembers the order in which its entries were added.
type ordered[T any] struct {
	byID  map[string]T
	order []string
}

func newOrdered[T any]() ordered[T] { return ordered[T]{byID: map[string]T{}} }

func (o *ordered[T]) len() int { return len(o.byID) }

// get returns an entry and reports whether it exists.
func (o *ordered[T]) get(id string) (T, bool) {
	v, ok := o.byID[id]
	return v, ok
}

// put adds or replaces an entry.
func (o *ordered[T]) put(id string, v T) {
	if _, known := o.byID[id]; !known {
		o.order = append(o.order, id)
	}
	o.byID[id] = v
}

// remove drops an entry.
func (o *ordered[T]) remove(id string) {
	delete(o.byID, id)
	if i := slices.Index(o.order, id); i >= 0 {
		o.order = slices.Delete(o.order, i, i+1)
	}
}

// sort orders the entries by a text, and by id where it is the same.
func (o *ordered[T]) sort(by func(T) string) {
	slices.SortFunc(o.order, func(a, b string) int {
		return cmp.Or(cmp.Compare(by(o.byID[a]), by(o.byID[b])), cmp.Compare(a, b))
	})
}

// all returns the entries, the oldest first.
func (o *ordered[T]) all() []T {
	list := make([]T, len(o.order))
	for i, id := range o.order {
		list[i] = o.byID[id]
	}
	return list
}

// repeats remembers what an Idempotency-Key led to, for the latest keys.
type repeats struct{ ordered[repeat] }

// repeat is what a call with a key has made.
type repeat struct {
	SessionID string `json:"session_id,omitempty"`
	MessageID string `json:"message_id,omitempty"`
	EventID   string `json:"event_id,omitempty"`
	BatchID   string `json:"batch_id,omitempty"`
}

// maxRepeats is how many keys are remembered, and maxRepeatKey how many bytes one may have.
const (
	maxRepeats   = 10_000
	maxRepeatKey = 255
)

const longRepeatKey = "must be at most 255 bytes"

func newRepeats() *repeats { return &repeats{newOrdered[repeat]()} }

// repeatOf returns what was made under a key before; an empty key repeats nothing.
func (p *Platform) repeatOf(org, scope, key string) (repeat, bool) {
	if key == "" {
		return repeat{}, false
	}
	return p.repeated.get(org + "\x1f" + scope + "\x1f" + key)
}

// repeatable notes what was made under a key.
func (p *Platform) repeatable(org, scope, key string, r repeat) {
	if key == "" {
		return
	}
	id := org + "\x1f" + scope + "\x1f" + key
	p.repeated.put(id, r)
	p.o.Store.Put(tableRepeats, id, r)
	if p.repeated.len() > maxRepeats {
		oldest := p.repeated.order[0]
		p.repeated.remove(oldest)
		p.o.Store.Delete(tableRepeats, oldest)
	}
}
