package main

import (
	"context"
	"fmt"

	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// sabotage breaks the set-up on purpose, to see that the account notices.
type sabotage string

// The sabotages.
const (
	noSabotage sabotage = ""
	// dedupOff has the gates forward every copy.
	dedupOff sabotage = "dedup-off"
	// forgetful has Redis forget everything some time after it was killed. What a kill alone takes the gates offer again.
	forgetful sabotage = "forgetful"
	// orphans drops all claims whenever a gate starts, as a gate would that takes them for left over from its crash.
	orphans sabotage = "orphans"
)

func (s sabotage) check() error {
	switch s {
	case noSabotage, dedupOff, forgetful, orphans:
		return nil
	}
	return fmt.Errorf("unknown sabotage %q: %s, %s or %s", s, dedupOff, forgetful, orphans)
}

// redisSettings are those of the server. With every write on disk before its answer, a kill loses nothing that was answered:
// with everysec it may, since a write waits for a sync under way for up to two seconds.
func redisSettings() []string { return []string{"--appendonly", "yes", "--appendfsync", "always"} }

// dropClaims deletes every key whose value says that it is claimed.
const dropClaims = `for _, key in ipairs(redis.call('KEYS', 'darihook:1:{*')) do
  if string.sub(redis.call('GET', key) or '', 1, 1) == 'c' then redis.call('DEL', key) end
end
return 1`

// afterKill is done when Redis works again after a kill.
func (s sabotage) afterKill(ctx context.Context, server *redistest.Server) error {
	if s != forgetful {
		return nil
	}
	_, err := server.Do(ctx, "FLUSHALL")
	return err
}

// afterStart is done when a gate has started.
func (s sabotage) afterStart(ctx context.Context, server *redistest.Server) error {
	if s != orphans {
		return nil
	}
	_, err := server.Do(ctx, "EVAL", dropClaims, "0")
	return err
}
