package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/soak/account"
	"github.com/darihook/darihook/signature"
)

// The headers by which a run is traced: the first is the sender's, the others the gate's.
const (
	attemptHeader = "Soak-Attempt"
	gateHeader    = "Soak-Gate"
	lifeHeader    = "Soak-Life"
)

const idPrefix = "evt_soak_"

func idOf(number int) string { return idPrefix + strconv.Itoa(number) }

// numberOf returns the number of a delivery by its id.
func numberOf(id string) (int, error) { return strconv.Atoi(strings.TrimPrefix(id, idPrefix)) }

// envelope is a delivery's body.
type envelope struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Created string `json:"created_at"`
	Data    struct {
		Session string `json:"session_id"`
		Soak    order  `json:"soak"`
	} `json:"data"`
}

// bodyOf makes a body, which is the same whenever it is made.
func bodyOf(o order) []byte {
	e := envelope{ID: idOf(o.Number), Type: contract.ToolCallRequested, Created: "2026-01-01T00:00:00Z"}
	e.Data.Session, e.Data.Soak = "sess_soak", o
	body, err := json.Marshal(e)
	if err != nil {
		panic(err) // numbers and texts only
	}
	return body
}

// post sends a request, and writes down what became of it.
func (f *fleet) post(ctx context.Context, a account.Attempt, fields []signature.Field, body []byte, hangUp time.Duration) account.Attempt {
	limit := patience
	if hangUp > 0 {
		limit = hangUp
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	a.Sent = f.now()
	err := f.exchange(waiting, &a, fields, body)
	a.Ended = f.now()
	switch {
	case err == nil:
		a.Outcome = account.Told
	case hangUp > 0 && waiting.Err() != nil:
		a.Outcome = account.HungUp
	default:
		a.Outcome = account.Broken
	}
	if err := f.journal.add(a); err != nil {
		f.fail(fmt.Errorf("writing the journal: %w", err))
	}
	return a
}

func (f *fleet) exchange(ctx context.Context, a *account.Attempt, fields []signature.Field, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+f.gates[a.Gate]+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(attemptHeader, strconv.Itoa(a.Attempt))
	for _, field := range fields {
		request.Header.Set(field.Name, field.Value)
	}
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	a.Status = response.StatusCode
	a.Duplicate = response.Header.Get(contract.HeaderDuplicate) == "true"
	return nil
}
