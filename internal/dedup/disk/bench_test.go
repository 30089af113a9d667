package disk_test

import (
	"fmt"
	"os"
	"strconv"
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

// BenchmarkOpen reopens a store of so many ids, which DEDUP_BENCH_IDS sets. Default: 100,000.
func BenchmarkOpen(b *testing.B) {
	ids := 100_000
	if text := os.Getenv("DEDUP_BENCH_IDS"); text != "" {
		var err error
		if ids, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	path := b.TempDir()
	s, err := disk.Open(path, disk.Options{})
	if err != nil {
		b.Fatal(err)
	}
	deduptest.Fill(b, s, ids, time.Hour)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := disk.Open(path, disk.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if got := s.Stats().Done; got != int64(ids) {
			b.Fatalf("%d records, want %d", got, ids)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
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
