package dari

import (
	"encoding/json"
	"net/http"
)

// transcriptItem is one thing that was said or done.
type transcriptItem struct {
	Type         string          `json:"type"`
	Status       string          `json:"status"`
	Content      json.RawMessage `json:"content"`
	ErrorMessage *string         `json:"error_message"`
}

// getTranscript tells the session as a conversation.
func (p *Platform) getTranscript(_ http.ResponseWriter, r *http.Request, org string) (int, any, error) {
	return p.withSession(r, org, func(s *session) (int, any, error) {
		items := []transcriptItem{}
		for _, m := range s.Messages {
			items = append(items, transcriptItem{Type: "user_message", Status: m.Status, Content: m.Content})
			items = append(items, s.replies(m)...)
		}
		return http.StatusOK, map[string]any{"session_id": s.ID, "timeline": map[string]any{"items": items}}, nil
	})
}

// replies returns what the agent said to a message, and how it failed if it did.
func (s *session) replies(m *message) []transcriptItem {
	var items []transcriptItem
	for _, e := range s.ledger.events {
		if e.Type != "assistant.message_completed" || e.MessageID == nil || *e.MessageID != m.ID {
			continue
		}
		var data struct {
			Content json.RawMessage `json:"content"`
		}
		if json.Unmarshal(e.Data, &data) == nil {
			items = append(items, transcriptItem{Type: "assistant_message", Status: completed, Content: data.Content})
		}
	}
	if m.Error != "" {
		items = append(items, transcriptItem{
			Type: "assistant_message", Status: failed, Content: json.RawMessage("[]"), ErrorMessage: &m.Error,
		})
	}
	return items
}
