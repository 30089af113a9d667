package caddymodule

import (
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/darihook/darihook/internal/dedup"
)

// storeNamespace is where store modules live: http.handlers.dari_webhook.stores.memory.
const storeNamespace = "http.handlers.dari_webhook.stores"

// StoreModule is what a guest module in the namespace http.handlers.dari_webhook.stores implements. A module that can be
// written in a Caddyfile is a caddyfile.Unmarshaler too: it is given its name, its arguments, and those lines of the block
// that the gate does not know.
type StoreModule interface {
	caddy.Module

	// Address identifies the store that the module's settings lead to. Modules of one kind with equal addresses share one
	// store, within a configuration and across reloads.
	Address() string

	// Open opens the store. It is called when Caddy starts the configuration, once for all the modules that share the store.
	// What comes before it, Provision and Address included, is called by caddy validate as well, and must have no effect
	// outside of the process.
	Open(logger *slog.Logger) (Store, error)

	// Adjust applies the settings that may change while the store is open, such as its bounds. It is called with a store
	// that Open of this module, or of another with an equal address, has opened.
	Adjust(store Store) error
}

// scoped is a store module that has a store of its own for every scope. It is told before it is asked for its address.
type scoped interface {
	SetScope(scope string)
}

// timed is a store module whose own time-outs follow the gate's. It is told before it is asked for its address.
type timed interface {
	SetTimeout(timeout time.Duration)
}

// What a store is made of, for store modules that live elsewhere.
type (
	// Store is the protocol between the gate and a store.
	Store = dedup.Store
	// Key names one delivery.
	Key = dedup.Key
	// Owner proves a claim.
	Owner = dedup.Owner
	// Claim is the answer to a claim.
	Claim = dedup.Claim
	// Record is what a store knows of a key.
	Record = dedup.Record
	// Outcome is what a commit records.
	Outcome = dedup.Outcome
	// State is where a key stands.
	State = dedup.State
	// Stats is what a store holds.
	Stats = dedup.Stats
)

// The states of a key.
const (
	Absent   = dedup.Absent
	InFlight = dedup.InFlight
	Done     = dedup.Done
)

// The errors of a store's proper answers. Every other error means that the store could not decide.
var (
	ErrNotOwner = dedup.ErrNotOwner
	ErrKey      = dedup.ErrKey
	ErrOutcome  = dedup.ErrOutcome
	ErrFull     = dedup.ErrFull
	ErrClosed   = dedup.ErrClosed
)

// ErrFailed is a fault that no repetition ends: a store wraps it in what it answers until it is opened anew. Every other
// fault is taken for one that may pass.
var ErrFailed = dedup.ErrFailed
