package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
	"github.com/darihook/darihook/mockserver/internal/sse"
)

// The bounds of a page of deliveries.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxPage      = 64 << 20 // bytes
)

// listDeliveries answers a page, the newest first.
func (a *API) listDeliveries(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	page, err := a.page(r.URL.Query(), maxPage)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, client.Deliveries{
		Deliveries: page.Deliveries, Next: cursor(page.Next), Total: page.Total, Dropped: page.Dropped,
	}, nil
}

// listSummaries answers the same page without the bytes of the attempts.
func (a *API) listSummaries(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	page, err := a.page(r.URL.Query(), 0)
	if err != nil {
		return 0, nil, err
	}
	answer := client.Summaries{
		Deliveries: make([]client.Summary, len(page.Deliveries)), Next: cursor(page.Next), Total: page.Total, Dropped: page.Dropped,
	}
	for i, d := range page.Deliveries {
		answer.Deliveries[i] = d.Summarize()
	}
	return http.StatusOK, answer, nil
}

// page reads the query of a list and returns its page, of about so many bytes at most.
func (a *API) page(q url.Values, bytes int) (none delivery.Page, err error) {
	if err := known(q, "event_id", "agent_id", "type", "status", "text", "limit", "cursor"); err != nil {
		return none, err
	}
	filter, err := filterOf(q)
	if err != nil {
		return none, err
	}
	limit, err := number(q, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return none, err
	}
	before, err := number(q, "cursor", 0, 0, 1<<62)
	if err != nil {
		return none, err
	}
	filter.Text, filter.Before, filter.Bytes = q.Get("text"), uint64(before), bytes
	return a.Engine.List(filter, limit), nil
}

// cursor names the page that begins before an ordinal.
func cursor(before uint64) string {
	if before == 0 {
		return ""
	}
	return strconv.FormatUint(before, 10)
}

// filterOf reads the fields that select deliveries.
func filterOf(q url.Values) (delivery.Filter, error) {
	f := delivery.Filter{EventID: q.Get("event_id"), AgentID: q.Get("agent_id"), Type: q.Get("type"), Status: q.Get("status")}
	if f.Status != "" && !slices.Contains([]string{client.Pending, client.Succeeded, client.Failed}, f.Status) {
		return f, httpjson.Invalid("must be pending, succeeded or failed", "query", "status")
	}
	return f, nil
}

// known refuses names that a call does not have.
func known(q url.Values, names ...string) error {
	var p httpjson.Problems
	for name := range q {
		if !slices.Contains(names, name) {
			p.Add("extra_forbidden", "Extra inputs are not permitted", "query", name)
		}
	}
	return p.Err()
}

// number reads a number of the query.
func number(q url.Values, name string, otherwise, least, most int) (int, error) {
	text := q.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, httpjson.Invalid(fmt.Sprintf("must be a number from %d to %d", least, most), "query", name)
	}
	return n, nil
}

func (a *API) getDelivery(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	d, err := a.Engine.Get(r.PathValue("id"))
	return http.StatusOK, d, answerTo(err)
}

func (a *API) resend(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	d, err := a.Engine.Resend(r.PathValue("id"))
	return http.StatusAccepted, d, answerTo(err)
}

// answerTo gives an error of the engine its status.
func answerTo(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, delivery.ErrUnknown):
		return httpjson.NotFound("Delivery")
	}
	return httpjson.Refuse(http.StatusServiceUnavailable, "%v", err)
}

// keepAlive is how often a silent stream says that it is still there.
const keepAlive = 15 * time.Second

// stream tells every change of a delivery as it happens. The event "missed" says that some were left out and the list
// should be read again, as does "reset".
func (a *API) stream(w http.ResponseWriter, r *http.Request) (int, any, error) {
	watcher := a.Engine.Watch()
	if watcher == nil {
		return 0, nil, httpjson.Refuse(http.StatusTooManyRequests, "too many streams")
	}
	defer watcher.Close()
	out := sse.Start(w)
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-r.Context().Done():
			return sse.Done()
		case change, open := <-watcher.Changes:
			if !open {
				return sse.Done()
			}
			err = send(out, change)
		case <-tick.C:
			err = out.Comment("still here")
		}
		if err == nil && watcher.Missed() {
			err = out.Send("", "missed", []byte("{}"))
		}
		if err != nil {
			return sse.Done()
		}
	}
}

// send tells one change.
func send(out *sse.Stream, change client.Summary) error {
	if change.ID == "" {
		return out.Send("", "reset", []byte("{}"))
	}
	data, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encoding a change: %w", err)
	}
	return out.Send("", "delivery", data)
}
