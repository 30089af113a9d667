package delivery

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/darihook/darihook/mockserver/client"
)

// What a delivery, an attempt, a field of a header and a fault take besides their texts and bytes, in bytes.
const (
	entryCost   = 1 << 10
	attemptCost = 1 << 10
	fieldCost   = 64
	faultCost   = 256
)

// maxAttempts is how many attempts of one delivery are remembered.
const maxAttempts = 1000

// size is what an order's delivery takes before its first attempt.
func (o Order) size() int {
	return entryCost + len(o.ID) + len(o.Provider) + len(o.Endpoint) + len(o.Agent) + len(o.EventID) + len(o.Type) + len(o.URL) +
		len(o.Body) + len(o.Faults)*faultCost
}

// measure returns what an entry takes with its attempts.
func (e *entry) measure() int {
	n := Order{
		ID: e.ID, Provider: e.provider, Endpoint: e.endpoint, Agent: e.AgentID, EventID: e.EventID, Type: e.Type, URL: e.URL, Body: e.body,
	}.size()
	n += len(e.own) * faultCost
	for _, a := range e.Attempts {
		n += sizeOf(a, e.body)
	}
	return n
}

// sizeOf is what an attempt takes. A request's body that is the delivery's own is there once for all attempts.
func sizeOf(a client.Attempt, own []byte) int {
	n := attemptCost + sizeOfHeader(a.Request.Headers)
	if !same(a.Request.Body, own) {
		n += len(a.Request.Body)
	}
	if a.Response != nil {
		n += sizeOfHeader(a.Response.Headers) + len(a.Response.Body)
	}
	if a.Error != nil {
		n += len(*a.Error)
	}
	return n
}

func sizeOfHeader(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += fieldCost + len(name) + len(v)
		}
	}
	return n
}

// same reports whether two bodies are the same bytes in memory.
func same(a, b []byte) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// wire is about what an entry takes where it is written out, in which every attempt has its body.
func (e *entry) wire() int {
	n := e.size
	for _, a := range e.Attempts {
		n += len(a.Request.Body)
	}
	return n
}

// admit refuses what there is no room for even when every ended delivery is forgotten.
func (e *Engine) admit(count, size int) error {
	const remedy = "let them end, empty the mock with POST /_mock/reset, or start it with a larger"
	if e.book.pending+count > e.o.MaxPending {
		return fmt.Errorf("%w: %d wait, %d more were asked for, and %d may; %s --max-pending",
			ErrFull, e.book.pending, count, e.o.MaxPending, remedy)
	}
	if e.book.waiting+size > e.o.MaxMemory {
		return fmt.Errorf("%w: they take %d bytes, %d more were asked for, and %d may be taken; %s --max-memory",
			ErrFull, e.book.waiting, size, e.o.MaxMemory, remedy)
	}
	return nil
}

// Room reports whether so many deliveries with bodies of so many bytes together would be accepted now. Errors: [ErrFull].
func (e *Engine) Room(count, bytes int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.admit(count, count*entryCost+bytes)
}

// prune forgets ended deliveries, the oldest first, until there are no more than are to be remembered and there is room
// for so many bytes.
func (e *Engine) prune(room int) {
	for _, old := range e.book.prune(e.o.History, e.o.MaxMemory-room) {
		e.o.Store.Delete(table, old.ID)
	}
}

// contain keeps the memory within its bound when a delivery has grown. Where those that wait take all of it, there is
// nothing to forget but what the delivery has recorded of itself.
func (e *Engine) contain(entry *entry) {
	e.book.resize(entry)
	e.prune(0)
	if over := e.book.bytes - e.o.MaxMemory; over > 0 && entry.ended == 0 {
		entry.shed(entry.size - over)
		e.book.resize(entry)
	}
}

// shed forgets attempts, the oldest first, and then what the last one has sent and got, until the entry takes no more
// than size bytes or there is nothing more to forget.
func (e *entry) shed(size int) {
	n, left := 0, e.measure()
	for ; n < len(e.Attempts)-1 && left > size; n++ {
		left -= sizeOf(e.Attempts[n], e.body)
	}
	e.forget(n)
	if len(e.Attempts) > 0 && left > size {
		trim(&e.Attempts[0])
	}
}

// forget drops the oldest attempts.
func (e *entry) forget(n int) {
	e.Attempts = slices.Delete(e.Attempts, 0, n)
	e.AttemptsDropped += n
}

// trim forgets the headers and bodies of an attempt.
func trim(a *client.Attempt) {
	size := max(a.Request.BodySize, len(a.Request.Body))
	a.Trimmed = true
	a.Request = client.Request{Method: a.Request.Method, Headers: http.Header{}, Body: []byte{}, BodySize: size}
	if a.Response != nil {
		a.Response = &client.Response{Status: a.Response.Status, Headers: http.Header{}, Body: []byte{}}
	}
}
