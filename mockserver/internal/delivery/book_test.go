package delivery

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/darihook/darihook/mockserver/client"
)

// The book keeps the latest endings and every pending entry, whatever the order in which entries end and are opened again.
func TestBookForgetsTheOldestEndings(t *testing.T) {
	t.Parallel()
	const limit = 20
	random := rand.New(rand.NewPCG(1, 2))
	b := newBook()
	var pending, ended []*entry // ended in the order of ending
	dropped := uint64(0)
	for ordinal := uint64(1); ordinal <= 5000; ordinal++ {
		e := &entry{Delivery: client.Delivery{ID: fmt.Sprint(ordinal)}, ordinal: ordinal, body: make([]byte, random.IntN(5000))}
		b.add(e)
		pending = append(pending, e)
		if random.IntN(10) == 0 && len(ended) > 0 {
			i := random.IntN(len(ended))
			b.reopen(ended[i])
			pending = append(pending, ended[i])
			ended = slices.Delete(ended, i, i+1)
		}
		for len(pending) > 5 {
			i := random.IntN(len(pending))
			ended = append(ended, pending[i])
			var want []*entry
			if len(ended) > limit {
				want, ended = ended[:1:1], ended[1:]
			}
			b.end(pending[i])
			if got := b.prune(limit, math.MaxInt); !slices.Equal(got, want) {
				t.Fatalf("ending %s dropped %d entries, want %d", pending[i].ID, len(got), len(want))
			}
			dropped += uint64(len(want))
			pending = slices.Delete(pending, i, i+1)
		}
	}
	var left []string
	for _, e := range b.inOrder {
		if e != nil {
			left = append(left, e.ID)
		}
	}
	if len(left) != len(b.byID) || len(left) != len(pending)+len(ended) || b.pending != len(pending) || b.dropped != dropped {
		t.Errorf("the book has %d in order, %d by id, %d pending and dropped %d; want %d, %d and %d",
			len(left), len(b.byID), b.pending, b.dropped, len(pending)+len(ended), len(pending), dropped)
	}
	if sizes := sizesOf(ended); b.waiting != sizesOf(pending) || b.bytes != b.waiting+sizes {
		t.Errorf("the book counts %d bytes, %d of them waiting; want %d and %d", b.bytes, b.waiting, sizes+sizesOf(pending), sizesOf(pending))
	}
	if len(b.endings) > 2*len(ended)+64 {
		t.Errorf("%d endings for %d entries that have ended", len(b.endings), len(ended))
	}
	if len(b.inOrder) > 3*len(left)+128 {
		t.Errorf("%d places for %d entries", len(b.inOrder), len(left))
	}
}

// sizesOf measures entries anew.
func sizesOf(entries []*entry) (n int) {
	for _, e := range entries {
		n += e.measure()
	}
	return n
}
