package contract

// Slack returns the contract of Slack's requests: events in JSON, which have an id, and the web forms of slash commands and
// interactive messages, which have none. The challenge makes sure of the URL of an event subscription.
func Slack() Provider {
	return Provider{
		Name:    "slack",
		Title:   "Slack",
		Methods: []string{"POST"},
		Scheme: Scheme{
			Name:            "slack",
			Algorithm:       HMACSHA256,
			Header:          "X-Slack-Signature",
			Tag:             "v0",
			TagSeparator:    "=",
			Encoding:        Hex,
			Content:         "v0:{timestamp}:{body}",
			TimestampHeader: "X-Slack-Request-Timestamp",
			KeyForm:         KeyWhole,
		},
		Envelope:  Envelope{ID: "event_id", Type: "event.type", AnyBody: true},
		Challenge: Challenge{TypePath: "type", TypeValue: "url_verification", AnswerPath: "challenge"},
	}
}
