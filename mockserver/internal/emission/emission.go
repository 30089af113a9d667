// Package emission is what the platforms of the mock have in common when they are asked to emit events: the rules for
// what is asked, the data that is laid over what was made up, the bytes, and an event's deliveries to several webhooks.
package emission

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/darihook/darihook/contract"
	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/faults"
	"github.com/darihook/darihook/mockserver/internal/delivery"
	"github.com/darihook/darihook/mockserver/internal/httpjson"
)

// MaxCount is how many events one call may emit, and maxData how many bytes of the caller's data and faults they may hold
// together, since each of them has a body and faults of its own. A fault counts as faultSize.
const (
	MaxCount  = 100_000
	maxData   = 256 << 20
	faultSize = 256
)

// Check names what does not fit the provider, and returns the faults that strike these events alone. Errors: an
// [httpjson.Problems].
func Check(p contract.Provider, spec client.Event) (own []faults.Fault, err error) {
	var problems httpjson.Problems
	checkType(&problems, p, spec.Type)
	if spec.Count < 0 || spec.Count > MaxCount {
		problems.Invalid("must be from 1 to 100000", "body", "count")
	}
	if size := SizeOf(spec.Data) + len(spec.Faults)*faultSize; spec.Count > 0 && size > maxData/spec.Count {
		problems.Invalid(fmt.Sprintf("%d events with %d bytes of data and faults are more than %d bytes", spec.Count, size, maxData), "body", "count")
	}
	for i, ref := range spec.Faults {
		if err := ref.Fault.ValidateFor(p); err != nil {
			problems.Invalid(err.Error(), "body", "faults", i)
		}
		own = append(own, ref.Fault)
	}
	return own, problems.Err()
}

// SizeOf is how many bytes the caller's data takes.
func SizeOf(data map[string]json.RawMessage) (n int) {
	for name, value := range data {
		n += len(name) + len(value)
	}
	return n
}

// checkType asks for one of the provider's types, and for none where it has none.
func checkType(problems *httpjson.Problems, p contract.Provider, eventType string) {
	_, known := p.EventFor(eventType)
	switch {
	case eventType == "" && len(p.Events) > 0:
		problems.Missing("body", "type")
	case eventType != "" && len(p.Events) == 0:
		problems.Invalid(p.Title+" has no event types", "body", "type")
	case eventType != "" && !known:
		problems.Invalid(contract.Unknown("event type", eventType, p.EventTypes()), "body", "type")
	}
}

// maxDeliveries is how many deliveries one call may lead to.
const maxDeliveries = 200_000

// Count returns how many events are asked for. Errors: an [httpjson.Problems] where they would be too many deliveries to so
// many webhooks.
func Count(spec client.Event, webhooks int) (int, error) {
	count := max(spec.Count, 1)
	if count*webhooks > maxDeliveries {
		return 0, httpjson.Invalid(fmt.Sprintf("%d events for %d webhooks are more than %d deliveries", count, webhooks, maxDeliveries), "body", "count")
	}
	return count, nil
}

// Merge lays the caller's data over what was made up.
func Merge(made map[string]any, given map[string]json.RawMessage) map[string]any {
	merged := maps.Clone(made)
	for name, value := range given {
		merged[name] = value
	}
	return merged
}

// Marshal writes JSON as most platforms do, without escaping what HTML would mistake.
func Marshal(v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // our own types, whose raw parts were parsed before
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Undelivered says why none of some webhooks takes an event, by the types that each of the active ones is subscribed to.
func Undelivered(webhooks int, active [][]string) string {
	switch {
	case webhooks == 0:
		return "no webhook is set"
	case len(active) == 0:
		return "the webhook is inactive"
	}
	types := slices.Concat(active...)
	slices.Sort(types)
	return "the webhook is subscribed to " + strings.Join(slices.Compact(types), ", ") + " alone"
}

// Full is the answer to a call whose deliveries the engine does not take: an [httpjson.Error] with 503.
func Full(err error) error { return httpjson.Refuse(http.StatusServiceUnavailable, "%v", err) }

// Room refuses events before they leave a trace, where the engine has no room for their deliveries. Errors: as [Full].
func Room(q delivery.Queue, spec client.Event, deliveries int) error {
	if err := q.Room(deliveries, deliveries*SizeOf(spec.Data)); err != nil {
		return Full(err)
	}
	return nil
}

// Submit hands the deliveries of several events over all together, so that none is accepted when there is no room, and
// returns the events: the i-th has the orders of the i-th list, and may have none, for the reason that is given. Errors: an
// [httpjson.Error] with 503.
func Submit(q delivery.Queue, ids []string, orders [][]delivery.Order, undelivered string) (client.Emission, error) {
	emitted := make([]client.Emitted, len(ids))
	var all []delivery.Order
	for i, id := range ids {
		emitted[i].ID = id
		all = append(all, orders[i]...)
	}
	if len(all) == 0 {
		return client.Emission{Events: emitted, Undelivered: undelivered}, nil
	}
	made, err := q.Submit(all...)
	if err != nil {
		return client.Emission{}, Full(err)
	}
	for i, own := range orders {
		if len(own) == 0 {
			continue
		}
		emitted[i].DeliveryID = made[0]
		if len(own) > 1 {
			emitted[i].Others = made[1:len(own):len(own)]
		}
		made = made[len(own):]
	}
	return client.Emission{Events: emitted}, nil
}
