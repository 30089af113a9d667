package memory_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/deduptest"
	"github.com/darihook/darihook/internal/dedup/memory"
)

func BenchmarkDelivery(b *testing.B) {
	deduptest.BenchmarkDelivery(b, func(tb testing.TB) dedup.Store { return open(tb, memory.Options{}) })
}

// BenchmarkMemory measures the heap that an id takes in a store of 200,000.
func BenchmarkMemory(b *testing.B) {
	const ids = 200_000
	for b.Loop() {
		before := heap()
		s := open(b, memory.Options{})
		deduptest.Fill(b, s, ids, time.Hour)
		b.ReportMetric(float64(heap()-before)/ids, "B/id")
		runtime.KeepAlive(s)
		s.Close()
	}
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
