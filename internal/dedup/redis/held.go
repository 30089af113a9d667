package redis

import (
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// held counts the claims of this process. It is what the process believes: only the server knows.
type held struct {
	mu     sync.Mutex
	claims map[dedup.Key]lease
	prune  int // the size at which lapsed claims are looked for
}

type lease struct {
	owner dedup.Owner
	until time.Time
}

const minPrune = 1024

func (h *held) add(key dedup.Key, owner dedup.Owner, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claims == nil {
		h.claims, h.prune = make(map[dedup.Key]lease), minPrune
	}
	h.claims[key] = lease{owner, time.Now().Add(d)}
	if len(h.claims) >= h.prune {
		h.dropLapsed()
		h.prune = max(minPrune, 2*len(h.claims))
	}
}

func (h *held) remove(key dedup.Key, owner dedup.Owner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claims[key].owner == owner {
		delete(h.claims, key)
	}
}

func (h *held) count() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLapsed()
	return int64(len(h.claims))
}

func (h *held) dropLapsed() {
	now := time.Now()
	for key, l := range h.claims {
		if !l.until.After(now) {
			delete(h.claims, key)
		}
	}
}
