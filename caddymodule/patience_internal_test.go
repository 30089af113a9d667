package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a connection whose sender reads nothing beyond what fits into buffers.
type stuck struct {
	*httptest.ResponseRecorder
	room     int
	deadline time.Time
}

func (s *stuck) SetWriteDeadline(deadline time.Time) error {
	s.deadline = deadline
	return nil
}

func (s *stuck) Write(p []byte) (int, error) {
	if s.room -= len(p); s.room >= 0 {
		return len(p), nil
	}
	if s.deadline.IsZero() {
		select {} // for ever: the test's bubble is deadlocked
	}
	time.Sleep(time.Until(s.deadline))
	return 0, os.ErrDeadlineExceeded
}

// TestPatience bounds an answer that its sender does not read, in every version of HTTP.
func TestPatience(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		major     int
		work      time.Duration // how long the delivery may take
		want      time.Duration // when the sender counts as gone
		afterward bool          // a deadline stays set between pieces
	}{
		"ok/HTTP/1":                     {1, time.Hour, senderPatience, true},
		"ok/HTTP/2":                     {2, time.Hour, senderPatience, false},
		"ok/HTTP/3":                     {3, time.Hour, senderPatience, true},
		"ok/what is left of a delivery": {1, time.Second, time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &stuck{ResponseRecorder: httptest.NewRecorder(), room: 3 * patientBytes}
				r := httptest.NewRequest(http.MethodPost, "/", nil)
				r.ProtoMajor = row.major
				rec := record(w)
				start := time.Now()
				rec.patience = patienceFor(r, start.Add(row.work))
				piece := make([]byte, patientBytes/2)
				if n, err := rec.Write(piece); n != len(piece) || err != nil || !w.deadline.IsZero() {
					t.Errorf("a small answer: %d, %v, deadline %s", n, err, w.deadline)
				}
				for range 2 {
					if _, err := rec.Write(piece); err != nil {
						t.Fatal(err)
					}
				}
				if set := !w.deadline.IsZero(); set != row.afterward {
					t.Errorf("a deadline between pieces: %v, want %v", set, row.afterward)
				}
				for range 10 { // the receiver's side sees none of it
					if n, err := rec.Write(piece); n != len(piece) || err != nil {
						t.Fatalf("%d, %v", n, err)
					}
				}
				if took := time.Since(start); took != row.want || !rec.gone {
					t.Errorf("given up after %s, want %s", took, row.want)
				}
			})
		})
	}
}
