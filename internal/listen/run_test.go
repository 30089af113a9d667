package listen_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/listen"
)

func TestRunDeliversInOrderUntilTheEnd(t *testing.T) {
	t.Parallel()
	for _, scheme := range append([]contract.Scheme{{}}, contract.Dari().Schemes()...) {
		t.Run(scheme.Name, func(t *testing.T) {
			t.Parallel()
			p := &platform{streams: []string{
				frame("evt_1", "user.message", `{}`) + call("evt_2") + ": still here\n\n" + call("evt_3") +
					frame("evt_4", "session.status_changed", `{"status":"idle"}`) + end("evt_5") + call("evt_6"),
			}}
			r := &receiver{t: t, scheme: scheme}
			var o heard
			summary, err := listener(t, listen.Options{Platform: p, Receiver: r, Scheme: scheme, Observer: &o}).Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := (listen.Summary{Status: "completed", Delivered: 2, LastEventID: "evt_5"}); summary != want {
				t.Errorf("the run came to %+v, want %+v", summary, want)
			}
			if want := []string{"evt_2", "evt_3"}; !slices.Equal(r.ids(), want) || len(o.deliveries) != 2 {
				t.Errorf("the receiver got %q and the observer %+v, want %q", r.ids(), o.deliveries, want)
			}
		})
	}
}

func TestRunResumesACutStream(t *testing.T) {
	t.Parallel()
	half := call("evt_3")[:40]
	for name, row := range map[string]struct {
		streams, opened []string
	}{
		"ok/behind the last event":     {[]string{call("evt_1") + call("evt_2"), call("evt_3") + end("evt_4")}, []string{"", "evt_2"}},
		"ok/in the middle of an event": {[]string{call("evt_1") + call("evt_2") + half, call("evt_3") + end("evt_4")}, []string{"", "evt_2"}},
		"ok/before the blank line": {
			[]string{call("evt_1") + strings.TrimSuffix(call("evt_2"), "\n"), call("evt_2") + call("evt_3") + end("evt_4")},
			[]string{"", "evt_1"},
		},
		"ok/behind an id that no header can hold": {
			[]string{call("evt_1") + call("evt_2") + "id: \x01\nevent: user.message\ndata: {}\n\n", call("evt_3") + end("evt_4")},
			[]string{"", "evt_2"},
		},
		"ok/again and again": {
			[]string{"", call("evt_1"), "", ": nothing\n\n", call("evt_2"), half, call("evt_3") + end("evt_4")},
			[]string{"", "", "evt_1", "evt_1", "evt_1", "evt_2", "evt_2"},
		},
		"ok/a platform that begins anew each time": {
			[]string{call("evt_1"), call("evt_1") + call("evt_2"), call("evt_1") + call("evt_2") + call("evt_3") + end("evt_4")},
			[]string{"", "evt_1", "evt_2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, r := &platform{streams: row.streams}, &receiver{t: t}
				summary, err := listener(t, listen.Options{Platform: p, Receiver: r}).Run(t.Context())
				if want := (listen.Summary{Status: "completed", Delivered: 3, LastEventID: "evt_4"}); err != nil || summary != want {
					t.Errorf("the run came to %+v and %v, want %+v", summary, err, want)
				}
				if want := []string{"evt_1", "evt_2", "evt_3"}; !slices.Equal(r.ids(), want) {
					t.Errorf("the receiver got %q, want %q", r.ids(), want)
				}
				if !slices.Equal(p.opened, row.opened) {
					t.Errorf("the streams were opened behind %q, want %q", p.opened, row.opened)
				}
			})
		})
	}
}

func TestRunBeginsWhereItIsTold(t *testing.T) {
	t.Parallel()
	p, r := &platform{streams: []string{call("evt_8") + end("evt_9")}}, &receiver{t: t}
	if _, err := listener(t, listen.Options{Platform: p, Receiver: r, After: "evt_7"}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.opened, []string{"evt_7"}) {
		t.Errorf("the stream was opened behind %q", p.opened)
	}
}

func TestRunTakesASilentStreamForCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &platform{}
		hung := 0
		platform := carrier(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/stream") && hung == 0 {
				hung++
				return answer(200, "text/event-stream", hanging{strings.NewReader(call("evt_1")), req.Context()}), nil
			}
			p.streams = []string{end("evt_2")}
			return p.RoundTrip(req)
		})
		var o heard
		r := &receiver{t: t, statuses: []int{500, 500}}
		began := time.Now()
		_, err := listener(t, listen.Options{Platform: platform, Receiver: r, Observer: &o, Idle: time.Minute,
			Schedule: []time.Duration{0, time.Hour, time.Hour}}).Run(t.Context())
		if err != nil || len(o.lost) != 1 || !strings.Contains(o.lost[0].Error(), "silent") {
			t.Errorf("the run ended with %v and lost the stream by %v", err, o.lost)
		}
		// Two hours went to the receiver: they are no silence of the platform's.
		if took := time.Since(began); took < 2*time.Hour+time.Minute || took > 2*time.Hour+2*time.Minute {
			t.Errorf("the run took %v", took)
		}
		if !slices.Equal(p.opened, []string{"evt_1"}) {
			t.Errorf("the stream was opened anew behind %q", p.opened)
		}
	})
}

func TestRunEndsWithARefusal(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		o      listen.Options
		status int
	}{
		"fail/bad key":         {listen.Options{Key: "other"}, 401},
		"fail/unknown session": {listen.Options{Session: "sess_2"}, 404},
		"fail/redirect": {listen.Options{Platform: carrier(func(*http.Request) (*http.Response, error) {
			return answer(302, "", strings.NewReader("elsewhere")), nil
		})}, 302},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o heard
			row.o.Observer = &o
			if row.o.Platform == nil {
				row.o.Platform = &platform{}
			}
			_, err := listener(t, row.o).Run(t.Context())
			if refusal, ok := errors.AsType[*listen.Refusal](err); !ok || refusal.Status != row.status || refusal.Detail == "" {
				t.Errorf("the run ended with %v, want status %d", err, row.status)
			}
			if len(o.lost) > 0 || strings.Contains(err.Error(), "other") {
				t.Errorf("the run asked again for %v, and said %v", o.lost, err)
			}
		})
	}
}

func TestRunGivesUpOnAPlatformOutOfReach(t *testing.T) {
	t.Parallel()
	for name, carried := range map[string]carrier{
		"fail/no connection": func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"fail/5xx": func(*http.Request) (*http.Response, error) {
			return answer(502, "text/html", strings.NewReader("<h1>Bad gateway</h1>")), nil
		},
		"fail/429": func(*http.Request) (*http.Response, error) {
			return answer(429, "application/json", strings.NewReader(`{"detail":"too many streams"}`)), nil
		},
		"fail/no stream": func(*http.Request) (*http.Response, error) {
			return answer(200, "application/json", strings.NewReader(`{}`)), nil
		},
		"fail/no JSON": func(*http.Request) (*http.Response, error) {
			return answer(200, "text/html", strings.NewReader(`<html>`)), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var o heard
				began := time.Now()
				_, err := listener(t, listen.Options{Platform: carried, Observer: &o}).Run(t.Context())
				if !errors.Is(err, listen.ErrUnreachable) {
					t.Errorf("the run ended with %v", err)
				}
				if took := time.Since(began); took < listen.DefaultGiveUp || took > listen.DefaultGiveUp+time.Minute {
					t.Errorf("the run took %v", took)
				}
				if len(o.lost) < 8 || len(o.lost) > 40 {
					t.Errorf("the platform was asked again %d times", len(o.lost))
				}
			})
		})
	}
}

func TestRunStaysWithAQuietSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Each stream is opened, says nothing and is cut: out of reach the platform is not.
		p := &platform{streams: append(make([]string, 100), end("evt_1"))}
		began := time.Now()
		summary, err := listener(t, listen.Options{Platform: p, Receiver: &receiver{t: t}}).Run(t.Context())
		if err != nil || summary.Status != "completed" {
			t.Errorf("the run came to %+v and %v", summary, err)
		}
		if took := time.Since(began); took < 2*listen.DefaultGiveUp {
			t.Errorf("100 empty streams took only %v", took)
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		stream   string
		statuses []int
		want     listen.Summary
	}{
		"ok/while the stream is open":      {call("evt_1"), nil, listen.Summary{Delivered: 1, LastEventID: "evt_1"}},
		"ok/while a delivery is retried":   {call("evt_1") + call("evt_2"), []int{204, 500, 500, 500}, listen.Summary{Delivered: 1, LastEventID: "evt_1"}},
		"ok/before anything has come":      {"", nil, listen.Summary{}},
		"ok/with a failed delivery behind": {call("evt_1"), []int{500, 500}, listen.Summary{Failed: 1, LastEventID: "evt_1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				schedule := []time.Duration{0, time.Minute}
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				if strings.Contains(name, "retried") {
					schedule = []time.Duration{0, time.Hour}
				}
				defer cancel()
				p, r := &platform{streams: []string{row.stream}}, &receiver{t: t, statuses: row.statuses}
				summary, err := listener(t, listen.Options{Platform: p, Receiver: r, Schedule: schedule, Idle: time.Hour}).Run(ctx)
				if err != nil || summary != row.want {
					t.Errorf("the run came to %+v and %v, want %+v", summary, err, row.want)
				}
			})
		})
	}
}

func TestRunEndsWithItsContextInTheLastAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		hang := carrier(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		p := &platform{streams: []string{call("evt_1")}}
		summary, err := listener(t, listen.Options{Platform: p, Receiver: hang, Schedule: []time.Duration{0}}).Run(ctx)
		// Nobody knows what became of it: it is not dealt with, and comes again in a further run.
		if err != nil || summary != (listen.Summary{}) {
			t.Errorf("the run came to %+v and %v", summary, err)
		}
	})
}
