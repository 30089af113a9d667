package control

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// maxAdvance is how far one call moves the clock.
const maxAdvance = 366 * 24 * time.Hour

func (a *API) clock() client.Clock {
	c := client.Clock{Mode: "scaled", Scale: a.Clock.Scale(), Now: a.Clock.Now()}
	switch c.Scale {
	case 0:
		c.Mode = "manual"
	case 1:
		c.Mode = "real"
	}
	return c
}

func (a *API) getClock(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, a.clock(), nil
}

// advance moves the clock, and answers when everything that became due has been attempted. "0s" waits for what is under
// way and moves nothing.
func (a *API) advance(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var body struct {
		Duration *string `json:"duration"`
	}
	if err := httpjson.Read(w, r, &body); err != nil {
		return 0, nil, err
	}
	if body.Duration == nil {
		return 0, nil, httpjson.Problems{{Loc: []any{"body", "duration"}, Msg: "Field required", Type: "missing"}}
	}
	d, err := time.ParseDuration(*body.Duration)
	if err != nil || d < 0 || d > maxAdvance {
		return 0, nil, httpjson.Invalid("must be a duration from 0s to a year, such as \"90s\"", "body", "duration")
	}
	err = a.Clock.Advance(r.Context(), d)
	a.Advanced()
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return 0, nil, httpjson.Refuse(http.StatusServiceUnavailable, "the caller left before everything had come to rest")
	}
	return http.StatusOK, a.clock(), err
}
