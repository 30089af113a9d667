package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"

	"github.com/redis/rueidis"
)

// script is a Lua script on one key. The flags need Redis 7: with them a replica refuses a script before it runs, and
// a server out of memory still takes what ends a claim, since the receiver's success is a fact by then.
type script struct{ source, hash string }

func newScript(source string) *script {
	sum := sha1.Sum([]byte(source)) // the name that the server gives it
	return &script{source: source, hash: hex.EncodeToString(sum[:])}
}

var (
	// claimScript answers nil when the key is now the owner's, else how it stands. ARGV: claim value, lease.
	claimScript = newScript(`#!lua
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then
  return {held, redis.call('PTTL', KEYS[1])}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
`)
	// renewScript answers 1 when the lease is extended. ARGV: claim value, lease.
	renewScript = newScript(`#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
`)
	// commitScript answers 1 when the owner's commit stands, this one or an earlier one of the same token. A key that is absent
	// is nobody's: the lease has run out, or the server has lost the claim, and the outcome is true all the same. An earlier one is
	// written again as it is, with what is left of its time-to-live: WAIT asks how far replicas are with what its
	// connection has written, and servers from Redis 7.2 on take a script that wrote nothing for one that need not be
	// waited for. ARGV: claim value, done value, time-to-live.
	commitScript = newScript(`#!lua flags=allow-oom
local held = redis.call('GET', KEYS[1])
if not held or held == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1
end
local made = string.sub(ARGV[2], 1, #ARGV[1])
if held and string.sub(held, 1, #made) == made then
  redis.call('SET', KEYS[1], held, 'KEEPTTL')
  return 1
end
return 0
`)
	// releaseScript answers 1 when the owner's claim is dropped. ARGV: claim value.
	releaseScript = newScript(`#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
`)
	// forgetScript answers 1 when a done record is dropped.
	forgetScript = newScript(`#!lua flags=allow-oom
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, 1) == 'd' then
  return redis.call('DEL', KEYS[1])
end
return 0
`)
	// lookupScript answers how the key stands, or nil.
	lookupScript = newScript(`#!lua flags=no-writes
local held = redis.call('GET', KEYS[1])
if held then
  return {held, redis.call('PTTL', KEYS[1])}
end
return false
`)
)

// reply is what a script answered, and in which session. When a connection was lost under a first attempt, lost is why: the
// answer is then the second attempt's, and the first may have taken effect.
type reply struct {
	rueidis.RedisMessage
	session *session
	lost    error
}

func (s *script) once(ctx context.Context, c rueidis.Client, key string, args []string) (rueidis.RedisMessage, error) {
	m, err := message(c.Do(ctx, s.byHash(c, key, args)))
	if unknownScript(err) {
		return message(c.Do(ctx, s.byText(c, key, args)))
	}
	return m, err
}

// builder is byHash or byText: the ways to call a script.
type builder func(s *script, c rueidis.CoreClient, key string, args []string) rueidis.Completed

func (s *script) byHash(c rueidis.CoreClient, key string, args []string) rueidis.Completed {
	return c.B().Evalsha().Sha1(s.hash).Numkeys(1).Key(key).Arg(args...).Build()
}

func (s *script) byText(c rueidis.CoreClient, key string, args []string) rueidis.Completed {
	return c.B().Eval().Script(s.source).Numkeys(1).Key(key).Arg(args...).Build()
}

// message takes nil for an answer.
func message(r rueidis.RedisResult) (rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if rueidis.IsRedisNil(err) {
		err = nil
	}
	return m, err
}

// changed reads the answer of a script that tells whether it changed anything.
func changed(m rueidis.RedisMessage) bool {
	n, err := m.AsInt64()
	return err == nil && n == 1
}

// newNode is the address of the node that has a key's slot now, where the answer is that it has moved.
func newNode(err error) string {
	if e, ok := errors.AsType[*rueidis.RedisError](err); ok {
		address, _ := e.IsMoved()
		return address
	}
	return ""
}

func unknownScript(err error) bool {
	e, ok := errors.AsType[*rueidis.RedisError](err)
	return ok && e.IsNoScript()
}
