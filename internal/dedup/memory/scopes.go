package memory

import (
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// scopes numbers the scopes in use, so that a record carries a number instead of a name, and holds the newest record of
// each. A scope without records gives its number back.
type scopes struct {
	numbers map[string]uint32
	all     []scopeEntry
	free    []uint32
}

type scopeEntry struct {
	name    string
	records int
	newest  slot
}

func newScopes() scopes { return scopes{numbers: make(map[string]uint32)} }

func (s *scopes) name(number uint32) string { return s.all[number].name }

// enter counts one more record of the scope and returns its number.
func (s *scopes) enter(name string) uint32 {
	number, known := s.numbers[name]
	if !known {
		number = s.allocate()
		s.all[number].name = name
		s.numbers[name] = number
	}
	s.all[number].records++
	return number
}

// leave counts one record less.
func (s *scopes) leave(number uint32) {
	entry := &s.all[number]
	if entry.records--; entry.records == 0 {
		delete(s.numbers, entry.name)
		*entry = scopeEntry{}
		s.free = append(s.free, number)
	}
}

func (s *scopes) allocate() uint32 {
	if last := len(s.free) - 1; last >= 0 {
		number := s.free[last]
		s.free = s.free[:last]
		return number
	}
	s.all = append(s.all, scopeEntry{})
	return uint32(len(s.all) - 1)
}

// linkNewest puts a record at the newest end of its scope's list.
func (r *records) linkNewest(n slot) {
	rec := r.at(n)
	scope := &r.scopes.all[rec.scope]
	rec.newer, rec.older = 0, scope.newest
	if rec.older != 0 {
		r.at(rec.older).newer = n
	}
	scope.newest = n
}

// unlink takes a record out of its scope's list.
func (r *records) unlink(n slot) {
	rec := r.at(n)
	if rec.older != 0 {
		r.at(rec.older).newer = rec.newer
	}
	if rec.newer != 0 {
		r.at(rec.newer).older = rec.older
	} else {
		r.scopes.all[rec.scope].newest = rec.older
	}
}

// recent appends up to limit live records of a scope (every scope when it is empty), the newest first.
func (r *records) recent(to []dedup.Record, scope string, limit int) []dedup.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	heads := r.heads(scope)
	for ; limit > 0; limit-- {
		n := r.popNewest(heads, now)
		if n == 0 {
			break
		}
		to = append(to, r.export(n))
	}
	return to
}

// heads returns the newest record of the scope, or of every scope.
func (r *records) heads(scope string) []slot {
	if scope != "" {
		number, known := r.scopes.numbers[scope]
		if !known {
			return nil
		}
		return []slot{r.scopes.all[number].newest}
	}
	var heads []slot
	for _, number := range r.scopes.numbers {
		heads = append(heads, r.scopes.all[number].newest)
	}
	return heads
}

// popNewest returns the newest of the heads and moves that head on; 0 when there is none left.
func (r *records) popNewest(heads []slot, now time.Duration) slot {
	newest := -1
	for i := range heads {
		for heads[i] != 0 && r.at(heads[i]).expires <= now {
			heads[i] = r.at(heads[i]).older
		}
		if heads[i] != 0 && (newest < 0 || r.at(heads[i]).at > r.at(heads[newest]).at) {
			newest = i
		}
	}
	if newest < 0 {
		return 0
	}
	n := heads[newest]
	heads[newest] = r.at(n).older
	return n
}
