package disk_test

import (
	"cmp"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/internal/dedup"
	"github.com/darihook/darihook/internal/dedup/deduptest"
	"github.com/darihook/darihook/internal/dedup/disk"
)

func BenchmarkDelivery(b *testing.B) {
	deduptest.BenchmarkDelivery(b, func(tb testing.TB) dedup.Store { return open(tb, tb.TempDir(), disk.Options{}) })
}

// benchIDs is the number of ids in the benchmarks of a large store, which DEDUP_BENCH_IDS sets. Default: 20,000.
func benchIDs(b *testing.B) int {
	text := cmp.Or(os.Getenv("DEDUP_BENCH_IDS"), "20000")
	ids, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return ids
}

// BenchmarkOpen reopens a large store. It also reports the memory that the process resides in after filling the store
// and after reopening it, and the disk that an id takes.
func BenchmarkOpen(b *testing.B) {
	ids, path := benchIDs(b), b.TempDir()
	s, err := disk.Open(path, disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	deduptest.Fill(b, s, ids, time.Hour)
	filled, bytes := resident(b), s.Stats().DiskBytes
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var reopened float64
	for b.Loop() {
		s, err := disk.Open(path, disk.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if got := s.Stats().Done; got != int64(ids) {
			b.Fatalf("%d records, want %d", got, ids)
		}
		reopened = resident(b)
		s.Close()
		b.StartTimer()
	}
	b.ReportMetric(filled, "filled-MiB")
	b.ReportMetric(reopened, "reopened-MiB")
	b.ReportMetric(float64(bytes)/float64(ids), "disk-B/id")
}

// resident is the process's memory in MiB once its garbage is gone; 0 where there is no /proc.
func resident(b *testing.B) float64 {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}

// BenchmarkExpiry delivers, one after the other, while a large store's records are purged, and reports how long the
// slowest took. As many beside records that do not expire tell what of it the disk is to blame for.
func BenchmarkExpiry(b *testing.B) {
	ids, delivered := benchIDs(b), 0
	b.Run("expiring", func(b *testing.B) {
		fill := func() *disk.Store {
			first := time.Now()
			ttl := time.Duration(ids) * 40 * time.Microsecond // longer than the filling takes
			s := filledStore(b, ids, ttl)
			time.Sleep(time.Until(first.Add(ttl)))
			return s
		}
		delivered = deliverBeside(b, fill, func(s *disk.Store, n int) bool { return s.Stats().Done > int64(n) })
	})
	b.Run("quiet", func(b *testing.B) {
		fill := func() *disk.Store { return filledStore(b, ids, time.Hour) }
		deliverBeside(b, fill, func(_ *disk.Store, n int) bool { return n < delivered })
	})
}

func filledStore(b *testing.B, ids int, ttl time.Duration) *disk.Store {
	s := open(b, b.TempDir(), disk.Options{})
	deduptest.Fill(b, s, ids, ttl)
	return s
}

const (
	// expiryTime bounds how long deliveries are watched.
	expiryTime = 15 * time.Second
	// longPause is one that expiring records should never cause.
	longPause = 5 * time.Millisecond
)

// deliverBeside fills a store and delivers as long as more wants it. It returns how many it has delivered.
func deliverBeside(b *testing.B, fill func() *disk.Store, more func(s *disk.Store, delivered int) bool) int {
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		s := fill()
		took = nil
		b.StartTimer()
		for until := time.Now().Add(expiryTime); time.Now().Before(until) && more(s, len(took)); {
			start := time.Now()
			deduptest.Fill(b, s, 1, time.Hour)
			took = append(took, time.Since(start))
		}
	}
	slices.Sort(took)
	for name, share := range map[string]int{"p50-ms": 500, "p99-ms": 990, "p99.9-ms": 999} {
		b.ReportMetric(float64(took[len(took)*share/1000].Microseconds())/1000, name)
	}
	first, _ := slices.BinarySearch(took, longPause)
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(float64(len(took)-first), "over-5ms")
	b.ReportMetric(float64(len(took)), "deliveries")
	return len(took)
}

// BenchmarkKeepUp delivers from many writers what expires at once, and reports how much of it is there at the end: more than
// what came in a few seconds means that purging falls behind.
func BenchmarkKeepUp(b *testing.B) {
	s := open(b, b.TempDir(), disk.Options{})
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			deduptest.Fill(b, s, 1, time.Millisecond)
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
	b.ReportMetric(float64(s.Stats().Done), "left")
}

// BenchmarkDuplicate claims ids that are done, as a sender's retries do.
func BenchmarkDuplicate(b *testing.B) {
	const ids = 10_000
	s := open(b, b.TempDir(), disk.Options{})
	keys := deduptest.Fill(b, s, ids, time.Hour)
	var next atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			key := keys[next.Add(1)%ids]
			claim, err := s.Claim(b.Context(), key, dedup.Owner{1}, time.Minute)
			if err != nil || claim.Record.State != dedup.Done {
				b.Fatal(fmt.Errorf("claim = %+v, %w", claim, err))
			}
		}
	})
}
