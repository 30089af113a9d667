package redis

// CallsUnderWay is the number of calls that wait for the server.
func (s *Store) CallsUnderWay() int { return len(s.slots) }

// SlotsKnown is closed once it is known which nodes of a Cluster serve which slots.
func (s *Store) SlotsKnown() <-chan struct{} { return s.slotsKnown }

// Polls is the number of keys that somebody waits for.
func (s *Store) Polls() int {
	s.waits.mu.Lock()
	defer s.waits.mu.Unlock()
	return len(s.waits.polls)
}
