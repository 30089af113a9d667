// Package faults is what can go wrong with a delivery, on demand and repeatably.
//
// A [Fault] says what goes wrong, for which deliveries, and how often: for the next N attempts, with a probability, or
// always. Whether a fault with a probability strikes depends on its seed and on the attempt's place in the order of
// emission alone, so that the same seed gives the same sequence however the attempts overlap.
package faults

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/darihook/darihook/internal/excerpt"
)

// MaxActive is how many faults a [Set] holds.
const MaxActive = 1000

// Fault is one thing that goes wrong.
type Fault struct {
	// ID names the fault; the set gives it.
	ID string `json:"id,omitempty"`
	// Kind is the name of one of [Kinds].
	Kind string `json:"kind"`
	// AgentID limits the fault to the deliveries of one agent. Default: every agent.
	AgentID string `json:"agent_id,omitempty"`
	// EventType limits the fault to one event type. Default: every type.
	EventType string `json:"event_type,omitempty"`
	// Next is how many attempts it strikes before it is spent. Default: no limit.
	Next *int `json:"next,omitempty"`
	// Probability with which it strikes an attempt, 0 to 1. Default: 1.
	Probability *float64 `json:"probability,omitempty"`
	// Seed of the sequence that Probability draws from. Default: 0.
	Seed uint64 `json:"seed,omitempty"`

	// Duration is the parameter of the kinds that take a time, such as "10m". Default: the kind's own.
	Duration string `json:"duration,omitempty"`
	// Size is the parameter of oversized_body in bytes. Default: 6 MiB.
	Size int `json:"size,omitempty"`
	// Copies is how many further copies the duplicates send. Default: 1.
	Copies int `json:"copies,omitempty"`
	// Scheme is the parameter of other_scheme: the name of one of the provider's schemes.
	Scheme string `json:"scheme,omitempty"`

	// Struck is how many attempts it has struck.
	Struck int `json:"struck"`
}

// The bounds of the parameters.
const (
	maxDuration = 30 * 24 * time.Hour
	maxSize     = 64 << 20
	maxCopies   = 100
	maxNext     = 1_000_000
)

// Violation is a field of a fault that is not acceptable.
type Violation struct{ Field, Msg string }

func (v *Violation) Error() string { return v.Field + ": " + v.Msg }

// Validate returns the first field that is wrong as a [*Violation]. Whether EventType and Scheme exist is for the caller
// to say, who knows the provider.
func (f Fault) Validate() error {
	kind, ok := KindFor(f.Kind)
	if !ok {
		return &Violation{"kind", fmt.Sprintf("unknown kind %q; GET /_mock/faults/kinds lists them", excerpt.Of(f.Kind))}
	}
	if f.Next != nil && (*f.Next < 1 || *f.Next > maxNext) {
		return &Violation{"next", fmt.Sprintf("must be from 1 to %d", maxNext)}
	}
	if p := f.Probability; p != nil && (math.IsNaN(*p) || *p < 0 || *p > 1) {
		return &Violation{"probability", "must be from 0 to 1"}
	}
	return f.validateParams(kind)
}

// validateParams refuses parameters that the kind does not take or that are out of bounds.
func (f Fault) validateParams(kind Kind) error {
	given := map[string]bool{
		"duration": f.Duration != "", "size": f.Size != 0, "copies": f.Copies != 0, "scheme": f.Scheme != "",
	}
	for _, name := range []string{"duration", "size", "copies", "scheme"} {
		if given[name] && !slices.Contains(kind.Params, name) {
			return &Violation{name, "not a parameter of " + kind.Name}
		}
	}
	if d, err := time.ParseDuration(f.Duration); f.Duration != "" && (err != nil || d < 0 || d > maxDuration) {
		return &Violation{"duration", fmt.Sprintf("must be a duration from 0s to %v, such as \"10m\"", maxDuration)}
	}
	switch {
	case f.Size < 0 || f.Size > maxSize:
		return &Violation{"size", fmt.Sprintf("must be from 1 to %d bytes", maxSize)}
	case f.Copies < 0 || f.Copies > maxCopies:
		return &Violation{"copies", fmt.Sprintf("must be from 1 to %d", maxCopies)}
	case f.Scheme == "" && slices.Contains(kind.Params, "scheme"):
		return &Violation{"scheme", "required by " + kind.Name}
	}
	return nil
}

// duration returns the time parameter or the kind's default.
func (f Fault) duration(otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(f.Duration); err == nil {
		return d
	}
	return otherwise
}

// Attempt is what a fault may look at to decide whether it strikes.
type Attempt struct {
	AgentID, EventType string
	// Ordinal is the delivery's place in the order of emission, from 1.
	Ordinal uint64
	// Number of the attempt, from 1.
	Number int
}

// strikes decides for one attempt and counts a hit.
func (f *Fault) strikes(a Attempt) bool {
	switch {
	case f.AgentID != "" && f.AgentID != a.AgentID,
		f.EventType != "" && f.EventType != a.EventType,
		f.Spent(),
		f.Probability != nil && Draw(f.Seed, a.Ordinal, a.Number) >= *f.Probability:
		return false
	}
	f.Struck++
	return true
}

// Spent reports whether the fault has struck as often as it may.
func (f Fault) Spent() bool { return f.Next != nil && f.Struck >= *f.Next }

// Draw returns a number from 0 up to 1 that depends on its arguments alone.
func Draw(seed, ordinal uint64, number int) float64 {
	return rand.New(rand.NewPCG(seed, ordinal<<16^uint64(number))).Float64()
}
