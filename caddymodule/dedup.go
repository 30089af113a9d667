package caddymodule

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/internal/gate"
)

// defaultStore is the store of a handler that names none: embedded, and it survives restarts.
const defaultStore = "disk"

// The answers to a store that cannot answer.
const (
	unavailableReject = "reject"
	unavailableAllow  = "allow"
)

// Dedup says how deliveries are remembered, and for how long.
type Dedup struct {
	// Off forwards every verified delivery, copies included.
	Off bool `json:"off,omitempty"`

	// StoreRaw is the store. Default: disk.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=http.handlers.dari_webhook.stores inline_key=type"`

	// TTL is how long an outcome is remembered: longer than the sender keeps retrying. Default: 72 hours.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// Lease is how long a claim lasts when the gate that made it dies, at least 50 milliseconds. It is renewed while the
	// receiver works. Default: 30 seconds.
	Lease caddy.Duration `json:"lease,omitempty"`

	// Wait is how long a copy waits for the outcome of one that is in flight. Default: 10 seconds.
	Wait caddy.Duration `json:"wait,omitempty"`

	// RejectInFlight answers a copy of a delivery in flight at once, instead of waiting.
	RejectInFlight bool `json:"reject_in_flight,omitempty"`

	// Success are the statuses of the receiver that count as success: a status from 200 to 599, such as 409, or the first
	// digit of a class, so that 2 stands for 200 to 299. Default: 2.
	Success []int `json:"success,omitempty"`

	// OnUnavailable says what happens while the store cannot answer: reject answers 503, so that the sender comes again;
	// allow forwards without deduplication. Default: reject.
	OnUnavailable string `json:"on_unavailable,omitempty"`

	// Timeout bounds one question to the store. Default: 250 milliseconds.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// apply checks the settings and puts them into the gate's options.
func (p *Dedup) apply(opts *gate.Options) error {
	if err := p.check(); err != nil {
		return err
	}
	switch p.OnUnavailable {
	case "", unavailableReject:
	case unavailableAllow:
		opts.AllowUnavailable = true
	default:
		return fmt.Errorf("dedup on_unavailable: unknown %q: want %s or %s", p.OnUnavailable, unavailableReject, unavailableAllow)
	}
	opts.TTL, opts.Lease, opts.Wait = time.Duration(p.TTL), time.Duration(p.Lease), time.Duration(p.Wait)
	opts.StoreTimeout = time.Duration(p.Timeout)
	if p.RejectInFlight {
		opts.Wait = -1
	}
	return nil
}

// succeeded reports whether a status of the receiver counts as success.
func (p *Dedup) succeeded(status int) bool {
	if len(p.Success) == 0 {
		return status/100 == 2
	}
	for _, want := range p.Success {
		if status == want || status/100 == want {
			return true
		}
	}
	return false
}
