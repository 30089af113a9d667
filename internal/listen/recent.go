package listen

// maxRecent is how many ids are remembered, far more than a platform sends again after a cut.
const maxRecent = 10_000

// recent remembers the latest ids. The zero value is empty.
type recent struct {
	known map[string]struct{}
	ring  []string
	next  int
}

// has reports whether the id is remembered.
func (r *recent) has(id string) bool {
	_, ok := r.known[id]
	return ok
}

// add remembers an id, in place of the oldest when there are too many.
func (r *recent) add(id string) {
	if r.has(id) {
		return
	}
	if r.known == nil {
		r.known = map[string]struct{}{}
	}
	r.known[id] = struct{}{}
	if len(r.ring) < maxRecent {
		r.ring = append(r.ring, id)
		return
	}
	delete(r.known, r.ring[r.next])
	r.ring[r.next] = id
	r.next = (r.next + 1) % maxRecent
}
