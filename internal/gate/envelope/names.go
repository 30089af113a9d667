package envelope

import "bytes"

// nameSet holds the names of one object. Few of them, as there nearly always are, cost no allocation.
type nameSet struct {
	few  [16][]byte
	n    int
	many map[string]struct{}
}

// add puts a name in the set, or tells the reason to refuse the body: the set has it already, or is full.
func (s *nameSet) add(name []byte) (reason string) {
	if s.has(name) {
		return "a repeated name"
	}
	switch {
	case s.n == MaxNames:
		return "too many names"
	case s.n < len(s.few):
		s.few[s.n] = name
	default:
		if s.many == nil {
			s.many = make(map[string]struct{})
		}
		s.many[string(name)] = struct{}{}
	}
	s.n++
	return ""
}

func (s *nameSet) has(name []byte) bool {
	for _, seen := range s.few[:min(s.n, len(s.few))] {
		if bytes.Equal(seen, name) {
			return true
		}
	}
	_, seen := s.many[string(name)]
	return seen
}
