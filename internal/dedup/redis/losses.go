package redis

import (
	"slices"
	"sync"

	"github.com/darihook/darihook/internal/dedup"
)

// losses are who wants to know of outcomes that the server has lost, by scope.
type losses struct {
	mu    sync.Mutex
	wants map[string][]*func(dedup.Key)
}

// OnLoss implements [dedup.LossReporter].
func (s *Store) OnLoss(scope string, f func(dedup.Key)) (stop func()) {
	l := &s.losses
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wants == nil {
		l.wants = make(map[string][]*func(dedup.Key))
	}
	l.wants[scope] = append(l.wants[scope], &f)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.wants[scope] = slices.DeleteFunc(l.wants[scope], func(one *func(dedup.Key)) bool { return one == &f })
	}
}

// report tells one of those who want to know, so that a loss is counted once however many gates have one scope.
func (l *losses) report(key dedup.Key) {
	l.mu.Lock()
	var tell func(dedup.Key)
	if all := l.wants[key.Scope]; len(all) > 0 {
		tell = *all[len(all)-1]
	}
	l.mu.Unlock()
	if tell != nil {
		tell(key)
	}
}

var _ dedup.LossReporter = (*Store)(nil)
