package redis

import (
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

const (
	// keepOutcomes is how long the outcomes that this process has recorded are kept for a new primary that may lack them: far
	// longer than replicas lag, or than a demoted primary goes on taking writes.
	keepOutcomes = 30 * time.Second
	// maxOutcomes bounds them, to some ten megabytes.
	maxOutcomes = 1 << 16
)

// outcomes are the latest that the server has confirmed to this process.
type outcomes struct {
	mu   sync.Mutex
	all  []confirmed
	head int // of those before it, all are gone
}

// confirmed is a commit that the server has answered with success.
type confirmed struct {
	key     dedup.Key
	owner   dedup.Owner
	outcome dedup.Outcome
	expires time.Time
	at      time.Time
}

func (o *outcomes) add(c confirmed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, c)
	for oldest := c.at.Add(-keepOutcomes); o.all[o.head].at.Before(oldest) || len(o.all)-o.head > maxOutcomes; o.head++ {
		o.all[o.head] = confirmed{}
	}
	if o.head > len(o.all)/2 {
		kept := append(o.all[:0], o.all[o.head:]...)
		clear(o.all[len(kept):])
		o.all, o.head = kept, 0
	}
}

// forget drops a key: whoever forgets it wants it to run again.
func (o *outcomes) forget(key dedup.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(o.all[o.head:]), func(c confirmed) bool { return c.key == key })
	o.all, o.head = kept, 0
}

// latest returns those that have not expired.
func (o *outcomes) latest(now time.Time) []confirmed {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.all[o.head:]), func(c confirmed) bool { return !c.expires.After(now) })
}

// renew counts them as confirmed now, by a server that they were offered to.
func (o *outcomes) renew(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.all[o.head:] {
		o.all[o.head+i].at = now
	}
}
