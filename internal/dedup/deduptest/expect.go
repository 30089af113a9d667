package deduptest

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

func (s *subject) want(call string, want, got error) {
	s.Helper()
	if !errors.Is(got, want) {
		s.Errorf("%s: %v, want %v", call, got, want)
	}
}

func (s *subject) claim(key dedup.Key, owner dedup.Owner, lease time.Duration) dedup.Claim {
	s.Helper()
	claim, err := s.Claim(ctx(s), key, owner, lease)
	if err != nil {
		s.Fatalf("claim: %v", err)
	}
	return claim
}

func (s *subject) mustClaim(key dedup.Key, owner dedup.Owner, lease time.Duration) {
	s.Helper()
	if claim := s.claim(key, owner, lease); !claim.Acquired {
		s.Fatalf("claim not acquired: %+v", claim.Record)
	}
}

func (s *subject) wantState(key dedup.Key, want dedup.State) dedup.Record {
	s.Helper()
	record, err := s.Lookup(ctx(s), key)
	if err != nil {
		s.Fatalf("lookup: %v", err)
	}
	if record.State != want || record.Key != key {
		s.Errorf("lookup = %+v, want state %v", record, want)
	}
	return record
}

func (s *subject) forget(key dedup.Key, want bool) {
	s.Helper()
	if got, err := s.Forget(ctx(s), key); err != nil || got != want {
		s.Errorf("forget = %v, %v, want %v", got, err, want)
	}
}

func (s *subject) wantRecent(limit int, want ...string) {
	s.Helper()
	records, err := s.Recent(ctx(s), s.scope, limit)
	if err != nil {
		s.Fatalf("recent: %v", err)
	}
	if len(records) != len(want) {
		s.Fatalf("recent(%d) = %d records, want %d", limit, len(records), len(want))
	}
	for i, record := range records {
		if record.Key != s.key(want[i]) {
			s.Errorf("recent(%d)[%d] = %v, want %s", limit, i, record.Key, want[i])
		}
	}
}

// wantGrowth compares two values of a statistic; a negative one is unknown to the backend.
func (s *subject) wantGrowth(name string, before, after, want int64) {
	s.Helper()
	if before >= 0 && after-before != want {
		s.Errorf("%s went from %d to %d, want %d more", name, before, after, want)
	}
}

// everyCall makes every call of the protocol that takes a context and a key, and yields its name and error.
func (s *subject) everyCall(ctx context.Context, key dedup.Key) iter.Seq2[string, error] {
	owner := dedup.NewOwner()
	return func(yield func(string, error) bool) {
		_, claim := s.Claim(ctx, key, owner, long)
		_, lookup := s.Lookup(ctx, key)
		_, forget := s.Forget(ctx, key)
		_ = yield("claim", claim) &&
			yield("renew", s.Renew(ctx, key, owner, long)) &&
			yield("commit", s.Commit(ctx, key, owner, outcome(200), long)) &&
			yield("release", s.Release(ctx, key, owner)) &&
			yield("wait", s.Wait(ctx, key)) &&
			yield("lookup", lookup) &&
			yield("forget", forget)
	}
}
