package dedup

import (
	"context"
	"errors"
)

// errCommitting tells that a commit is under way whose end decides the answer.
var errCommitting = errors.New("commit under way")

// Release is [Store.Release]. While a commit with the same token is under way, it waits for its end.
func (c *Claims) Release(ctx context.Context, key Key, owner Owner) error {
	for {
		err := c.update(ctx, key, owner, func(s *claimShard, held claim) error {
			if held.pinned {
				return errCommitting
			}
			c.drop(s, key, held)
			return nil
		})
		if !errors.Is(err, errCommitting) {
			return err
		}
		if err := c.waitOnce(ctx, key); err != nil {
			return err
		}
	}
}

// Pin proves that owner may commit and keeps the claim, whatever its lease, until End or Unpin. A key that is absent is claimed
// for that; one that the owner has committed already is not pinned, and made tells so. While another commit that decides the
// answer is under way, it waits for its end. Errors: ErrNotOwner, ErrKey, ErrClosed, ctx's, or those of a claim.
func (c *Claims) Pin(ctx context.Context, key Key, owner Owner) (made bool, err error) {
	for {
		made, err := c.pin(ctx, key, owner)
		if !errors.Is(err, errCommitting) {
			return made, err
		}
		if err := c.waitOnce(ctx, key); err != nil {
			return false, err
		}
	}
}

func (c *Claims) pin(ctx context.Context, key Key, owner Owner) (made bool, err error) {
	if err := c.check(ctx, key); err != nil {
		return false, err
	}
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	now := c.now()
	held, ok := s.claims[key]
	switch {
	case !ok || !held.live(now):
		return c.pinAbsent(s, key, held, claim{owner: owner, since: now, expires: now, pinned: true, late: true})
	case held.late:
		return false, errCommitting
	case held.owner != owner:
		return false, ErrNotOwner
	case held.pinned:
		return false, errCommitting
	}
	held.pinned = true
	s.claims[key] = held
	return false, nil
}

// pinAbsent puts next in the place of the lapsed claim (or of none) unless the key is done. The shard is locked.
func (c *Claims) pinAbsent(s *claimShard, key Key, lapsed, next claim) (made bool, err error) {
	made, found, err := c.made(key, next.owner)
	if made || err != nil {
		return made, err
	}
	if !found {
		var claim Claim
		claim, err = c.acquire(s, key, lapsed, next)
		found = !claim.Acquired
	}
	if found && err == nil {
		err = ErrNotOwner
	}
	return false, err
}

// Unpin gives a pinned claim back to its lease, after a write that failed.
func (c *Claims) Unpin(key Key) {
	c.settle(key, func(s *claimShard, held claim) {
		held.wake() // another call of the same owner may be waiting
		held.pinned, held.ended = false, nil
		s.claims[key] = held
	})
}

// End ends a pinned claim, after its record was written.
func (c *Claims) End(key Key) {
	c.settle(key, func(s *claimShard, held claim) { c.drop(s, key, held) })
}

func (c *Claims) settle(key Key, f func(*claimShard, claim)) {
	s := c.shard(key)
	s.Lock()
	defer s.Unlock()
	if held, ok := s.claims[key]; ok && held.pinned {
		f(s, held)
	}
}
