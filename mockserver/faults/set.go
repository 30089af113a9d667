package faults

import (
	"errors"
	"slices"
	"sync"
)

// ErrFull answers an Add beyond [MaxActive].
var ErrFull = errors.New("too many faults")

// Set is the faults that are switched on. Its methods are safe for concurrent use.
type Set struct {
	mu     sync.Mutex
	faults []*Fault
	// Changed is called under the set's lock with every fault that was added, has struck, or is gone. Default: nothing.
	Changed func(f Fault, gone bool)
}

// Add switches a valid fault on. Its ID must be set and new. Errors: [ErrFull].
func (s *Set) Add(f Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) >= MaxActive {
		return ErrFull
	}
	s.faults = append(s.faults, &f)
	s.changed(f, false)
	return nil
}

func (s *Set) changed(f Fault, gone bool) {
	if s.Changed != nil {
		s.Changed(f, gone)
	}
}

// Remove switches a fault off and reports whether it was on.
func (s *Set) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.faults, func(f *Fault) bool { return f.ID == id })
	if i < 0 {
		return false
	}
	s.changed(*s.faults[i], true)
	s.faults = slices.Delete(s.faults, i, i+1)
	return true
}

// Clear switches every fault off.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		s.changed(*f, true)
	}
	s.faults = nil
}

// List returns the faults in the order in which they were added, the spent ones included.
func (s *Set) List() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Fault, len(s.faults))
	for i, f := range s.faults {
		list[i] = *f
	}
	return list
}

// Get returns one fault and reports whether it is on.
func (s *Set) Get(id string) (Fault, bool) {
	for _, f := range s.List() {
		if f.ID == id {
			return f, true
		}
	}
	return Fault{}, false
}

// Strike returns the faults that strike an attempt, those of the set and then the delivery's own, and counts the hits.
// The caller guards own.
func (s *Set) Strike(a Attempt, own []*Fault) []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var hits []Fault
	for _, f := range s.faults {
		if f.strikes(a) {
			hits = append(hits, *f)
			s.changed(*f, false)
		}
	}
	for _, f := range own {
		if f.strikes(a) {
			hits = append(hits, *f)
		}
	}
	return hits
}
