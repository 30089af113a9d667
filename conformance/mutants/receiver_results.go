package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/darihook/darihook/contract"
)

// toolResult is the event that gives a tool's result back (clauses RES-001 and RES-002).
type toolResult struct {
	Type       string          `json:"type"`
	MessageID  string          `json:"message_id"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
	IsError    bool            `json:"is_error"`
	Result     json.RawMessage `json:"result,omitempty"`
}

// submit posts the result of a tool call to where the delivery asks for it.
func (rc *receiver) submit(ctx context.Context, ev event) error {
	body, err := json.Marshal(rc.result(ev))
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	if rc.fault == resultInList {
		body = fmt.Appendf(nil, `{"events":[%s]}`, body)
	}
	method := http.MethodPost
	if rc.fault == resultPut {
		method = http.MethodPut
	}
	request, err := http.NewRequestWithContext(ctx, method, ev.Data.SubmitURL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("addressing the result: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if rc.fault != resultWithoutKey {
		request.Header.Set("Authorization", "Bearer key_of_the_reference_receiver")
	}
	answer, err := rc.api.Do(request)
	if err != nil {
		return fmt.Errorf("submitting the result: %w", err)
	}
	defer answer.Body.Close()
	// 409 means that the platform has a result already: submitted, though not by this attempt.
	if answer.StatusCode/100 != 2 && answer.StatusCode != http.StatusConflict {
		return fmt.Errorf("submitting the result: %s", answer.Status)
	}
	return nil
}

// result writes the result of a tool call, which is always the same: the tool does nothing.
func (rc *receiver) result(ev event) toolResult {
	result := toolResult{
		Type:       "tool.result_submitted",
		MessageID:  ev.Data.MessageID,
		ToolCallID: ev.Data.ToolCallID,
		Result:     json.RawMessage(`{"ok":true}`),
	}
	switch rc.fault {
	case resultOfOtherType:
		result.Type = contract.ToolCallRequested
	case resultWithoutCall:
		result.ToolCallID = ""
	case resultForSession:
		result.MessageID = ev.Data.SessionID
	case resultLeftOut:
		result.Result = nil
	}
	return result
}
