package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/contract"
)

// What the settings must reach so that the gate can work at all. What works and is probably not meant is warned of instead.
const (
	// leastDuration is the shortest duration that is taken for one. A bare number in JSON is in nanoseconds.
	leastDuration = time.Millisecond
	// leastLease is the shortest lease: it is renewed every third of it, and a renewal takes its way to the store and back.
	leastLease = 50 * time.Millisecond
	// leastPast is the shortest window into the past: a timestamp counts whole seconds, and is up to one old when it is made.
	leastPast = time.Second
	// leastHeader is the shortest limit of the header of an answer, and mostHeader the longest, since it is held in memory.
	leastHeader = 256
	mostHeader  = 64 << 20
)

// checkDuration refuses a duration that is set and that nothing can be done in.
func checkDuration(name string, d caddy.Duration) error {
	switch v := time.Duration(d); {
	case v < 0:
		return fmt.Errorf("%s: negative duration %s", name, v)
	case v > 0 && v < leastDuration:
		return fmt.Errorf("%s: %s is less than %s: give it a unit, such as \"5m\"; a bare number counts nanoseconds", name, v, leastDuration)
	}
	return nil
}

// check refuses a tolerance that no delivery keeps.
func (t *Tolerance) check() error {
	if t == nil {
		return nil
	}
	if past := time.Duration(t.Past); past != 0 && past < leastPast {
		return fmt.Errorf("tolerance: %s is less than the second that a timestamp counts: raise it, such as to 5m", past)
	}
	return checkDuration("tolerance ahead", t.Future)
}

// leastBody is the length of the shortest delivery of a platform.
func leastBody(e contract.Envelope) int64 {
	switch {
	case e.AnyBody || e == (contract.Envelope{}):
		return 1
	case e.ID == "":
		return int64(len(`{}`))
	default:
		return int64(len(`{"":"1"}`) + len(e.ID))
	}
}

// checkBody refuses a limit of the body under which no delivery of the platform comes, and a time in which none arrives.
func (h *Handler) checkBody() error {
	if least := leastBody(h.provider.Envelope); h.MaxBody > 0 && h.MaxBody < least {
		return fmt.Errorf("max_body: no delivery fits into %d bytes: give it a unit, such as 5MiB", h.MaxBody)
	}
	return checkDuration("body_timeout", h.BodyTimeout)
}

// checkStrip refuses to strip a signature where there is none, or from a request that is let through as it came.
func (h *Handler) checkStrip() error {
	switch {
	case h.StripSignature && h.Observe:
		return errors.New("strip_signature: a gate that observes lets requests through as they came")
	case h.StripSignature && h.provider.Unsigned():
		return fmt.Errorf("strip_signature: provider %s signs nothing", h.provider.Name)
	}
	return nil
}

// check refuses what a store cannot keep, what a receiver cannot answer, and what says two things.
func (p *Dedup) check() error {
	alone := *p
	alone.Off = false
	if p.Off && !reflect.DeepEqual(alone, Dedup{}) {
		return errors.New("dedup off takes no other settings")
	}
	if p.RejectInFlight && p.Wait != 0 {
		return errors.New("dedup: copies in flight are either waited for or rejected: drop wait or reject_in_flight")
	}
	if err := cmp.Or(checkDuration("dedup ttl", p.TTL), checkDuration("dedup lease", p.Lease), checkDuration("dedup wait", p.Wait),
		checkDuration("dedup timeout", p.Timeout)); err != nil {
		return err
	}
	if lease := time.Duration(p.Lease); lease > 0 && lease < leastLease {
		return fmt.Errorf("dedup lease: no claim can be renewed within %s: raise it to %s at least, such as to 30s", lease, leastLease)
	}
	for _, status := range p.Success {
		if !finalStatus(status) {
			return fmt.Errorf("dedup success: %d is %s", status, noStatus)
		}
	}
	return nil
}

// noStatus says what a status of success that cannot be is not.
const noStatus = "neither the status of an answer, from 200 to 599, nor one of the classes 2xx to 5xx"

// finalStatus reports whether a receiver can end an answer with a status, or with one of the class that a digit stands for.
func finalStatus(status int) bool {
	return 2 <= status && status <= 5 || 200 <= status && status <= 599
}

// check refuses a bound that no delivery can be made in.
func (f *Forward) check() error {
	if f.MaxConns < 0 {
		return fmt.Errorf("forward max_conns_per_host: negative number %d", f.MaxConns)
	}
	if f.MaxHeader < 0 || f.MaxHeader > 0 && f.MaxHeader < leastHeader || f.MaxHeader > mostHeader {
		return fmt.Errorf("forward max_response_header: %d bytes: must be between %d and %d", f.MaxHeader, leastHeader, mostHeader)
	}
	return cmp.Or(checkDuration("forward timeout", f.Timeout), checkDuration("forward dial_timeout", f.DialTimeout),
		checkDuration("forward keepalive", f.KeepAlive))
}
