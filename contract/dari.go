package contract

import "time"

// The event types of Dari (clause EVT-002).
const (
	ToolCallRequested  = "tool.call_requested"
	SessionCompleted   = "session.completed"
	SessionFailed      = "session.failed"
	BatchCompleted     = "batch.completed"
	BatchFailed        = "batch.failed"
	BatchPartialFailed = "batch.partial_failed"
)

// The headers of a Dari delivery, and those that the gate sets for the receiver or the sender.
const (
	HeaderSignature = "Dari-Webhook-Signature"
	HeaderTimestamp = "Dari-Webhook-Timestamp"
	HeaderID        = "Dari-Webhook-Id"
	// HeaderVerified is "true" on what the gate forwards after verification.
	HeaderVerified = "Dari-Webhook-Verified"
	// HeaderEvent is the verified event type on what the gate forwards.
	HeaderEvent = "Dari-Webhook-Event"
	// HeaderDuplicate is "true" on an answer that repeats a recorded outcome.
	HeaderDuplicate = "Dari-Webhook-Duplicate"
	// HeaderError is the code of a refusal.
	HeaderError = "Dari-Webhook-Error"
)

// SecretPrefix is what Dari's signing secrets begin with.
const SecretPrefix = "whsec_"

// Dari returns the contract of Dari's agent webhooks. Its default scheme signs "<timestamp>.<body>" and reads the
// timestamp from t= in the signature header or from Dari-Webhook-Timestamp, so that it accepts both of the likeliest
// readings of the public record.
func Dari() Provider {
	return Provider{
		Name:       "dari",
		Title:      "Dari",
		Methods:    []string{"POST"},
		Scheme:     dariScheme("dari", ContentTimestampBody, "t", HeaderTimestamp, ""),
		Candidates: dariCandidates(),
		Envelope: Envelope{
			ID: "id", Type: "type", Time: "created_at",
			Session: "data.session_id", Batch: "data.batch_id", Agent: "data.agent_id",
		},
		Events: []Event{
			{ToolCallRequested, "The agent calls an external tool and waits for its result.",
				[]string{"submit_url", "session_id", "message_id", "tool_call_id"}, true},
			{SessionCompleted, "A session has ended well.", []string{"session_id", "metadata"}, false},
			{SessionFailed, "A session has failed.", []string{"session_id", "metadata"}, false},
			{BatchCompleted, "Every session of a batch has ended well.", []string{"batch_id", "status"}, false},
			{BatchFailed, "Every session of a batch has failed.", []string{"batch_id", "status"}, false},
			{BatchPartialFailed, "Some sessions of a batch have failed.", []string{"batch_id", "status"}, false},
		},
		Delivery: Delivery{
			Timeout: 10 * time.Second,
			Schedule: []time.Duration{
				0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
			},
		},
	}
}

// dariCandidates lists every reading of Dari's signing that the record leaves open, the likeliest first. The names say
// what is signed and where the timestamp stands.
func dariCandidates() []Scheme {
	return []Scheme{
		dariScheme("dari-timestamp-header", ContentTimestampBody, "", HeaderTimestamp, ""),
		dariScheme("dari-timestamp-tag", ContentTimestampBody, "t", "", ""),
		dariScheme("dari-body", ContentBody, "t", HeaderTimestamp, "created_at"),
		dariScheme("dari-body-timestamp-header", ContentBody, "", HeaderTimestamp, ""),
		dariScheme("dari-id", ContentIDTimestampBody, "t", HeaderTimestamp, ""),
		dariScheme("dari-body-timestamp-tag", ContentBody, "t", "", ""),
		dariScheme("dari-body-timestamp-field", ContentBody, "", "", "created_at"),
	}
}

// dariScheme is Dari's scheme with the points that are open.
func dariScheme(name string, content Content, tag, header, field string) Scheme {
	return Scheme{
		Name:            name,
		Algorithm:       HMACSHA256,
		Header:          HeaderSignature,
		Tag:             "v1",
		TagSeparator:    "=",
		ItemSeparator:   ",",
		Encoding:        Hex,
		Content:         content,
		TimestampTag:    tag,
		TimestampHeader: header,
		TimestampField:  field,
		IDHeader:        HeaderID,
		KeyForm:         KeyWhole,
		KeyPrefix:       SecretPrefix,
	}
}
