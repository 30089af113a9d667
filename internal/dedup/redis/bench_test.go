package redis_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/darihook/darihook/internal/dedup/redis"
	"github.com/darihook/darihook/internal/dedup/redis/redistest"
)

// BenchmarkDelivery takes fresh keys from claim to commit, by one caller and by many.
func BenchmarkDelivery(b *testing.B) {
	s := open(b, redis.Options{Addresses: addresses(redistest.New(b))})
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			b.ReportAllocs()
			if callers == 1 {
				for b.Loop() {
					if err := deliver(b.Context(), s); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := deliver(b.Context(), s); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
