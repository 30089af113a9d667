package dedup

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// claimShards spreads the claims over so many locks that two requests seldom meet at one.
	claimShards = 256
	// defaultMaxClaims bounds the claims in flight: far above what one process can have under way.
	defaultMaxClaims = 1 << 20
	// sweepInterval is how often claims whose lease ran out unnoticed are dropped.
	sweepInterval = time.Second
)

// Claims is the half of an embedded store that need not outlive the process: who owns which key, and until when. The
// other half, the done records, is the store's own; Claims asks for it through [ClaimsOptions] while it holds the
// key's lock, so that a key is never seen between two states.
//
// A store commits in three steps: [Claims.Pin] proves the owner and keeps the claim from lapsing, the store writes the
// record, and [Claims.End] (or [Claims.Unpin] after a fault) ends the claim. Whoever asks in between sees the key in
// flight. Leases are measured by the monotonic clock. All methods are safe for concurrent use.
type Claims struct {
	done   func(Key) (Record, bool, error)
	made   func(Key, Owner) (made, found bool, err error)
	admit  func() error
	base   time.Time // the zero of every claim's times
	seed   maphash.Seed
	shards [claimShards]claimShard

	limit    int64
	held     atomic.Int64
	sweeping atomic.Bool // a sweep is scheduled
	closing  sync.Once
	closed   chan struct{}
}

// ClaimsOptions are the settings of [NewClaims].
type ClaimsOptions struct {
	// Done looks up the live done record of a key. It is called with the key's lock held, so it must neither block
	// for long nor call back. Required.
	Done func(Key) (Record, bool, error)
	// Made looks up the same record and reports whether the owner made it. It is called like Done. Required for Pin.
	Made func(Key, Owner) (made, found bool, err error)
	// Admit is asked, with the key's lock held, before a key that is not known is claimed; its error refuses the claim.
	// Default: every claim is admitted.
	Admit func() error
	// Max is the number of claims that may be held at once. Default: 1,048,576.
	Max int
}

// claim is one key in flight. Its times count from Claims.base.
type claim struct {
	owner   Owner
	since   time.Duration
	expires time.Duration
	pinned  bool          // a commit is under way: the lease does not matter until it ends
	late    bool          // a commit without a claim is under way: the key is absent until it ends
	ended   chan struct{} // closed when the claim ends; made by the first waiter
}

func (c claim) live(now time.Duration) bool { return c.pinned || c.expires > now }

func (c claim) wake() {
	if c.ended != nil {
		close(c.ended)
	}
}

type claimShard struct {
	sync.Mutex
	claims map[Key]claim
}

// NewClaims returns an empty table of claims.
func NewClaims(opts ClaimsOptions) *Claims {
	c := &Claims{
		done:   opts.Done,
		made:   opts.Made,
		admit:  opts.Admit,
		base:   time.Now(),
		seed:   maphash.MakeSeed(),
		limit:  int64(opts.Max),
		closed: make(chan struct{}),
	}
	if c.limit <= 0 {
		c.limit = defaultMaxClaims
	}
	for i := range c.shards {
		c.shards[i].claims = make(map[Key]claim)
	}
	return c
}

// Claim is [Store.Claim].
func (c *Claims) Claim(ctx context.Context, key Key, owner Owner, lease time.Duration) (Claim, error) {
	for {
		answer, err := c.claim(ctx, key, owner, lease)
		if !errors.Is(err, errCommitting) {
			return answer, err
		}
		if err := c.waitOnce(ctx, key); err != nil {
			return Claim{}, err
		}
	}
}

func (c *Claims) claim(ctx context.Context, key Key, owner Owner, lease time.Duration) (Claim, error) {
	if err := c.check(ctx, key); err != nil {
		return Claim{}, err
	}
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	now := c.now()
	held, ok := s.claims[key]
	switch {
	case ok && held.live(now) && held.owner != owner && held.late:
		return Claim{}, errCommitting
	case ok && held.live(now) && held.owner != owner:
		return Claim{Record: c.record(key, held)}, nil
	case ok && held.live(now):
		held.expires, held.late = now+lease, false
		s.claims[key] = held
		return Claim{Acquired: true}, nil
	}
	return c.acquire(s, key, held, claim{owner: owner, since: now, expires: now + lease})
}

// acquire puts next in the place of the lapsed claim (or of none) unless the key is done. The shard is locked.
func (c *Claims) acquire(s *claimShard, key Key, lapsed, next claim) (Claim, error) {
	record, found, err := c.done(key)
	switch {
	case err != nil:
		return Claim{}, Unchanged(err)
	case found:
		return Claim{Record: record}, nil
	}
	if c.admit != nil {
		if err := c.admit(); err != nil {
			return Claim{}, Unchanged(err)
		}
	}
	if _, over := s.claims[key]; !over {
		if c.held.Add(1) > c.limit {
			c.held.Add(-1)
			return Claim{}, ErrFull
		}
		c.scheduleSweep()
	}
	lapsed.wake()
	s.claims[key] = next
	return Claim{Acquired: true}, nil
}

// Renew is [Store.Renew].
func (c *Claims) Renew(ctx context.Context, key Key, owner Owner, lease time.Duration) error {
	return c.update(ctx, key, owner, func(s *claimShard, held claim) error {
		held.expires = c.now() + lease
		s.claims[key] = held
		return nil
	})
}

// update calls f under the lock of a live claim that owner holds.
func (c *Claims) update(ctx context.Context, key Key, owner Owner, f func(*claimShard, claim) error) error {
	if err := c.check(ctx, key); err != nil {
		return err
	}
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	held, ok := s.claims[key]
	if !ok || held.owner != owner || !held.live(c.now()) || held.late {
		return ErrNotOwner
	}
	return f(s, held)
}

// drop removes a claim and wakes who waits for it. The shard is locked.
func (c *Claims) drop(s *claimShard, key Key, held claim) {
	delete(s.claims, key)
	c.held.Add(-1)
	held.wake()
}

// Lookup is [Store.Lookup].
func (c *Claims) Lookup(ctx context.Context, key Key) (Record, error) {
	if err := c.check(ctx, key); err != nil {
		return Record{}, err
	}
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	switch held, ok := s.claims[key]; {
	case ok && held.live(c.now()) && held.late:
		return Record{Key: key}, nil
	case ok && held.live(c.now()):
		return c.record(key, held), nil
	}
	record, found, err := c.done(key)
	if err != nil || !found {
		return Record{Key: key}, err
	}
	return record, nil
}

// WhileIdle calls f unless the key is in flight, and keeps others from claiming it meanwhile. Like Done, f must neither
// block for long nor call back. It reports f's answer, or false when f was not called.
func (c *Claims) WhileIdle(ctx context.Context, key Key, f func() bool) (bool, error) {
	if err := c.check(ctx, key); err != nil {
		return false, err
	}
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	if held, ok := s.claims[key]; ok && held.live(c.now()) {
		return false, nil
	}
	return f(), nil
}

// Recent returns up to limit claims in flight of a scope (every scope when it is empty), the newest first.
func (c *Claims) Recent(scope string, limit int) []Record {
	type dated struct {
		Record
		since time.Duration
	}
	var all []dated
	for i := range c.shards {
		s := &c.shards[i]
		s.Lock()
		for key, held := range s.claims {
			if (scope == "" || key.Scope == scope) && held.live(c.now()) && !held.late {
				all = append(all, dated{c.record(key, held), held.since})
			}
		}
		s.Unlock()
	}
	slices.SortFunc(all, func(a, b dated) int { return int(b.since - a.since) })
	records := make([]Record, 0, max(0, min(limit, len(all))))
	for _, d := range all[:cap(records)] {
		records = append(records, d.Record)
	}
	return records
}

// Held returns the number of claims held.
func (c *Claims) Held() int64 { return c.held.Load() }

// Close makes every later call, and every Wait under way, answer ErrClosed. End and Unpin still work, for the commits
// under way. It reports whether this call was the one that closed.
func (c *Claims) Close() (first bool) {
	c.closing.Do(func() {
		first = true
		close(c.closed)
	})
	return first
}

// check answers what [Claims.Open] and [Key.Validate] object to.
func (c *Claims) check(ctx context.Context, key Key) error {
	if err := c.Open(ctx); err != nil {
		return err
	}
	return key.Validate()
}

// Open answers ErrClosed after Close, ctx's error when it is done, and nil otherwise.
func (c *Claims) Open(ctx context.Context) error {
	select {
	case <-c.closed:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

func (c *Claims) now() time.Duration { return time.Since(c.base) }

func (c *Claims) shard(key Key) *claimShard {
	return &c.shards[maphash.String(c.seed, key.ID)%claimShards]
}

func (c *Claims) record(key Key, held claim) Record {
	return Record{Key: key, State: InFlight, Expires: c.base.Add(held.expires), Here: true}
}
