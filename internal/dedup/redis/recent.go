package redis

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// Looking for the latest ids among millions of keys would mean reading them all, and an index written with every
// delivery would cost a command each, in a Cluster all of them on one node. So every process collects the ids that it
// touched and writes them to a sorted set per scope a few times a second, however many deliveries there were. The index
// is a list of ids to look up and never the truth about any: losing it loses a convenience.
const (
	// recentMax is the number of ids that the index keeps for a scope.
	recentMax = 1000
	// recentScopes is the number of scopes whose index is read when none is named.
	recentScopes = 100
	// recentInterval is how often what was collected is written.
	recentInterval = 200 * time.Millisecond
	// recentTTL ends the index of a scope that is not used any more.
	recentTTL = 7 * 24 * time.Hour
	// lookupBatch is the number of ids looked up in one round trip.
	lookupBatch = 250
)

// recent collects the ids touched since the last flush: the newest recentMax of them.
type recent struct {
	store   *Store
	mu      sync.Mutex
	touches [recentMax]touch
	count   int // all that were collected; the next goes to count % recentMax
	timer   *time.Timer
	closed  bool
}

type touch struct {
	key dedup.Key
	at  int64 // milliseconds since 1970
}

func (r *recent) init(s *Store) { r.store = s }

func (r *recent) touch(key dedup.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.touches[r.count%recentMax] = touch{key, time.Now().UnixMilli()}
	if r.count++; r.count == 1 {
		r.timer = time.AfterFunc(recentInterval, func() { _ = r.flush(context.Background()) })
	}
}

// take returns what was collected, the oldest first, and begins anew.
func (r *recent) take() []touch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == 0 {
		return nil
	}
	r.timer.Stop()
	newest := r.count % recentMax
	all := append(slices.Clone(r.touches[newest:min(r.count, recentMax)]), r.touches[:newest]...)
	if r.count < recentMax {
		all = slices.Clone(r.touches[:r.count])
	}
	r.count = 0
	clear(r.touches[:])
	return all
}

func (r *recent) close() {
	r.take()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// flush writes the index. What it cannot write is dropped, and in the background so is the error: the calls that matter
// report theirs.
func (r *recent) flush(ctx context.Context) error {
	byScope := map[string][]touch{}
	for _, t := range r.take() {
		byScope[t.key.Scope] = append(byScope[t.key.Scope], t)
	}
	if len(byScope) == 0 {
		return nil
	}
	_, err := call(ctx, r.store, r.store.opts.Timeout, func(ctx context.Context, c rueidis.Client) (struct{}, error) {
		var commands []rueidis.Completed
		for scope, touches := range byScope {
			commands = append(commands, indexCommands(c, scope, touches)...)
		}
		for _, result := range c.DoMulti(ctx, commands...) {
			if err := result.Error(); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	return err
}

func indexCommands(c rueidis.Client, scope string, touches []touch) []rueidis.Completed {
	add := c.B().Zadd().Key(recentKey(scope)).ScoreMember()
	var last int64
	for _, t := range touches {
		add = add.ScoreMember(float64(t.at), t.key.ID)
		last = t.at
	}
	return []rueidis.Completed{
		add.Build(),
		c.B().Zremrangebyrank().Key(recentKey(scope)).Start(0).Stop(-recentMax - 1).Build(),
		c.B().Pexpire().Key(recentKey(scope)).Milliseconds(recentTTL.Milliseconds()).Build(),
		c.B().Zadd().Key(scopesKey).ScoreMember().ScoreMember(float64(last), scope).Build(),
		c.B().Zremrangebyrank().Key(scopesKey).Start(0).Stop(-recentScopes - 1).Build(),
	}
}

// Recent implements [dedup.Store] from the index: at most the last 1,000 ids of a scope, and without a scope those of
// the 100 scopes used last. What other processes did shows within a fraction of a second. A server that takes no writes
// now can still be read.
func (s *Store) Recent(ctx context.Context, scope string, limit int) ([]dedup.Record, error) {
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, nil
	}
	if err := s.recent.flush(ctx); err != nil && !hasReason(err, OutOfMemory, NoReplicas, DiskFault) {
		return nil, err
	}
	keys, err := s.recentKeys(ctx, scope)
	if err != nil {
		return nil, err
	}
	var records []dedup.Record
	for batch := range slices.Chunk(keys, lookupBatch) {
		found, err := s.lookupAll(ctx, batch)
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	slices.SortStableFunc(records, func(a, b dedup.Record) int {
		return cmp.Or(cmp.Compare(a.State, b.State), b.Outcome.At.Compare(a.Outcome.At)) // InFlight < Done
	})
	return records[:min(limit, len(records))], nil
}

// recentKeys reads the index, the newest first within each scope.
func (s *Store) recentKeys(ctx context.Context, scope string) ([]dedup.Key, error) {
	scopes := []string{scope}
	if scope == "" {
		var err error
		if scopes, err = s.newest(ctx, scopesKey, recentScopes); err != nil {
			return nil, err
		}
	}
	var keys []dedup.Key
	for _, scope := range scopes {
		ids, err := s.newest(ctx, recentKey(scope), recentMax)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			keys = append(keys, dedup.Key{Scope: scope, ID: id})
		}
	}
	return keys, nil
}

// newest returns the members of a sorted set with the highest scores.
func (s *Store) newest(ctx context.Context, name string, n int64) ([]string, error) {
	return call(ctx, s, s.opts.Timeout, func(ctx context.Context, c rueidis.Client) ([]string, error) {
		return c.Do(ctx, c.B().Zrange().Key(name).Min("0").Max(decimal(n-1)).Rev().Build()).AsStrSlice()
	})
}

// lookupAll returns the keys' records without those that are absent.
func (s *Store) lookupAll(ctx context.Context, keys []dedup.Key) ([]dedup.Record, error) {
	return call(ctx, s, s.opts.Timeout, func(ctx context.Context, c rueidis.Client) ([]dedup.Record, error) {
		commands := make([]rueidis.Completed, 0, 2*len(keys))
		for _, key := range keys {
			name := keyName(key)
			commands = append(commands, c.B().Get().Key(name).Build(), c.B().Pttl().Key(name).Build())
		}
		results := c.DoMulti(ctx, commands...)
		var records []dedup.Record
		for i, key := range keys {
			record, found, err := readBoth(key, results[2*i], results[2*i+1])
			if err != nil {
				return nil, err
			}
			if found {
				records = append(records, record)
			}
		}
		return records, nil
	})
}

// readBoth reads a value and its time to live, between which the key may have ended.
func readBoth(key dedup.Key, value, ttl rueidis.RedisResult) (dedup.Record, bool, error) {
	text, err := value.ToString()
	if rueidis.IsRedisNil(err) {
		return dedup.Record{}, false, nil
	}
	left, errLeft := ttl.AsInt64()
	if err := cmp.Or(err, errLeft); err != nil {
		return dedup.Record{}, false, err
	}
	if left < 0 {
		return dedup.Record{}, false, nil
	}
	record, err := parse(key, text, time.Duration(left)*time.Millisecond)
	return record, err == nil, err
}
