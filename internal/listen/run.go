package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/tmaxmax/go-sse"

	"github.com/darihook/darihook/internal/excerpt"
)

// ErrEventTooLarge ends a run at an event that is larger than [Options.MaxEvent]. It cannot be passed over: what follows
// it in the stream cannot be told from the rest of it.
var ErrEventTooLarge = errors.New("an event of the stream is too large")

// The reasons for which a stream that was open is opened again.
var (
	errCut    = errors.New("the platform ended the stream")
	errSilent = errors.New("the stream was silent for too long")
)

// run is one call of [Listener.Run].
type run struct {
	*Listener
	policy  *backoff.ExponentialBackOff
	session *session // nil until the platform has told
	reached time.Time
	done    recent
	summary Summary
}

func newRun(l *Listener) *run {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval, policy.Multiplier = l.o.Pause, MaxPause, 2
	return &run{Listener: l, policy: policy, reached: time.Now(), summary: Summary{LastEventID: l.o.After}}
}

// follow opens the stream again and again until there is nothing more to come.
func (r *run) follow(ctx context.Context) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, r.try(ctx) },
		backoff.WithBackOff(r.policy), backoff.WithMaxElapsedTime(0), backoff.WithNotify(r.o.Observer.Reconnecting))
	return err
}

// try follows the stream once and decides whether another try makes sense.
func (r *run) try(ctx context.Context) error {
	err := r.connect(ctx)
	if _, refused := errors.AsType[*Refusal](err); refused || errors.Is(err, ErrEventTooLarge) {
		return backoff.Permanent(err)
	}
	if err != nil && time.Since(r.reached) >= r.o.GiveUp {
		return backoff.Permanent(fmt.Errorf("%w: %w", ErrUnreachable, err))
	}
	return err
}

// connect opens the stream behind the last event that was dealt with, and reads it to its end.
func (r *run) connect(ctx context.Context) (err error) {
	if r.session == nil {
		if r.session, err = r.api.lookup(ctx); err != nil {
			return err
		}
	}
	streaming, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	body, err := r.api.stream(streaming, r.summary.LastEventID)
	if err != nil {
		return err
	}
	defer body.Close()
	defer func() { r.reached = time.Now() }()
	err = r.read(ctx, newWatched(body, r.o.Idle, func() { cut(errSilent) }))
	if errors.Is(context.Cause(streaming), errSilent) {
		return errSilent
	}
	return err
}

// read deals with the events of an open stream, and returns nil when the session has ended.
func (r *run) read(ctx context.Context, stream io.Reader) error {
	for raw, err := range sse.Read(stream, &sse.ReadConfig{MaxEventSize: r.o.MaxEvent}) {
		if errors.Is(err, bufio.ErrTooLong) {
			return fmt.Errorf("%w: more than %d bytes behind %q", ErrEventTooLarge, r.o.MaxEvent, r.summary.LastEventID)
		}
		if err != nil {
			return fmt.Errorf("reading the stream: %w", err)
		}
		if err := r.take(ctx, raw); err != nil || r.summary.Status != "" {
			return err
		}
	}
	return errCut
}

// take deals with one event: it delivers it where it is subscribed, and notes that it need not come again. The error is
// that of ctx.
func (r *run) take(ctx context.Context, raw sse.Event) error {
	e, err := r.parse(raw)
	switch {
	case err != nil && !errors.Is(err, errUnwanted):
		r.report(Delivery{ID: excerpt.Of(raw.LastEventID), Type: excerpt.Of(raw.Type), Err: err})
	case r.done.has(e.id):
		return nil // the platform did not begin where it was asked to
	case err == nil:
		d, err := r.receiver.deliver(ctx, e, r.o.Observer.Retrying)
		if err != nil {
			return err
		}
		r.report(d)
	}
	if e.id != "" {
		r.done.add(e.id)
	}
	r.advance(raw.LastEventID)
	r.summary.Status = e.ends
	return nil
}

// report tells of a delivery and counts it.
func (r *run) report(d Delivery) {
	r.summary.count(d)
	r.o.Observer.Delivered(d)
}

// advance notes where a further stream begins. A platform that gets somewhere is asked again soon.
func (r *run) advance(id string) {
	if !idForm.MatchString(id) || id == r.summary.LastEventID {
		return
	}
	r.summary.LastEventID = id
	r.policy.Reset()
}
