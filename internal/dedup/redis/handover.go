package redis

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/redis/rueidis"
)

// A server that replicates answers before its replicas have the write, and a primary that has been replaced goes on taking
// writes until everyone has noticed. What it took meanwhile is gone. But whoever wrote it knows it still: so each process offers
// a new primary what it has written lately, before it asks it anything. Only an absent key is written: what the new primary has,
// or has given to somebody else, stands.

// offerScript answers 0 when the outcome is there, 1 when it was not and now is, and 2 when the key is somebody else's.
// ARGV: claim value, done value, time-to-live.
var offerScript = newScript(`#!lua flags=allow-oom
local held = redis.call('GET', KEYS[1])
if not held or held == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
local made = string.sub(ARGV[2], 1, #ARGV[1])
if string.sub(held, 1, #made) == made then
  return 0
end
return 2
`)

// The answers of offerScript.
const (
	offerKnown = iota
	offerTaken
	offerRefused
)

// Handover is what a new primary had of the outcomes that this process recorded lately.
type handover struct {
	offered  int
	restored int         // those that it did not have
	refused  []dedup.Key // those whose keys it has given to others: their deliveries run twice
	claims   int         // in flight
	contest  int         // of those, the ones that are somebody else's by now
}

// handOver offers a new primary what the one before may not have passed on. Until it is done nobody else is led there.
func (s *Store) handOver(ctx context.Context, from, to *session) error {
	done, err := s.offerAll(ctx, to, func(string) bool { return true })
	if err != nil {
		return err
	}
	s.reportHandover(from.address, to.address, 0, done)
	return nil
}

// offerAll offers the latest outcomes and the claims in flight whose keys are concerned.
func (s *Store) offerAll(ctx context.Context, to *session, concerned func(key string) bool) (handover, error) {
	now := time.Now()
	latest := slices.DeleteFunc(s.outcomes.latest(now), func(c confirmed) bool { return !concerned(keyName(c.key)) })
	inFlight := slices.DeleteFunc(s.held.all(now), func(c heldClaim) bool { return !concerned(keyName(c.key)) })
	done := handover{offered: len(latest), claims: len(inFlight)}
	for batch := range slices.Chunk(latest, batchSize) {
		if err := s.offerOutcomes(ctx, to, batch, &done); err != nil {
			return done, err
		}
	}
	for batch := range slices.Chunk(inFlight, batchSize) {
		if err := s.offerClaims(ctx, to, batch, &done); err != nil {
			return done, err
		}
	}
	s.outcomes.renew(now)
	return done, nil
}

func (s *Store) offerOutcomes(ctx context.Context, to *session, batch []confirmed, done *handover) error {
	calls := make([]*scriptCall, len(batch))
	for i, c := range batch {
		args := []string{claimValue(c.owner), doneValue(c.owner, c.outcome), milliseconds(time.Until(c.expires))}
		calls[i] = &scriptCall{script: offerScript, key: keyName(c.key), args: args}
	}
	return s.offer(ctx, to, calls, func(i int, m rueidis.RedisMessage) {
		switch n, err := m.AsInt64(); {
		case err != nil || n == offerRefused:
			done.refused = append(done.refused, batch[i].key)
		case n == offerTaken:
			done.restored++
		}
	})
}

// offerClaims has the claims of this process made anew. One that was released meanwhile is released again.
func (s *Store) offerClaims(ctx context.Context, to *session, batch []heldClaim, done *handover) error {
	calls := make([]*scriptCall, len(batch))
	for i, c := range batch {
		args := []string{claimValue(c.owner), milliseconds(time.Until(c.until))}
		calls[i] = &scriptCall{script: claimScript, key: keyName(c.key), args: args}
	}
	var ended []*scriptCall
	err := s.offer(ctx, to, calls, func(i int, m rueidis.RedisMessage) {
		switch {
		case !m.IsNil() && !ownedBy(m, batch[i].owner):
			done.contest++
		case !s.held.has(batch[i].key, batch[i].owner):
			ended = append(ended, &scriptCall{script: releaseScript, key: calls[i].key, args: calls[i].args[:1]})
		}
	})
	if err != nil || len(ended) == 0 {
		return err
	}
	return s.offer(ctx, to, ended, func(int, rueidis.RedisMessage) {})
}

// ownedBy reports whether the record in the way of a claim is the claim's own: its commit was recorded, and not answered.
func ownedBy(m rueidis.RedisMessage, owner dedup.Owner) bool {
	pair, err := m.ToArray()
	if err != nil || len(pair) == 0 {
		return false
	}
	value, err := pair[0].ToString()
	return err == nil && strings.HasPrefix(value, string(committed)+string(owner[:]))
}

// offer makes calls with one write. An answer that is about one key alone is an answer; any other error ends the offer.
func (s *Store) offer(ctx context.Context, to *session, calls []*scriptCall, each func(int, rueidis.RedisMessage)) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	commands := make([]rueidis.Completed, len(calls))
	for i, c := range calls {
		commands[i] = c.script.byHash(to.client, c.key, c.args)
	}
	for i, answer := range to.client.DoMulti(ctx, commands...) {
		m, err := message(answer)
		if unknownScript(err) {
			m, err = message(to.client.Do(ctx, calls[i].script.byText(to.client, calls[i].key, calls[i].args)))
		}
		if err != nil && reasonOf(err) != WrongServer { // that is a value which nobody of ours wrote
			return fmt.Errorf("offering a new primary what was recorded lately: %w", explain(err))
		}
		each(i, m)
	}
	return nil
}

// reportHandover logs a change of the primary, with what it may have cost, and tells the gates of what they must count.
func (s *Store) reportHandover(from, to string, slots int, done handover) {
	log := s.opts.Logger.Warn
	if len(done.refused) > 0 {
		log = s.opts.Logger.Error
	}
	log("redis primary changed: offered it the outcomes recorded lately; older ones that it lacks run again when they are sent again",
		slog.String("from", from), slog.String("to", to), slog.Int("cluster_slots", slots),
		slog.Int("outcomes", done.offered), slog.Int("restored", done.restored), slog.Int("run_twice", len(done.refused)),
		slog.Int("claims", done.claims), slog.Int("claims_lost", done.contest), slog.Duration("window", keepOutcomes))
	for _, key := range done.refused {
		s.losses.report(key)
	}
}
