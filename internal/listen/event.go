package listen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/darihook/darihook/contract"
)

// statusChanged is the stream's event that tells how a session ends. The webhook's events session.completed and
// session.failed are not in the stream, and are made of it.
const statusChanged = "session.status_changed"

// endings are the statuses behind which nothing comes, and the webhook's event that tells of each, if there is one.
var endings = map[string]string{
	"completed": contract.SessionCompleted,
	"failed":    contract.SessionFailed,
	"expired":   "",
}

// errUnwanted passes over an event that nobody has subscribed to.
var errUnwanted = errors.New("not subscribed")

// event is an event that is to be delivered.
type event struct {
	id, eventType string
	body          []byte
	// ends is the status with which the event ends the session. Empty: it does not.
	ends string
}

// entry is an event as the stream has it.
type entry struct {
	ID        string          `json:"id"`
	SessionID string          `json:"session_id"`
	MessageID string          `json:"message_id"`
	Type      string          `json:"type"`
	Data      json.RawMessage `json:"data"`
	CreatedAt string          `json:"created_at"`
}

// parse makes a delivery of an event of the stream. Errors: errUnwanted, with which the event may still end the session,
// or what is wrong with an event that should have been delivered.
func (r *run) parse(raw sse.Event) (event, error) {
	if raw.Type != "" && !r.subscribed(raw.Type) && !ends(raw.Type) {
		return event{}, errUnwanted
	}
	e, err := decode(raw)
	if err != nil {
		return event{}, err
	}
	out := event{id: e.ID, ends: statusOf(e)}
	if e.Type == statusChanged {
		e.Type = endings[out.ends]
	}
	if !r.subscribed(e.Type) {
		return out, errUnwanted
	}
	out.eventType = e.Type
	out.body, err = r.compose(e)
	return out, err
}

func (r *run) subscribed(eventType string) bool {
	_, ok := r.wanted[eventType]
	return ok
}

// decode reads an event's data, whose type the stream says as well.
func decode(raw sse.Event) (entry, error) {
	var e entry
	if err := json.Unmarshal([]byte(raw.Data), &e); err != nil {
		return e, fmt.Errorf("decoding the event: %w", err)
	}
	if e.Type == "" {
		e.Type = raw.Type
	}
	if raw.Type != "" && e.Type != raw.Type {
		return e, errors.New("decoding the event: the stream and the event have different types")
	}
	if !idForm.MatchString(e.ID) {
		return e, errors.New("decoding the event: it has no usable id")
	}
	return e, nil
}

// ends reports whether events of a type can tell of a session's end.
func ends(eventType string) bool {
	return eventType == statusChanged || eventType == contract.SessionCompleted || eventType == contract.SessionFailed
}

// statusOf returns the status with which an event ends the session, or "".
func statusOf(e entry) string {
	if e.Type == statusChanged {
		return statusIn(e.Data)
	}
	for status, eventType := range endings {
		if eventType == e.Type && eventType != "" {
			return status
		}
	}
	return ""
}

// statusIn returns the status in an event's data that ends the session, or "".
func statusIn(data json.RawMessage) string {
	var changed struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(data, &changed) != nil {
		return ""
	}
	if _, ends := endings[changed.Status]; !ends {
		return ""
	}
	return changed.Status
}

// envelope is a delivery's body (clause EVT-001).
type envelope struct {
	ID        string                     `json:"id"`
	Type      string                     `json:"type"`
	CreatedAt string                     `json:"created_at"`
	Data      map[string]json.RawMessage `json:"data"`
}

// compose writes the body of an entry's delivery. What the webhook's data has and the stream's leaves out is added.
func (r *run) compose(e entry) ([]byte, error) {
	var data map[string]json.RawMessage
	if err := json.Unmarshal(e.Data, &data); err != nil || data == nil {
		return nil, errors.New("composing the delivery: the event's data is no object")
	}
	r.complete(data, e)
	for _, name := range r.wanted[e.Type].Required {
		if _, given := data[name]; !given {
			return nil, fmt.Errorf("composing the delivery: the event's data has no %s", name)
		}
	}
	if err := r.resolve(data); err != nil {
		return nil, fmt.Errorf("composing the delivery: %w", err)
	}
	if e.CreatedAt == "" {
		e.CreatedAt = time.Now().UTC().Format(time.RFC3339Nano)
	}
	return encode(envelope{e.ID, e.Type, e.CreatedAt, data}), nil
}

// complete adds to a webhook's data what can be said of an event without it (clauses EVT-003, EVT-004).
func (r *run) complete(data map[string]json.RawMessage, e entry) {
	add := func(name string, value any, known bool) {
		if _, given := data[name]; !given && known {
			data[name] = encode(value)
		}
	}
	add("session_id", r.o.Session, true)
	add("agent_id", r.session.AgentID, r.session.AgentID != "")
	add("message_id", e.MessageID, e.MessageID != "")
	if e.Type == contract.ToolCallRequested {
		add("submit_url", r.api.url("events").String(), true)
		return
	}
	add("metadata", r.session.Metadata, true)
}

// resolve makes a relative submit_url absolute (RFC 3986 section 5), so that the receiver's result finds the platform.
func (r *run) resolve(data map[string]json.RawMessage) error {
	raw, given := data["submit_url"]
	if !given {
		return nil
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return errors.New("submit_url is no string")
	}
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return errors.New("submit_url is no URL")
	}
	if u.Host == "" {
		data["submit_url"] = encode(r.api.base.ResolveReference(u).String())
	}
	return nil
}

// encode writes JSON as most platforms do, without escaping what HTML would mistake.
func encode(v any) json.RawMessage {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encoding: %v", err)) // it holds strings and JSON that was parsed
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}
