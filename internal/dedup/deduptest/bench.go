package deduptest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
)

// BenchmarkDelivery measures what a delivery asks of a store when all goes well, one claim and one commit of a new id,
// with one writer and with 64.
func BenchmarkDelivery(b *testing.B, open func(tb testing.TB) dedup.Store) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b)
			b.ReportAllocs()
			b.ResetTimer()
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			for range writers {
				all.Go(func() {
					for left.Add(-1) >= 0 {
						if err := deliver(b, s, NewKey("bench"), time.Hour); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// Fill commits so many new keys with 64 writers and returns them.
func Fill(tb testing.TB, s dedup.Store, n int, ttl time.Duration) []dedup.Key {
	tb.Helper()
	const writers = 64
	keys := make([]dedup.Key, n)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := w; i < n; i += writers {
				keys[i] = NewKey("fill")
				if err := deliver(tb, s, keys[i], ttl); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
	return keys
}

// NewKey returns a key of a random id of the platform's shape: 36 bytes.
func NewKey(scope string) dedup.Key {
	var random [16]byte
	rand.Read(random[:])
	return dedup.Key{Scope: scope, ID: "evt_" + hex.EncodeToString(random[:])}
}

func deliver(tb testing.TB, s dedup.Store, key dedup.Key, ttl time.Duration) error {
	owner := dedup.NewOwner()
	if claim, err := s.Claim(tb.Context(), key, owner, time.Minute); err != nil || !claim.Acquired {
		return fmt.Errorf("claim = %+v, %w", claim, err)
	}
	return s.Commit(tb.Context(), key, owner, dedup.Outcome{Status: 200, At: time.Now()}, ttl)
}
