package delivery

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/clock"
	"github.com/darihook/darihook/mockserver/internal/storage"
	"github.com/darihook/darihook/mockserver/internal/target"
)

// bench is an engine whose deliveries all go to one receiver.
type bench struct {
	*Engine
	status atomic.Int64 // that the receiver answers
}

// newBench starts an engine with a manual clock.
func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{}
	b.status.Store(http.StatusOK)
	answer := []byte(strings.Repeat("a", 2000))
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(int(b.status.Load()))
		w.Write(answer)
	}))
	t.Cleanup(receiver.Close)
	o.Clock, o.Faults, o.Policy = clock.New(clock.Options{}), new(faults.Set), target.Policy{AllowInsecure: true}
	o.Target = func(string, string) (Target, error) { return Target{Provider: contract.Dari(), URL: receiver.URL}, nil }
	var err error
	if b.Engine, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	b.Start()
	return b
}

// pass lets time go by.
func (b *bench) pass(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.o.Clock.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	all, waiting := 0, 0
	for _, e := range b.book.byID {
		all += e.measure()
		if e.ended == 0 {
			waiting += e.measure()
		}
	}
	if b.book.bytes != all || b.book.waiting != waiting {
		t.Errorf("the book counts %d bytes, %d of them waiting; want %d and %d", b.book.bytes, b.book.waiting, all, waiting)
	}
}

// send submits a delivery with a body of a size of its own.
func (b *bench) send(size int) (string, error) {
	ids, err := b.Submit(Order{Provider: "dari", Endpoint: "agt", EventID: "evt", Body: []byte(strings.Repeat("b", size))})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

func TestEndedDeliveriesMakeRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{MaxMemory: 100_000})
	for i := range 50 {
		if _, err := b.send(10_000); err != nil {
			t.Fatalf("delivery %d: %v", i, err)
		}
		b.pass(t, 0)
	}
	page := b.List(Filter{}, 100)
	if page.Total < 5 || page.Total > 9 || page.Dropped != uint64(50-page.Total) {
		t.Errorf("%d deliveries are kept and %d dropped", page.Total, page.Dropped)
	}
	if b.book.bytes > 100_000 {
		t.Errorf("they take %d bytes", b.book.bytes)
	}
}

func TestWaitingDeliveriesAreRefusedRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{MaxMemory: 100_000})
	b.status.Store(http.StatusServiceUnavailable)
	var ids []string
	for {
		id, err := b.send(10_000)
		b.pass(t, 0)
		if err != nil {
			if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "--max-memory") || !strings.Contains(err.Error(), "/_mock/reset") {
				t.Errorf("the refusal says %v", err)
			}
			break
		}
		if ids = append(ids, id); len(ids) > 10 {
			t.Fatal("nothing was refused")
		}
	}
	if err := b.Room(1, 10_000); !errors.Is(err, ErrFull) {
		t.Errorf("Room says %v", err)
	}
	b.status.Store(http.StatusOK)
	b.pass(t, time.Hour)
	if c := b.Counts(); c.Pending != 0 || c.Failed != 0 || c.Succeeded+int(c.Dropped) != len(ids) || c.Succeeded < len(ids)/2 {
		t.Errorf("of %d deliveries there are %+v", len(ids), c)
	}
	if err := b.Room(1, 10_000); err != nil {
		t.Errorf("Room after they have ended says %v", err)
	}
	if _, err := b.send(10_000); err != nil {
		t.Errorf("there is no room after they have ended: %v", err)
	}
}

// Attempts of deliveries that wait must not take more than there is either: the oldest are forgotten, and what the last
// has sent and got, but never that it was made and how it ended.
func TestAttemptsOfWaitingDeliveriesAreShed(t *testing.T) {
	t.Parallel()
	const memory = 60_000
	b := newBench(t, Options{MaxMemory: memory, Schedule: make([]time.Duration, 30)})
	for i := range b.o.Schedule {
		b.o.Schedule[i] = time.Minute
	}
	b.status.Store(http.StatusServiceUnavailable)
	var ids []string
	for range 4 {
		id, err := b.send(10_000)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	b.pass(t, 29*time.Minute)
	if most := memory + 4*2*attemptCost; b.book.bytes > most {
		t.Errorf("they take %d bytes, more than %d", b.book.bytes, most)
	}
	for _, id := range ids {
		d, err := b.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		last := d.Attempts[len(d.Attempts)-1]
		if d.AttemptsDropped+len(d.Attempts) != 29 || d.AttemptsDropped == 0 || last.Number != 29 {
			t.Errorf("%d attempts are kept, %d dropped, and the last is number %d", len(d.Attempts), d.AttemptsDropped, last.Number)
		}
		if s := d.Summarize(); s.AttemptCount != 29 || s.LastStatus != http.StatusServiceUnavailable {
			t.Errorf("the summary has %d attempts and status %d", s.AttemptCount, s.LastStatus)
		}
	}
	b.pass(t, time.Minute)
	// Those that end while the others take all there is are forgotten at once, whichever they are.
	if c := b.Counts(); c.Pending != 0 || c.Failed == 0 || c.Failed+int(c.Dropped) != len(ids) {
		t.Errorf("after 30 attempts of %d deliveries there are %+v", len(ids), c)
	}
}

func TestOneDeliverysAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{})
	id, err := b.send(10)
	if err != nil {
		t.Fatal(err)
	}
	b.pass(t, 0)
	for range maxAttempts {
		if _, err := b.Resend(id); err != nil {
			t.Fatal(err)
		}
	}
	b.pass(t, 0)
	d, err := b.Get(id)
	if err != nil || len(d.Attempts) != maxAttempts || d.AttemptsDropped != 1 || d.Attempts[0].Number != 2 {
		t.Errorf("%d attempts are kept and %d dropped: %v", len(d.Attempts), d.AttemptsDropped, err)
	}
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	b := newBench(t, Options{})
	for range 5 {
		if _, err := b.send(10_000); err != nil {
			t.Fatal(err)
		}
	}
	b.pass(t, 0)
	var sizes []int
	seen := map[string]bool{}
	for f := (Filter{Bytes: 60_000}); ; {
		page := b.List(f, 100)
		sizes = append(sizes, len(page.Deliveries))
		for _, d := range page.Deliveries {
			seen[d.ID] = true
		}
		if f.Before = page.Next; page.Next == 0 {
			break
		}
	}
	if fmt.Sprint(sizes) != "[2 2 1]" || len(seen) != 5 {
		t.Errorf("the pages have %v deliveries, %d in all", sizes, len(seen))
	}
	if page := b.List(Filter{Bytes: 1}, 100); len(page.Deliveries) != 1 || page.Next == 0 {
		t.Errorf("a page of less than one delivery has %d", len(page.Deliveries))
	}
}

// What an attempt has sent is stored once with the delivery where it was its body, and each attempt has it again when it is
// read.
func TestBodiesAreStoredOnce(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/state"
	store, err := storage.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, Options{Store: store})
	b.o.Faults.Add(faults.Fault{ID: "flt", Kind: "tampered_body", Next: new(1)})
	b.status.Store(http.StatusServiceUnavailable)
	id, err := b.send(100_000)
	if err != nil {
		t.Fatal(err)
	}
	b.pass(t, time.Hour)
	want, err := b.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	b.Stop()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if store, err = storage.Open(path); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	err = storage.Load(store, table, func(_ string, r record) {
		if len(r.Same) != len(want.Attempts)-1 || len(r.Delivery.Attempts[0].Request.Body) == 0 || len(r.Delivery.Attempts[1].Request.Body) != 0 {
			t.Errorf("%d of %d attempts are stored without their body", len(r.Same), len(want.Attempts))
		}
		got := r.entry()
		for i, a := range want.Attempts {
			if string(got.Attempts[i].Request.Body) != string(a.Request.Body) {
				t.Errorf("attempt %d has %d bytes, want %d", a.Number, len(got.Attempts[i].Request.Body), len(a.Request.Body))
			}
		}
		if !same(got.Attempts[1].Request.Body, got.body) {
			t.Error("the body is there twice")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
