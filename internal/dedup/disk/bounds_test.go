package disk

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// TestMaxIDs fills a store: new ids are refused, known ones answered, until records have expired.
func TestMaxIDs(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openAt(t, path, Options{MaxIDs: 3, MinFree: -1})
		for i, ttl := range []time.Duration{time.Minute, time.Hour} {
			if err := commitOne(t, s, key(fmt.Sprint(i)), ttl); err != nil {
				t.Fatal(err)
			}
		}
		owner := dedup.NewOwner()
		if claim, err := s.Claim(t.Context(), key("held"), owner, time.Hour); err != nil || !claim.Acquired {
			t.Fatalf("claim = %+v, %v", claim, err)
		}
		wantFull(t, s, key("one too many"), dedup.ErrFull)
		if claim, err := s.Claim(t.Context(), key("held"), owner, time.Hour); err != nil || !claim.Acquired {
			t.Errorf("own claim of a full store = %+v, %v, want it acquired", claim, err)
		}
		if claim, err := s.Claim(t.Context(), key("0"), owner, time.Hour); err != nil || claim.Record.State != dedup.Done {
			t.Errorf("claim of a done key of a full store = %+v, %v, want it done", claim, err)
		}
		if err := s.SetMaxIDs(4); err != nil {
			t.Fatal(err)
		}
		wantFull(t, s, key("one more"), nil)
		wantFull(t, s, key("one too many"), dedup.ErrFull)
		time.Sleep(time.Minute + 2*purgeInterval)
		wantFull(t, s, key("in the place of an expired one"), nil)
		if err := s.SetMaxIDs(-1); err == nil {
			t.Error("negative bound taken")
		}
	})
}

func wantFull(t *testing.T, s *Store, k dedup.Key, want error) {
	t.Helper()
	if _, err := s.Claim(t.Context(), k, dedup.NewOwner(), time.Hour); !errors.Is(err, want) {
		t.Errorf("claim of %s: %v, want %v", k.ID, err, want)
	}
}

// TestPurge lets records of two scopes expire, some of them committed anew meanwhile: only what is live stays, whatever
// the order of purging and committing, and a restart changes nothing.
func TestPurge(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openAt(t, path, Options{MinFree: -1})
		const n = 5 * purgeBatch / 2
		for i := range n {
			for _, scope := range []string{"one", "other"} {
				if err := commitOne(t, s, dedup.Key{Scope: scope, ID: fmt.Sprint(i)}, time.Minute); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(time.Minute + time.Millisecond) // expired, and the next purge is yet to come
		again := dedup.Key{Scope: "one", ID: "7"}
		if err := commitOne(t, s, again, time.Hour); err != nil {
			t.Fatal(err)
		}
		wantDone(t, s, 1, again, 2*purgeInterval)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openAt(t, path, Options{MinFree: -1})
		wantDone(t, s, 1, again, 0)
		if pairs := countPairs(t, s); pairs != 4 {
			t.Errorf("%d pairs left, want a record, its expiry and two counts", pairs)
		}
		wantDone(t, s, 0, dedup.Key{}, time.Hour+purgeInterval)
	})
}

// TestPurgeAfterShorterTTL commits what expires before everything that was purged already.
func TestPurgeAfterShorterTTL(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := openAt(t, path, Options{MinFree: -1})
		for i, ttl := range []time.Duration{time.Second, time.Hour, time.Second, time.Minute} {
			if err := commitOne(t, s, key(fmt.Sprint(i)), ttl); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
		}
		wantDone(t, s, 1, key("1"), 2*time.Minute)
	})
}

func wantDone(t *testing.T, s *Store, want int64, live dedup.Key, after time.Duration) {
	t.Helper()
	time.Sleep(after)
	synctest.Wait()
	if got := s.Stats().Done; got != want {
		t.Errorf("%d records after %v, want %d", got, after, want)
	}
	if live == (dedup.Key{}) {
		return
	}
	if record, err := s.Lookup(t.Context(), live); err != nil || record.State != dedup.Done {
		t.Errorf("live record = %+v, %v, want it done", record, err)
	}
}

func countPairs(t *testing.T, s *Store) (n int) {
	t.Helper()
	it, err := sessionOf(t, s).engine.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	return n
}

func TestLayoutRoundTrip(t *testing.T) {
	t.Parallel()
	want := record{status: 207, at: 1_790_000_000_123, expires: 1_790_000_360_123, owner: dedup.NewOwner()}
	if got, err := parseRecord(want.append(nil)); err != nil || got != want {
		t.Errorf("record = %+v, %v, want %+v", got, err, want)
	}
	for _, k := range []dedup.Key{{Scope: "s", ID: "a"}, {Scope: "s", ID: "\x00"}, {Scope: "é", ID: "\x00x\xff"}} {
		got, expires, err := parseExpiryKey(appendExpiryKey(nil, k, want.expires))
		if err != nil || got != k || expires != want.expires {
			t.Errorf("expiry key of %q = %q, %d, %v", k, got, expires, err)
		}
	}
}

// FuzzParse feeds the parsers of the layout what a damaged store may hold: whatever parses is written back the same.
func FuzzParse(f *testing.F) {
	f.Add(record{status: 200, at: 1, expires: 2}.append(nil))
	f.Add(appendExpiryKey(nil, dedup.Key{Scope: "s", ID: "a"}, 3))
	f.Add([]byte{expiryPrefix, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseRecord(data); err == nil && string(r.append(nil)) != string(data) {
			t.Errorf("record %x written back as %x", data, r.append(nil))
		}
		k, expires, err := parseExpiryKey(data)
		if back := appendExpiryKey(nil, k, expires); err == nil && expires >= 0 && string(back) != string(data) {
			t.Errorf("expiry key %x written back as %x", data, back)
		}
	})
}
