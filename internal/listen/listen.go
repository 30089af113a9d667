// Package listen brings a session's events to a receiver that the platform cannot reach. It follows the session's stream
// of server-sent events and makes of each subscribed one the delivery that the platform's webhook would have been: the
// same envelope, signed with a local secret, tried again on a short schedule, and in the order of the stream.
//
// The stream is the platform's; the deliveries are ours. A cut stream is resumed behind the last event that was dealt
// with, so that none is lost and none comes twice within one run. A run that begins anew begins where it is told to.
package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/internal/trust"
	"github.com/darihook/darihook/signature"
)

// The defaults of [Options].
const (
	DefaultMaxEvent = 4 << 20
	DefaultGiveUp   = 5 * time.Minute
	DefaultIdle     = time.Minute
	DefaultPause    = 500 * time.Millisecond
)

// DefaultSchedule is the pause before each attempt at a delivery. It is short: a person watches.
func DefaultSchedule() []time.Duration {
	return []time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}
}

// MaxPause is the longest pause before a stream is opened again.
const MaxPause = 30 * time.Second

// maxAttempts bounds a schedule.
const maxAttempts = 100

// Options say what is listened to and where it is forwarded.
type Options struct {
	// API is the URL that the platform's paths, such as /v1/sessions, stand below. It uses https, except on the loopback
	// interface. Required.
	API string
	// Key is the platform's API key. Required.
	Key string
	// Session is the id of the session that is followed. Required.
	Session string
	// After is the id of the event behind which the run begins. Default: the session's beginning.
	After string
	// Forward is the receiver's URL. Required.
	Forward string
	// AllowRemote admits a receiver on another machine.
	AllowRemote bool
	// Trust says which certificates of the platform and the receiver are accepted.
	Trust trust.Options
	// Events are the types that are delivered. Default: those that a webhook gets when it names none (clause CFG-008).
	Events []string
	// Scheme and Secrets sign the deliveries. Default scheme: Dari's. At least one secret is required.
	Scheme  contract.Scheme
	Secrets []signature.Secret
	// Schedule is the pause before each attempt at a delivery, the first included. Default: [DefaultSchedule].
	Schedule []time.Duration
	// Timeout bounds one attempt. Default: the platform's.
	Timeout time.Duration
	// MaxEvent bounds an event of the stream, in bytes. Default: [DefaultMaxEvent].
	MaxEvent int
	// Idle is how long a stream may be silent before it counts as cut. Default: [DefaultIdle].
	Idle time.Duration
	// Pause is the first one before the stream is opened again. It doubles, varied by half, up to [MaxPause], and is the
	// first again once something has come. The stream's own "retry" is passed over. Default: [DefaultPause].
	Pause time.Duration
	// GiveUp is how long the platform may be out of reach. Default: [DefaultGiveUp].
	GiveUp time.Duration
	// Observer hears what happens. Default: nobody.
	Observer Observer
	// Platform and Receiver carry the requests. Default: the network; requests to the receiver then use no proxy and,
	// without AllowRemote, reach loopback addresses alone.
	Platform, Receiver http.RoundTripper
}

// Listener follows one session. Make one with [New].
type Listener struct {
	o        Options
	api      *platform
	receiver *receiver
	provider contract.Provider
	wanted   map[string]contract.Event
}

// New checks the options and returns a listener; it calls nobody. Errors name the option that is wrong: a missing or
// unusable URL, key, session or secret, [ErrInsecure], [ErrRemote], an event type that no session has, or a bound below 0.
func New(o Options) (*Listener, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	l := &Listener{o: o, provider: contract.Dari()}
	var err error
	if l.wanted, err = subscription(l.provider, o.Events); err != nil {
		return nil, err
	}
	if l.api, err = newPlatform(o); err != nil {
		return nil, fmt.Errorf("reading the platform's URL: %w", err)
	}
	if l.receiver, err = newReceiver(o); err != nil {
		return nil, err
	}
	return l, nil
}

// withDefaults fills in what was left open.
func (o Options) withDefaults() Options {
	if o.Scheme == (contract.Scheme{}) {
		o.Scheme = contract.Dari().Scheme
	}
	if len(o.Schedule) == 0 {
		o.Schedule = DefaultSchedule()
	}
	if o.Observer == nil {
		o.Observer = deaf{}
	}
	o.Timeout = cmp.Or(o.Timeout, contract.Dari().Delivery.Timeout)
	o.MaxEvent = cmp.Or(o.MaxEvent, DefaultMaxEvent)
	o.Idle = cmp.Or(o.Idle, DefaultIdle)
	o.Pause = cmp.Or(o.Pause, DefaultPause)
	o.GiveUp = cmp.Or(o.GiveUp, DefaultGiveUp)
	return o
}

// idForm is what the platform's ids look like. Nothing else goes into a path.
var idForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// check refuses what cannot work.
func (o Options) check() error {
	switch {
	case o.Key == "":
		return errors.New("no API key is given")
	case !idForm.MatchString(o.Session):
		return fmt.Errorf("%q is no session id: it is made of letters, digits, - and _", o.Session)
	case o.After != "" && !idForm.MatchString(o.After):
		return fmt.Errorf("%q is no event id: it is made of letters, digits, - and _", o.After)
	case o.Timeout < 0 || o.Idle < 0 || o.Pause < 0 || o.GiveUp < 0 || o.MaxEvent < 0:
		return errors.New("a bound cannot be negative")
	case len(o.Schedule) > maxAttempts:
		return fmt.Errorf("a schedule has at most %d attempts", maxAttempts)
	case slices.ContainsFunc(o.Schedule, func(pause time.Duration) bool { return pause < 0 }):
		return errors.New("a pause of the schedule cannot be negative")
	}
	return nil
}

// parseURL reads an absolute HTTP URL. One with a user name or a password is refused: it would be shown with the errors.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL")
	case u.User != nil:
		return nil, errors.New("it holds a user name or a password")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not absolute, such as http://127.0.0.1:8080/hooks", text)
	}
	return u, nil
}

// subscription returns the events of the given types, or of the default ones.
func subscription(p contract.Provider, types []string) (map[string]contract.Event, error) {
	wanted := map[string]contract.Event{}
	for _, e := range p.Events {
		if len(types) == 0 && e.Default {
			wanted[e.Type] = e
		}
	}
	for _, t := range types {
		e, known := p.EventFor(t)
		if !known || !slices.Contains(e.Required, "session_id") {
			return nil, fmt.Errorf("a session has no events of type %q: it has %v", t, Types())
		}
		wanted[t] = e
	}
	return wanted, nil
}

// Types are the event types that a session has.
func Types() (types []string) {
	for _, e := range contract.Dari().Events {
		if slices.Contains(e.Required, "session_id") {
			types = append(types, e.Type)
		}
	}
	return types
}

// Run follows the session until it ends, ctx is done, or nothing more can be had from the platform, and tells what was
// delivered until then. A delivery that failed is no error: the observer heard of it and the summary counts it. Errors:
// [*Refusal], [ErrUnreachable] and [ErrEventTooLarge], wrapped.
func (l *Listener) Run(ctx context.Context) (Summary, error) {
	r := newRun(l)
	err := r.follow(ctx)
	if ctx.Err() != nil {
		err = nil
	}
	return r.summary, err
}
