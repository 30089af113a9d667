package mutants

import (
	"net/http"
	"time"
)

// submitEvent takes a tool's result (clauses RES-003 and RES-004).
func (p *platform) submitEvent(w http.ResponseWriter, r *http.Request) {
	fields, ok := p.readObject(w, r, "type", "message_id", "tool_call_id", "is_error", "result")
	if !ok {
		return
	}
	session, call := r.PathValue("session"), text(fields["tool_call_id"])
	switch {
	case text(fields["type"]) != "tool.result_submitted":
		p.invalid(w, problem{[]string{"body", "type"}, "Input should be 'tool.result_submitted'", "literal_error"})
		return
	case call == "" || text(fields["message_id"]) == "":
		p.invalid(w, problem{[]string{"body"}, "message_id and tool_call_id are required", "missing"})
		return
	case fields["result"] == nil && string(fields["is_error"]) != "true":
		p.invalid(w, problem{[]string{"body", "result"}, "Field required", "missing"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.submitted[session+" "+call] && p.fault != secondResultAccepted {
		p.fail(w, http.StatusConflict, "The tool call has a result")
		return
	}
	p.submitted[session+" "+call] = true
	message := text(fields["message_id"])
	entry := p.record(session, &message, "tool.result_submitted", fields)
	status := http.StatusAccepted
	if p.fault == resultAnsweredOK {
		status = http.StatusOK
	}
	writeJSON(w, status, map[string]any{
		"event":   entry,
		"message": map[string]string{"id": message, "status": "running"},
		"session": map[string]string{"id": session, "status": "active"},
	})
}

// record adds an entry to a session's ledger. The lock is held.
func (p *platform) record(session string, message *string, kind string, data any) ledgerEvent {
	entry := ledgerEvent{newID("evt"), session, message, kind, data, time.Now().UTC()}
	p.ledger[session] = append(p.ledger[session], entry)
	return entry
}

// listEvents shows a session's ledger, the oldest entry first.
func (p *platform) listEvents(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	entries := append([]ledgerEvent{}, p.ledger[r.PathValue("session")]...)
	p.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"events": entries})
}
