package listen

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/excerpt"
	"github.com/darihook/darihook/signature"
)

// errUnsigned ends a delivery at once: what cannot be signed now cannot be signed later.
var errUnsigned = errors.New("the delivery cannot be signed")

// deliver tries until the receiver takes the event or the schedule is used up (clauses DLV-001 to DLV-003, DLV-006). retrying is
// told of each attempt that is followed by another. The error is that of ctx.
func (r *receiver) deliver(ctx context.Context, e event, retrying func(Delivery, time.Duration)) (Delivery, error) {
	d := Delivery{ID: e.id, Type: e.eventType}
	began := time.Now()
	for i, pause := range r.schedule {
		if i > 0 {
			retrying(d, pause)
		}
		if err := wait(ctx, pause); err != nil {
			return d, err
		}
		d.Attempts++
		d.Status, d.Err = r.attempt(ctx, e)
		d.Took = time.Since(began)
		if err := ctx.Err(); err != nil && d.Err != nil {
			return d, err
		}
		if d.Err == nil || errors.Is(d.Err, errUnsigned) {
			break
		}
	}
	return d, nil
}

// wait lets a pause pass, or ctx end.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// attempt makes one request: the same id and body as the one before, signed anew (clauses DLV-002, EVT-006).
func (r *receiver) attempt(ctx context.Context, e event) (status int, err error) {
	fields, err := r.signer.Sign(signature.Message{ID: e.id, Time: time.Now(), Body: e.body})
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errUnsigned, err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(e.body))
	if err != nil {
		return 0, fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "darihook-listen")
	for _, f := range fields {
		req.Header.Set(f.Name, f.Value)
	}
	// A transport, unlike a client, follows no redirect (clause DLV-006).
	resp, err := r.carrier.RoundTrip(req)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return 0, fmt.Errorf("no answer within %v", r.timeout)
	}
	if err != nil {
		return 0, excerpt.Error(err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, readAnswer) // the status has decided
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, refused(resp)
	}
	return resp.StatusCode, nil
}

// refused tells of an answer that is no success, with the code of a gate's refusal where there is one.
func refused(resp *http.Response) error {
	code := contract.Code(resp.Header.Get(contract.HeaderError))
	if _, ok := contract.RefusalFor(code); ok {
		return fmt.Errorf("answered with status %d, %s", resp.StatusCode, code)
	}
	return fmt.Errorf("answered with status %d", resp.StatusCode)
}
