package redis

// CallsUnderWay is the number of calls that wait for the server.
func (s *Store) CallsUnderWay() int { return len(s.slots) }
