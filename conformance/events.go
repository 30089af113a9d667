package conformance

import (
	"context"
	"time"

	"github.com/darihook/darihook/contract"
)

// eventSpecs test what a delivery says: clauses EVT-001 to EVT-006.
var eventSpecs = []Spec{
	{Clause: "EVT-001", Name: "sends one object with id, type, created_at and data", Roles: senders, run: sendsEnvelope},
	{Clause: "EVT-002", Name: "sends the types that it was asked for", Roles: senders, run: sendsKnownTypes},
	{Clause: "EVT-003", Name: "says what a tool call needs", Roles: senders, run: describes(contract.ToolCallRequested)},
	{Clause: "EVT-004", Name: "says which session ended, and with which metadata", Roles: senders,
		run: describes(contract.SessionCompleted, contract.SessionFailed)},
	{Clause: "EVT-005", Name: "says which batch ended, and how", Roles: senders,
		run: describes(contract.BatchCompleted, contract.BatchFailed, contract.BatchPartialFailed)},
	{Clause: "EVT-006", Name: "keeps created_at on every attempt", Roles: senders, run: keepsCreation},
}

func sendsEnvelope(ctx context.Context, p *probe) {
	a := p.delivered(ctx, contract.ToolCallRequested, nil)
	fields, isObject := objectOf(a.body)
	if !isObject {
		p.fail("one JSON object", "%s", showBody(p.redact, a.body))
	}
	for _, name := range []string{"id", "type", "created_at"} {
		if text, _ := fields[name].(string); text == "" {
			p.fail(name+" as a text", "%s", showBody(p.redact, a.body))
		}
	}
	if _, isObject := fields["data"].(map[string]any); !isObject {
		p.fail("data as an object", "%s", showBody(p.redact, a.body))
	}
}

func sendsKnownTypes(ctx context.Context, p *probe) {
	for _, kind := range p.allTypes() {
		a := p.delivered(ctx, kind, nil)
		p.same("type", any(kind), p.object(a)["type"])
	}
}

// describes checks that the events of some types have the fields that the contract asks for.
func describes(kinds ...string) func(context.Context, *probe) {
	return func(ctx context.Context, p *probe) {
		for _, kind := range kinds {
			e, _ := p.provider.EventFor(kind)
			a := p.delivered(ctx, kind, nil)
			data, isObject := p.object(a)["data"].(map[string]any)
			if !isObject {
				p.fail("data as an object", "%s", showBody(p.redact, a.body))
			}
			p.requires(e, data)
		}
	}
}

// requires fails when data lacks a field that the event always has, or has it in another form.
func (p *probe) requires(e contract.Event, data map[string]any) {
	for _, name := range e.Required {
		text, isText := data[name].(string)
		values, isObject := data[name].(map[string]any)
		switch {
		case name == "metadata" && (!isObject || !allTexts(values)):
			p.fail("data.metadata of "+e.Type+" as an object of texts", "%v", data[name])
		case name != "metadata" && (!isText || text == ""):
			p.fail("data."+name+" of "+e.Type+" as a text", "%v", data[name])
		}
	}
}

func allTexts(values map[string]any) bool {
	for _, v := range values {
		if _, isText := v.(string); !isText {
			return false
		}
	}
	return true
}

func keepsCreation(ctx context.Context, p *probe) {
	a, b := p.twice(ctx, broken)
	created, isText := p.object(a)["created_at"].(string)
	if _, err := time.Parse(time.RFC3339, created); !isText || err != nil {
		p.fail("created_at as an RFC 3339 time", "%v", p.object(a)["created_at"])
	}
	p.same("created_at of the second attempt", any(created), p.object(b)["created_at"])
}
