package gate_test

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/gate"
)

// withheld is a body that comes to a halt before its end.
type withheld struct {
	start  *strings.Reader
	halted chan struct{} // closed when the rest is waited for
	resume <-chan struct{}
	once   sync.Once
}

func (w *withheld) Read(p []byte) (int, error) {
	if w.start.Len() > 0 {
		return w.start.Read(p)
	}
	w.once.Do(func() { close(w.halted) })
	<-w.resume
	return 0, io.ErrUnexpectedEOF
}

// withhold sends bodies of which only the first bytes come until one of them is refused, and returns how many are held until
// release is called.
func withhold(t *testing.T, g *gate.Gate, declared, sent int64) (held int, release func()) {
	t.Helper()
	resume := make(chan struct{})
	var all sync.WaitGroup
	release = func() { close(resume); all.Wait() }
	for ; held < 100_000; held++ {
		body := &withheld{start: strings.NewReader(strings.Repeat("x", int(sent))), halted: make(chan struct{}), resume: resume}
		r := delivery(t, "evt_withheld")
		r.Body, r.Length = body, declared
		refusal := make(chan gate.Verdict, 1)
		all.Go(func() {
			_, v := g.Admit(t.Context(), r)
			refusal <- v
		})
		select {
		case <-body.halted:
		case v := <-refusal:
			if v.Code != contract.CodeOverloaded {
				t.Errorf("%+v", v)
			}
			return held, release
		}
	}
	t.Error("the budget has no end")
	return held, release
}

// TestWithheldBodies shows what senders without a signature can hold of the budget, and what is left for deliveries.
func TestWithheldBodies(t *testing.T) {
	t.Parallel()
	const kib, mib = 1 << 10, 1 << 20
	for name, row := range map[string]struct {
		maxBody        int64
		declared, sent int64
		held           int // how many there are room for
		room           int // small deliveries that there is room for beside them
	}{
		"ok/nothing sent":                {mib, mib, 0, 16 * mib / (4 * kib), 0},
		"ok/a small declared length":     {mib, 100, 0, 16 * mib / (4 * kib), 0},
		"ok/a first buffer filled":       {mib, mib, 4*kib + 1, 16 * mib / (16 * kib), 0},
		"ok/small":                       {mib, 64 * kib, 16*kib + 1, 16 * mib / (64 * kib), 0},
		"ok/large":                       {mib, mib, 64*kib + 1, 12 * mib / (256 * kib), 4 * mib / (4 * kib)},
		"ok/larger":                      {mib, mib, mib - 1, 12, 4 * mib / (4 * kib)},
		"ok/as large as the budget":      {16 * mib, 16 * mib, 4*mib + 1, 1, 0},
		"ok/greater than the large part": {13 * mib, 13 * mib, 4*mib + 1, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, func(o *gate.Options) { o.MaxBody, o.BodyBudget = row.maxBody, 16*mib })
			held, release := withhold(t, g, row.declared, row.sent)
			if held != row.held {
				t.Errorf("%d bodies are held, want %d", held, row.held)
			}
			var small []*gate.Admission
			for i := range row.room {
				small = append(small, admitted(t, g, delivery(t, fmt.Sprint("evt_", i))))
			}
			refused(t, g, delivery(t, "evt_beyond"), contract.CodeOverloaded)
			for _, a := range small {
				_ = a.Release()
			}
			release()
			_ = admitted(t, g, delivery(t, "evt_after")).Release()
			if s := g.Stats(); s.BodyBytes != 0 {
				t.Errorf("%d bytes left over", s.BodyBytes)
			}
		})
	}
}
