package listen

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/signature"
)

// transcript is what a run made of a stream: it is its own receiver and observer.
type transcript struct {
	Bodies     []string
	Deliveries []string
	Err        string
	Summary    Summary
}

func (s *transcript) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.Bodies = append(s.Bodies, madeUp.ReplaceAllString(string(body), `"created_at":"2026-`))
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

func (s *transcript) Delivered(d Delivery) {
	outcome := d.ID + " " + d.Type
	if d.Err != nil {
		outcome += ": " + d.Err.Error()
	}
	s.Deliveries = append(s.Deliveries, outcome)
}
func (s *transcript) Retrying(Delivery, time.Duration)  {}
func (s *transcript) Reconnecting(error, time.Duration) {}

// madeUp is the time of an event whose own is missing: the present.
var madeUp = regexp.MustCompile(`"created_at":"20[0-9T:.-]+`)

const fuzzLimit = 4 << 10

// transcribe reads a stream as a run does.
func transcribe(t *testing.T, stream io.Reader) *transcript {
	t.Helper()
	secret, err := signature.NewSecret("whsec_fuzz")
	if err != nil {
		t.Fatal(err)
	}
	s := &transcript{}
	l, err := New(Options{
		API: "https://platform.test", Key: "key", Session: "sess_1", Forward: "http://127.0.0.1/", Receiver: s, Observer: s,
		Secrets: []signature.Secret{secret}, Schedule: []time.Duration{0}, MaxEvent: fuzzLimit, Events: Types(),
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(l)
	r.session = &session{AgentID: "agt_1", Metadata: map[string]string{}}
	if err := r.read(t.Context(), stream); err != nil {
		s.Err = err.Error()
		if !errors.Is(err, errCut) && !errors.Is(err, ErrEventTooLarge) {
			t.Errorf("reading ended with %v", err)
		}
	}
	s.Summary = r.summary
	return s
}

// FuzzStream holds that what a stream says does not depend on how its bytes arrive, that every delivery has the
// envelope of a webhook, an id that no other has, and a bounded body, and that nothing follows the session's end.
func FuzzStream(f *testing.F) {
	data := `{"id":"evt_1","session_id":"sess_1","message_id":"msg_1","type":"tool.call_requested","created_at":"2026-08-01T12:00:00Z","data":{"tool_call_id":"call_1","submit_url":"/v1/x"}}`
	one := "id: evt_1\nevent: tool.call_requested\ndata: " + data + "\n\n"
	end := "id: evt_2\nevent: session.status_changed\ndata: {\"id\":\"evt_2\",\"type\":\"session.status_changed\",\"data\":{\"status\":\"completed\"}}\n\n"
	for _, seed := range []string{
		one + end,
		one + one + strings.ReplaceAll(one, "evt_1", "evt_3"),
		end + one,
		"\xEF\xBB\xBF" + one + ": still here\n\n" + end,
		strings.ReplaceAll(one+end, "\n", "\r\n"),
		strings.ReplaceAll(one+end, "\n", "\r"),
		strings.ReplaceAll(one, `{"id"`, "{\ndata: \"id\""),
		strings.TrimSuffix(one, "\n"),
		"data\n\ndata:\n\nid\n\nid: \x00\n\nretry: 10\n\n:\n\n" + one,
		"id:evt_1\nevent:tool.call_requested\ndata:" + data + "\n\n",
		strings.Repeat("\n", 2*fuzzLimit) + one,
		"data: " + strings.Repeat("x", 2*fuzzLimit),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		s := transcribe(t, strings.NewReader(string(stream)))
		if slow := transcribe(t, iotest.OneByteReader(strings.NewReader(string(stream)))); len(stream) <= fuzzLimit && !reflect.DeepEqual(s, slow) {
			t.Errorf("byte by byte the stream says %+v, and at once %+v", slow, s)
		}
		ids := map[string]bool{}
		for _, body := range s.Bodies {
			var e struct {
				ID        string                     `json:"id"`
				Type      string                     `json:"type"`
				CreatedAt string                     `json:"created_at"`
				Data      map[string]json.RawMessage `json:"data"`
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil || e.ID == "" || ids[e.ID] || e.CreatedAt == "" {
				t.Errorf("the body %s has an id that is missing or known, or is no envelope: %v", body, err)
			}
			ids[e.ID] = true
			known, ok := contract.Dari().EventFor(e.Type)
			if !ok {
				t.Errorf("the body %s has the type %q", body, e.Type)
			}
			for _, name := range known.Required {
				if _, given := e.Data[name]; !given {
					t.Errorf("the body %s has no %s", body, name)
				}
			}
			if len(body) > 8*fuzzLimit { // a byte that is no UTF-8 takes six when it is written
				t.Errorf("an event of at most %d bytes became a body of %d", fuzzLimit, len(body))
			}
		}
		if s.Summary.Delivered != len(s.Bodies) || s.Summary.Delivered+s.Summary.Failed != len(s.Deliveries) {
			t.Errorf("the summary is %+v, and delivered were %q of %q", s.Summary, s.Bodies, s.Deliveries)
		}
		if (s.Summary.Status == "") != (s.Err != "") {
			t.Errorf("the session's status is %q and the error %q", s.Summary.Status, s.Err)
		}
	})
}
