package conformance

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// delivery is one event that the suite sends.
type delivery struct {
	id      string
	kind    string
	call    string
	session string
	message string
	body    []byte
	// effect is what arrives because of it.
	effect *effect
}

// delivery makes an event up. Its body is compact JSON with sorted names and no character that encoders disagree on, so
// that only the specs on raw bytes depend on them. The plan says what its effects are answered with.
func (p *probe) delivery(kind string, plan ...reply) *delivery {
	d := &delivery{
		id: p.name("evt_"), kind: kind, call: p.name("call_"), session: p.name("sess_"), message: p.name("msg_"),
	}
	d.body = marshal(p.fields(d, time.Now()))
	d.effect = p.watch(plan, d.id, d.call, d.message)
	return d
}

// watch looks for effects where the session has a sink, and else for none.
func (s *session) watch(plan []reply, marks ...string) *effect {
	if s.sink == nil {
		return &effect{news: make(chan struct{})}
	}
	return s.sink.watch(plan, marks...)
}

// fields is the event as JSON, laid out as the provider's envelope says.
func (p *probe) fields(d *delivery, created time.Time) map[string]any {
	data := p.data(d)
	fields := map[string]any{"data": data}
	e := p.provider.Envelope
	place(fields, e.ID, d.id)
	place(fields, e.Type, d.kind)
	place(fields, e.Time, created.UTC().Format(time.RFC3339))
	place(fields, e.Session, d.session)
	return fields
}

// data is what an event of the delivery's type says.
func (p *probe) data(d *delivery) map[string]any {
	switch d.kind {
	case contract.ToolCallRequested:
		return map[string]any{
			"arguments": map[string]any{"city": "Lisbon"}, "message_id": d.message, "session_id": d.session,
			"submit_url": p.base + "/v1/sessions/" + d.session + "/events", "tool_call_id": d.call,
			"tool_name": "weather",
		}
	case contract.BatchCompleted, contract.BatchFailed, contract.BatchPartialFailed:
		return map[string]any{"batch_id": p.name("batch_"), "mark": d.call, "status": "completed"}
	}
	data := map[string]any{"mark": d.call, "metadata": map[string]any{}, "session_id": d.session, "status": "idle"}
	e, _ := p.provider.EventFor(d.kind)
	for _, name := range e.Required {
		if _, given := data[name]; !given {
			data[name] = sample(name)
		}
	}
	return data
}

// sample is a value for a field that an event must have. Most are texts.
func sample(name string) any {
	switch name {
	case "execution_time":
		return 1.25
	case "error":
		return nil
	}
	return "conformance"
}

// place sets the field that an envelope's path names. A path is a top-level name, or the name of an object at the top, a
// full stop and a name in it.
func place(fields map[string]any, path string, value any) {
	if path == "" {
		return
	}
	outer, inner, nested := strings.Cut(path, ".")
	if !nested {
		fields[path] = value
		return
	}
	object, exists := fields[outer].(map[string]any)
	if !exists {
		object = map[string]any{}
		fields[outer] = object
	}
	object[inner] = value
}

// marshal writes JSON without the escapes that only browsers need, and without a line break at its end.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(outcome{verdict: Undetermined, reason: "encoding a delivery: " + err.Error()})
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// with returns a copy of the delivery that has another body, and the same effect.
func (d *delivery) with(body []byte) *delivery {
	c := *d
	c.body = body
	return &c
}

// stamp writes a time as the schemes do.
func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// signed is the delivery as a sender who knows the secret sends it now.
func (p *probe) signed(d *delivery) message { return p.signedAt(d, stamp(time.Now())) }

// signedAt is the delivery under another timestamp, with the signature that belongs to it.
func (p *probe) signedAt(d *delivery, timestamp string) message {
	return p.headed(d, timestamp, p.sign(d, timestamp, p.cfg.Secret))
}

// sign returns the delivery's signature under a secret.
func (p *probe) sign(d *delivery, timestamp, secret string) string {
	return signature(p.scheme, secret, d.id, timestamp, d.body)
}

// headed is the delivery with the given timestamp and signatures, right or wrong.
func (p *probe) headed(d *delivery, timestamp string, signatures ...string) message {
	return p.headedBy(p.scheme, d, timestamp, signatures...)
}

// headedBy is the delivery as another scheme lays it out.
func (p *probe) headedBy(s contract.Scheme, d *delivery, timestamp string, signatures ...string) message {
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"darihook-conformance"}}
	h.Set(s.Header, headerOf(s, timestamp, signatures...))
	if s.TimestampHeader != "" {
		h.Set(s.TimestampHeader, timestamp)
	}
	if s.IDHeader != "" {
		h.Set(s.IDHeader, d.id)
	}
	return message{method: p.provider.Methods[0], url: p.cfg.Target, header: h, body: d.body}
}
