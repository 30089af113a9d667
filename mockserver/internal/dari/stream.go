package dari

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/sse"
)

// keepAlive is how often a silent stream says that it is still there.
const keepAlive = 15 * time.Second

// stream sends a session's ledger as server-sent events, beginning behind Last-Event-ID, until the client leaves.
func (p *Platform) stream(w http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	var wake chan struct{}
	status, value, err := p.withSession(r, org, func(s *session) (int, any, error) {
		if wake = s.ledger.listen(); wake == nil {
			return 0, nil, httpjson.Refuse(http.StatusTooManyRequests, "too many streams of this session")
		}
		return 0, nil, nil
	})
	if err != nil {
		return status, value, err
	}
	defer p.unlisten(r, org, wake)
	out := sse.Start(w)
	last := r.Header.Get("Last-Event-ID")
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		events, ok := p.eventsAfter(r, org, last)
		for _, e := range events {
			data, err := json.Marshal(e)
			if err != nil || out.Send(e.ID, e.Type, data) != nil {
				return sse.Done()
			}
			last = e.ID
		}
		if !ok {
			return sse.Done()
		}
		select {
		case <-r.Context().Done():
			return sse.Done()
		case _, open := <-wake:
			if !open {
				return sse.Done()
			}
		case <-tick.C:
			if out.Comment("still here") != nil {
				return sse.Done()
			}
		}
	}
}

// eventsAfter returns what happened since an event, and whether the session still exists.
func (p *Platform) eventsAfter(r *http.Request, org, last string) (events []event, ok bool) {
	_, _, err := p.withSession(r, org, func(s *session) (int, any, error) {
		events = s.ledger.after(last)
		return 0, nil, nil
	})
	return events, err == nil
}

func (p *Platform) unlisten(r *http.Request, org string, wake chan struct{}) {
	_, _, _ = p.withSession(r, org, func(s *session) (int, any, error) {
		s.ledger.unlisten(wake)
		return 0, nil, nil
	}) // a session that is gone took its listeners along
}
