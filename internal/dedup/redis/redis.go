// Package redis keeps claims and outcomes in a Redis or Valkey server, where many gates share them: one server, a pair
// watched by Sentinel, or a Cluster.
//
// A delivery is one string key, which the server itself lets expire:
//
//	darihook:1:{<scope>/<id>}  ->  c<owner>                     in flight, for the lease
//	                               d<owner><status><unix ms>    done, for the time-to-live
//
// The 1 is the version of this format; the scope is escaped as in a URL path, so that the first slash ends it. Every
// transition is one Lua script on that one key, so it is atomic, costs one round trip, and works on every kind of
// server. Scripts are called by their hash; a server that does not know one (new, or flushed) is sent the text once.
//
// What a commit survives is what the server promises: see docs/redis.md.
package redis

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// Store is a [dedup.Store] on a Redis or Valkey server.
type Store struct {
	opts    Options
	conn    *connection
	watch   *sentinels    // nil: there are none
	slots   chan struct{} // one for every call under way
	batches batches
	commits batches // those that replicas must have
	held    held
	losses  losses
	waits   waits
	recent  recent
	// outcomes are kept for a primary that may lack them.
	outcomes outcomes
	// slotsKnown is closed once it is known which nodes of a Cluster serve which slots.
	slotsKnown chan struct{}
	owners     atomic.Pointer[owners] // nil: not known
	closing    sync.Once
	closed     chan struct{}
}

// Open returns a store. Options that contradict each other are an error, and so is a server that answers and is the
// wrong one: too old, of another kind than configured, holding keys of another format, or refusing the user. A server
// that does not answer is no error: it is checked at the first contact, and until then every call says why it fails.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		opts:   opts,
		slots:  make(chan struct{}, opts.MaxCalls),
		closed: make(chan struct{}),

		slotsKnown: make(chan struct{}),
	}
	s.conn = s.connection()
	s.batches.init(s, s.batches.run)
	s.commits.init(s, s.commits.replicate)
	s.waits.init(s)
	s.recent.init(s)
	if s.watch != nil {
		s.watch.start()
	}
	if err := s.reach(ctx); misconfigured(err) {
		s.Close()
		return nil, err
	}
	if opts.Cluster {
		go s.followSlots()
	}
	return s, nil
}

// connection leads to where the options say that the primary is.
func (s *Store) connection() *connection {
	c := &connection{opts: s.opts, handOver: s.handOver}
	switch {
	case s.opts.SentinelMaster != "":
		s.watch = newSentinels(s.opts, c.moved)
		c.where = s.watch.primaries
	case s.opts.Cluster:
		c.where = func(context.Context) ([]string, error) { return []string{""}, nil }
	default:
		c.where = func(context.Context) ([]string, error) { return s.opts.Addresses, nil }
	}
	return c
}

// reach makes the first contact.
func (s *Store) reach(ctx context.Context) error {
	_, err := call(ctx, s, 4*s.opts.Timeout, func(context.Context, rueidis.Client) (struct{}, error) { return struct{}{}, nil })
	return err
}

// Claim implements [dedup.Store], in one round trip.
func (s *Store) Claim(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) (dedup.Claim, error) {
	if err := key.Validate(); err != nil {
		return dedup.Claim{}, err
	}
	for {
		standing, session, err := s.ask(ctx, claimScript, key, claimValue(owner), milliseconds(lease))
		switch {
		case err != nil:
			return dedup.Claim{}, err
		case standing.State != dedup.Absent:
			s.held.remove(key, owner)
			standing.Here = standing.State == dedup.InFlight && s.held.any(key)
			return dedup.Claim{Record: standing}, nil
		}
		s.held.add(key, owner, lease) // first, so that a new primary is offered it
		if s.conn.stands(session) {
			s.recent.touch(key)
			return dedup.Claim{Acquired: true}, nil
		}
	}
}

// Renew implements [dedup.Store].
func (s *Store) Renew(ctx context.Context, key dedup.Key, owner dedup.Owner, lease time.Duration) error {
	if err := key.Validate(); err != nil {
		return err
	}
	if _, err := s.move(ctx, renewScript, key, owner, claimValue(owner), milliseconds(lease)); err != nil {
		return err
	}
	s.held.add(key, owner, lease)
	s.recent.touch(key)
	return nil
}

// Commit implements [dedup.Store], in one round trip. Where Options.Replicas asks for copies, it returns when they are
// made, or [dedup.ErrTooFewCopies] when they are not in time: the outcome is recorded on the primary then.
func (s *Store) Commit(ctx context.Context, key dedup.Key, owner dedup.Owner, outcome dedup.Outcome, ttl time.Duration) error {
	if err := key.Validate(); err != nil {
		return err
	}
	if err := outcome.Validate(); err != nil {
		return err
	}
	for {
		session, err := s.move(ctx, commitScript, key, owner, claimValue(owner), doneValue(owner, outcome), milliseconds(ttl))
		if err != nil && !errors.Is(err, dedup.ErrTooFewCopies) {
			return err
		}
		now := time.Now()
		s.outcomes.add(confirmed{key, owner, outcome, now.Add(ttl), now}) // first, so that a new primary is offered it
		if session == nil || s.conn.stands(session) {
			s.settled(key, owner)
			s.recent.touch(key)
			return err
		}
	}
}

// Release implements [dedup.Store].
func (s *Store) Release(ctx context.Context, key dedup.Key, owner dedup.Owner) error {
	if err := key.Validate(); err != nil {
		return err
	}
	s.held.remove(key, owner) // first, so that a new primary is not offered it
	session, err := s.move(ctx, releaseScript, key, owner, claimValue(owner))
	if err != nil {
		return err
	}
	s.settled(key, owner)
	if !s.conn.stands(session) {
		_, _, err = s.change(ctx, releaseScript, key, claimValue(owner)) // it may have been passed on with the claim
	}
	return err
}

// settled takes note that a claim of this process has ended.
func (s *Store) settled(key dedup.Key, owner dedup.Owner) {
	s.held.remove(key, owner)
	s.waits.wake(key)
}

// Lookup implements [dedup.Store].
func (s *Store) Lookup(ctx context.Context, key dedup.Key) (dedup.Record, error) {
	if err := key.Validate(); err != nil {
		return dedup.Record{}, err
	}
	record, _, err := s.ask(ctx, lookupScript, key)
	return record, err
}

// Forget implements [dedup.Store].
func (s *Store) Forget(ctx context.Context, key dedup.Key) (bool, error) {
	if err := key.Validate(); err != nil {
		return false, err
	}
	s.outcomes.forget(key)
	forgotten, _, err := s.change(ctx, forgetScript, key)
	return forgotten, err
}

// Stats implements [dedup.Store]. Only the claims of this process are known without asking the server.
func (s *Store) Stats() dedup.Stats {
	return dedup.Stats{InFlight: s.held.count(), Done: -1, Evicted: -1, DiskBytes: -1}
}

// Close implements [dedup.Store].
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.recent.close()
		close(s.closed)
		s.conn.close()
		if s.watch != nil {
			s.watch.end()
		}
	})
	return nil
}

// ask runs a script that answers how the key stands, and tells in which session; after a claim, Absent stands for acquired.
func (s *Store) ask(ctx context.Context, sc *script, key dedup.Key, args ...string) (dedup.Record, *session, error) {
	reply, err := s.run(ctx, sc, key, args)
	if err != nil {
		return dedup.Record{}, nil, err
	}
	record, err := decode(key, reply.RedisMessage)
	return record, reply.session, err
}

// move runs a script that only the owner may run, and tells in which session.
func (s *Store) move(ctx context.Context, sc *script, key dedup.Key, owner dedup.Owner, args ...string) (*session, error) {
	moved, session, err := s.change(ctx, sc, key, args...)
	if err == nil && !moved {
		s.held.remove(key, owner)
		return session, dedup.ErrNotOwner
	}
	return session, err
}

// change runs a script that tells whether it changed anything.
func (s *Store) change(ctx context.Context, sc *script, key dedup.Key, args ...string) (bool, *session, error) {
	reply, err := s.run(ctx, sc, key, args)
	if err != nil {
		return false, nil, err
	}
	n, err := reply.AsInt64()
	switch {
	case err != nil:
		return false, nil, fault(Unexpected, err)
	case n == 0 && reply.lost != nil:
		// The first attempt may have made the change, so this answer says nothing about it.
		return false, nil, fault(Unreachable, reply.lost)
	}
	return n == 1, reply.session, nil
}

// run runs a script in a batch: a commit that replicas must have with others of its kind, the rest together.
func (s *Store) run(ctx context.Context, sc *script, key dedup.Key, args []string) (reply, error) {
	batches, limit := &s.batches, s.opts.Timeout
	if sc == commitScript && s.opts.Replicas > 0 {
		batches, limit = &s.commits, s.opts.replicatedTimeout()
	}
	return submit(ctx, s, limit, func(results chan<- result[reply]) {
		batches.join(&scriptCall{sc, keyName(key), args, results})
	})
}

var _ dedup.Store = (*Store)(nil)
