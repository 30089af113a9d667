package danube

import (
	"encoding/json"
	"strings"

	"github.com/darihook/darihook/mockserver/client"
	"github.com/darihook/darihook/mockserver/internal/delivery"
)

// keptAnswer is how many characters of an answer's body are shown.
const keptAnswer = 2000

// deliveryView is a delivery as the API shows it.
type deliveryView struct {
	ID        string          `json:"id"`
	WebhookID string          `json:"webhook_id"`
	EventType string          `json:"event_type"`
	Payload   json.RawMessage `json:"payload"`
	// Status is pending, success or failed.
	Status string `json:"status"`
	// ResponseStatus and ResponseBody are those of the last attempt; null where it had no answer.
	ResponseStatus *int    `json:"response_status"`
	ResponseBody   *string `json:"response_body"`
	Attempts       int     `json:"attempts"`
	// DeliveredAt is when the attempt that succeeded began; null until one has.
	DeliveredAt *string `json:"delivered_at"`
	CreatedAt   string  `json:"created_at"`
}

// statuses are Danube's words for the engine's.
var statuses = map[string]string{client.Pending: "pending", client.Succeeded: "success", client.Failed: "failed"}

// delivered lists a webhook's deliveries, the newest first.
func (p *Platform) delivered(w *webhook, limit int) []deliveryView {
	page := p.queue.List(delivery.Filter{Provider: p.provider.Name, Endpoint: w.ID}, limit)
	views := make([]deliveryView, len(page.Deliveries))
	for i, d := range page.Deliveries {
		views[i] = viewOf(d, w.ID, page.Bodies[i])
	}
	return views
}

func viewOf(d client.Delivery, webhookID string, body []byte) deliveryView {
	v := deliveryView{
		ID: d.ID, WebhookID: webhookID, EventType: d.Type, Payload: body, Status: statuses[d.Status], Attempts: len(d.Attempts),
		CreatedAt: stamp(d.CreatedAt),
	}
	for _, a := range d.Attempts {
		v.ResponseStatus, v.ResponseBody = answerOf(a.Response)
		if a.Succeeded() && v.DeliveredAt == nil {
			at := stamp(a.At)
			v.DeliveredAt = &at
		}
	}
	return v
}

// answerOf returns what is shown of an answer.
func answerOf(r *client.Response) (status *int, body *string) {
	if r == nil {
		return nil, nil
	}
	text := []rune(strings.ToValidUTF8(string(r.Body), "\uFFFD"))
	cut := string(text[:min(len(text), keptAnswer)])
	return &r.Status, &cut
}
