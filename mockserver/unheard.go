package mockserver

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// maxReasons bounds the reasons that are kept apart.
const maxReasons = 20

// unheard counts the events that no webhook took, by reason, for the report of a test that waits for them in vain.
type unheard struct {
	mu     sync.Mutex
	counts map[string]int
}

func (u *unheard) add(events int, reason string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = make(map[string]int)
	}
	if _, known := u.counts[reason]; !known && len(u.counts) >= maxReasons {
		reason = "other reasons"
	}
	u.counts[reason] += events
}

func (u *unheard) clear() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.counts)
}

// String tells the counts, a line each.
func (u *unheard) String() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(u.counts)) {
		fmt.Fprintf(&out, "\n  %d events were not delivered: %s", u.counts[reason], reason)
	}
	return out.String()
}
