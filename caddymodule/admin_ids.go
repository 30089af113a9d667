package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How many ids each store is asked for.
const (
	defaultRecent = 20
	maxRecent     = 1000
)

// adminRecord is what a store knows of a delivery.
type adminRecord struct {
	Store   string `json:"store"`
	Address string `json:"address,omitempty"`
	Scope   string `json:"scope"`
	ID      string `json:"id"`
	// State is absent, in_flight or done.
	State string `json:"state"`
	// Status is what the receiver answered, At when, both of what is done.
	Status int        `json:"status,omitempty"`
	At     *time.Time `json:"at,omitempty"`
	// Expires is when the claim or the record runs out.
	Expires *time.Time `json:"expires,omitempty"`
}

func (s usedStore) record(r Record) adminRecord {
	shown := adminRecord{Store: s.id.kind, Address: s.address(), Scope: r.Key.Scope, ID: r.Key.ID, State: stateName(r.State), Status: r.Outcome.Status}
	if !r.Outcome.At.IsZero() {
		at := r.Outcome.At.UTC()
		shown.At = &at
	}
	if !r.Expires.IsZero() {
		expires := r.Expires.UTC()
		shown.Expires = &expires
	}
	return shown
}

func stateName(s State) string {
	switch s {
	case InFlight:
		return "in_flight"
	case Done:
		return "done"
	default:
		return "absent"
	}
}

// showRecent lists the deliveries of a scope, or of all scopes, that each store has seen last.
func showRecent(ctx context.Context, running *gauges, r *http.Request) (int, any, error) {
	query := r.URL.Query()
	limit, err := parseLimit(query.Get("limit"))
	if err != nil {
		return 0, nil, refuseAdmin(http.StatusBadRequest, err)
	}
	scope := query.Get("scope")
	used := running.inUse(scope)
	if scope != "" && len(used) == 0 {
		return 0, nil, refuseAdmin(http.StatusBadRequest, running.scopeError())
	}
	all := []adminRecord{}
	for _, s := range used {
		records, err := s.Recent(ctx, scope, limit)
		if err != nil {
			return 0, nil, s.failed(err)
		}
		for _, record := range records {
			all = append(all, s.record(record))
		}
	}
	return http.StatusOK, map[string]any{"ids": all}, nil
}

func parseLimit(text string) (int, error) {
	if text == "" {
		return defaultRecent, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxRecent {
		return 0, fmt.Errorf("limit must be a number from 1 to %d", maxRecent)
	}
	return limit, nil
}

// lookup tells what each store of the scope knows of a delivery.
func lookup(ctx context.Context, running *gauges, r *http.Request) (int, any, error) {
	used, key, err := running.asked(r)
	if err != nil {
		return 0, nil, refuseAdmin(http.StatusBadRequest, err)
	}
	var all []adminRecord
	for _, s := range used {
		record, err := s.Lookup(ctx, key)
		if err != nil {
			return 0, nil, s.failed(err)
		}
		record.Key = key
		all = append(all, s.record(record))
	}
	return http.StatusOK, map[string]any{"ids": all}, nil
}

// forget drops a recorded delivery from every store of the scope. One that is in flight is left alone.
func forget(ctx context.Context, running *gauges, r *http.Request) (int, any, error) {
	used, key, err := running.asked(r)
	if err != nil {
		return 0, nil, refuseAdmin(http.StatusBadRequest, err)
	}
	forgotten, inFlight := false, false
	for _, s := range used {
		dropped, err := s.Forget(ctx, key)
		if err != nil {
			return 0, nil, s.failed(err)
		}
		forgotten = forgotten || dropped
		record, err := s.Lookup(ctx, key)
		if err != nil {
			return 0, nil, s.failed(err)
		}
		inFlight = inFlight || record.State == InFlight
	}
	switch {
	case forgotten:
		return http.StatusOK, map[string]bool{"forgotten": true}, nil
	case inFlight:
		return 0, nil, refuseAdmin(http.StatusConflict, errors.New("the delivery is in flight: its claim ends with the receiver's answer, or runs out"))
	default:
		return 0, nil, refuseAdmin(http.StatusNotFound, errors.New("the delivery is not recorded: nothing keeps it from being sent again"))
	}
}

// asked returns the delivery that a request names, and the stores that would know it.
func (c *gauges) asked(r *http.Request) ([]usedStore, Key, error) {
	query := r.URL.Query()
	key := Key{Scope: query.Get("scope"), ID: query.Get("id")}
	if scopes := c.scopes(); key.Scope == "" && len(scopes) == 1 {
		key.Scope = scopes[0]
	}
	used := c.inUse(key.Scope)
	if key.Scope == "" || len(used) == 0 {
		return nil, key, c.scopeError()
	}
	return used, key, key.Validate()
}

// scopes lists the scopes of all gates that have a store.
func (c *gauges) scopes() (scopes []string) {
	for _, s := range c.inUse("") {
		for _, u := range s.users {
			scopes = append(scopes, u.gate.Scope())
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

func (c *gauges) scopeError() error {
	scopes := c.scopes()
	if len(scopes) == 0 {
		return errors.New("no gate of the running configuration remembers deliveries")
	}
	return fmt.Errorf("scope must be one of %s", strings.Join(scopes, ", "))
}

// failed is the answer for a store that cannot answer.
func (s usedStore) failed(err error) error {
	return refuseAdmin(http.StatusServiceUnavailable, fmt.Errorf("store %s: %w", s.id.kind, err))
}
