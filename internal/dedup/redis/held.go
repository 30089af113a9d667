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

// heldClaim is a claim with its key.
type heldClaim struct {
	key dedup.Key
	lease
}

// all returns the claims that have not run out.
func (h *held) all(now time.Time) []heldClaim {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]heldClaim, 0, len(h.claims))
	for key, l := range h.claims {
		if l.until.After(now) {
			all = append(all, heldClaim{key, l})
		}
	}
	return all
}

func (h *held) has(key dedup.Key, owner dedup.Owner) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.claims[key].owner == owner
}

// any reports whether a claim of this process has the key.
func (h *held) any(key dedup.Key) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ours := h.claims[key]
	return ours
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
