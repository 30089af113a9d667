package control

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// assertion is what a caller says about the deliveries that a filter selects. A nil field says nothing.
type assertion struct {
	filter delivery.Filter
	// status, attempts and lastStatus hold for every selected delivery; deliveries is their number.
	status                           string
	deliveries, attempts, lastStatus *int
	// results is the number of tool results that were taken.
	results *int
	// wait is the real time for which the assertion may become true.
	wait time.Duration
}

// maxWait is how long an assertion may wait.
const maxWait = time.Minute

// assert answers 200 when the assertion holds, and 417 with the differences when it does not.
func (a *API) assert(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	claim, err := assertionOf(r.URL.Query())
	if err != nil {
		return 0, nil, err
	}
	differences := a.compareUntil(r.Context(), claim)
	if len(differences) == 0 {
		return http.StatusOK, map[string]any{"ok": true}, nil
	}
	parts := make([]string, len(differences))
	for i, d := range differences {
		parts[i] = fmt.Sprintf("%s: want %s, got %s", d.Name, d.Want, d.Got)
	}
	return http.StatusExpectationFailed, map[string]any{
		"ok": false, "detail": strings.Join(parts, "; "), "differences": differences,
	}, nil
}

// assertionOf reads the query.
func assertionOf(q url.Values) (c assertion, err error) {
	names := []string{"event_id", "agent_id", "type", "status", "deliveries", "attempts", "last_status", "results", "wait"}
	if err := known(q, names...); err != nil {
		return c, err
	}
	if c.filter, err = filterOf(q); err != nil {
		return c, err
	}
	c.status, c.filter.Status = c.filter.Status, ""
	for name, field := range map[string]**int{
		"deliveries": &c.deliveries, "attempts": &c.attempts, "last_status": &c.lastStatus, "results": &c.results,
	} {
		if !q.Has(name) {
			continue
		}
		n, err := number(q, name, -1, 0, 1_000_000)
		if err != nil || n < 0 {
			return c, httpjson.Invalid("must be a number from 0", "query", name)
		}
		*field = &n
	}
	if text := q.Get("wait"); text != "" {
		if c.wait, err = time.ParseDuration(text); err != nil || c.wait < 0 || c.wait > maxWait {
			return c, httpjson.Invalid("must be a duration of at most a minute", "query", "wait")
		}
	}
	return c, c.check()
}

// check refuses an assertion that says nothing and would always hold.
func (c assertion) check() error {
	if c.deliveries == nil && c.attempts == nil && c.lastStatus == nil && c.results == nil && c.status == "" {
		return httpjson.Invalid("must assert something: deliveries, status, attempts, last_status or results", "query")
	}
	return nil
}

// compareUntil compares again and again until the assertion holds or its time is over.
func (a *API) compareUntil(ctx context.Context, c assertion) []client.Difference {
	const pause = 20 * time.Millisecond // a comparison looks at every delivery, so that it is not made on every change
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	again := time.NewTicker(pause)
	defer again.Stop()
	for {
		differences := a.compare(c)
		if len(differences) == 0 || c.wait == 0 {
			return differences
		}
		select {
		case <-ctx.Done():
			return differences
		case <-again.C:
		}
	}
}

// maxCompared bounds the deliveries that one assertion looks into.
const maxCompared = 200_000

// compare returns the points in which the assertion does not hold.
func (a *API) compare(c assertion) (differences []client.Difference) {
	differ := func(name string, want, got any) {
		differences = append(differences, client.Difference{Name: name, Want: fmt.Sprint(want), Got: fmt.Sprint(got)})
	}
	page := a.Engine.List(c.filter, maxCompared)
	if c.deliveries != nil && page.Total != *c.deliveries {
		differ("deliveries", *c.deliveries, page.Total)
	}
	for _, d := range page.Deliveries {
		if name, want, got := c.compareOne(d); name != "" {
			differ(d.ID+" "+name, want, got)
			if len(differences) >= 20 {
				break
			}
		}
	}
	if len(page.Deliveries) == 0 && c.deliveries == nil && c.results == nil {
		differ("deliveries", "at least 1", 0)
	}
	if c.results != nil {
		taken := slices.DeleteFunc(a.Platform.Results(), func(r client.Result) bool { return r.Status != http.StatusAccepted })
		if len(taken) != *c.results {
			differ("results", *c.results, len(taken))
		}
	}
	return differences
}

// compareOne returns the first point in which one delivery differs.
func (c assertion) compareOne(d client.Delivery) (name, want, got string) {
	s := d.Summarize()
	switch {
	case c.status != "" && d.Status != c.status:
		return "status", c.status, d.Status
	case c.attempts != nil && s.AttemptCount != *c.attempts:
		return "attempts", strconv.Itoa(*c.attempts), strconv.Itoa(s.AttemptCount)
	case c.lastStatus != nil && s.LastStatus != *c.lastStatus:
		return "last_status", strconv.Itoa(*c.lastStatus), strconv.Itoa(s.LastStatus)
	}
	return "", "", ""
}
