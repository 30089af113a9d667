package listen_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/internal/listen"
)

func TestDeliveryIsRetriedWithTheSameIDAndAFreshSignature(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o heard
		p := &platform{streams: []string{call("evt_1") + call("evt_2") + end("evt_3")}}
		r := &receiver{t: t, statuses: []int{0, 500, 302, 404}}
		began := time.Now()
		summary, err := listener(t, listen.Options{Platform: p, Receiver: r, Observer: &o}).Run(t.Context())
		if want := (listen.Summary{Status: "completed", Delivered: 2, LastEventID: "evt_3"}); err != nil || summary != want {
			t.Fatalf("the run came to %+v and %v", summary, err)
		}
		if want := []string{"evt_1", "evt_1", "evt_1", "evt_1", "evt_1", "evt_2"}; !slices.Equal(r.ids(), want) {
			t.Errorf("the receiver got %q, want %q", r.ids(), want)
		}
		elapsed := time.Duration(0)
		for i, pause := range listen.DefaultSchedule() {
			elapsed += pause
			if g := r.received[i]; g.body != r.received[0].body || g.at.Sub(began.Truncate(time.Second)) != elapsed {
				t.Errorf("attempt %d is signed for %v, want %v after %v, and has %s", i+1, g.at, elapsed, began, g.body)
			}
		}
		if !slices.Equal(o.retries, listen.DefaultSchedule()[1:]) {
			t.Errorf("the observer heard of pauses %v", o.retries)
		}
		first := o.deliveries[0]
		if first.Attempts != 5 || first.Status != 204 || first.Err != nil || first.Took != elapsed {
			t.Errorf("the observer heard of %+v", first)
		}
	})
}

func TestDeliveryFailsWhenTheScheduleIsUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o heard
		p := &platform{streams: []string{call("evt_1") + call("evt_2") + end("evt_3")}}
		r := &receiver{t: t, statuses: []int{503, 503}}
		summary, err := listener(t, listen.Options{Platform: p, Receiver: r, Observer: &o,
			Schedule: []time.Duration{time.Second, time.Second}}).Run(t.Context())
		want := listen.Summary{Status: "completed", Delivered: 1, Failed: 1, LastEventID: "evt_3"}
		if err != nil || summary != want {
			t.Errorf("the run came to %+v and %v, want %+v", summary, err, want)
		}
		if d := o.deliveries[0]; d.Attempts != 2 || d.Status != 503 || d.Err == nil || !strings.Contains(d.Err.Error(), "503") {
			t.Errorf("the observer heard of %+v", d)
		}
	})
}

func TestAttemptHasATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var o heard
		p := &platform{streams: []string{call("evt_1") + end("evt_2")}}
		hang := carrier(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		if _, err := listener(t, listen.Options{Platform: p, Receiver: hang, Observer: &o, Timeout: 3 * time.Second,
			Schedule: []time.Duration{0}}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if d := o.deliveries[0]; d.Took != 3*time.Second || d.Err == nil || !strings.Contains(d.Err.Error(), "no answer within 3s") {
			t.Errorf("the observer heard of %+v", d)
		}
	})
}

// TestRefusalOfAGateIsTold shows why a gate refuses, and nothing that only looks like a code.
func TestRefusalOfAGateIsTold(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"signature_mismatch": "answered with status 401, signature_mismatch",
		"whsec_anything":     "answered with status 401",
		"":                   "answered with status 401",
	} {
		synctest.Test(t, func(t *testing.T) {
			var o heard
			p := &platform{streams: []string{call("evt_1") + end("evt_2")}}
			r := &receiver{t: t, statuses: []int{401}, code: code}
			if _, err := listener(t, listen.Options{Platform: p, Receiver: r, Observer: &o, Schedule: []time.Duration{0}}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if d := o.deliveries[0]; d.Err == nil || d.Err.Error() != want {
				t.Errorf("%q: the observer heard %v, want %s", code, d.Err, want)
			}
		})
	}
}

// TestErrorsOfOthersAreShort has libraries quote what a receiver and a platform have sent, at length and with what would move
// a cursor.
func TestErrorsOfOthersAreShort(t *testing.T) {
	t.Parallel()
	long := errors.New("malformed answer \x1b[2J" + strings.Repeat("x", 100_000))
	broken := carrier(func(*http.Request) (*http.Response, error) { return nil, long })
	short := func(text string) bool { return len(text) < 500 && !strings.Contains(text, "\x1b") }
	synctest.Test(t, func(t *testing.T) {
		var o heard
		p := &platform{streams: []string{call("evt_1") + frame("e\x1b"+strings.Repeat("x", 10_000), "session.status_changed", "{") + end("evt_2")}}
		if _, err := listener(t, listen.Options{Platform: p, Receiver: broken, Observer: &o, Schedule: []time.Duration{0}}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(o.deliveries) != 2 {
			t.Fatalf("the observer heard of %d deliveries", len(o.deliveries))
		}
		for _, d := range o.deliveries {
			if d.Err == nil || !short(d.Err.Error()) || !short(d.ID) {
				t.Errorf("%d bytes of an id, and %v", len(d.ID), d.Err)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		_, err := listener(t, listen.Options{Platform: broken, GiveUp: time.Second}).Run(t.Context())
		if !errors.Is(err, listen.ErrUnreachable) || !errors.Is(err, long) || !short(err.Error()) {
			t.Errorf("%v", err)
		}
	})
}
