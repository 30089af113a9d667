// Package client speaks to the mock platform's control API under /_mock/, and holds the API's types.
package client

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/darihook/darihook/mockserver/faults"
)

// The statuses of a delivery.
const (
	// Pending: attempts are still to come.
	Pending = "pending"
	// Succeeded: an attempt was answered with 2xx.
	Succeeded = "succeeded"
	// Failed: the attempts are used up, or the webhook is gone.
	Failed = "failed"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID      string `json:"id"`
	EventID string `json:"event_id"`
	AgentID string `json:"agent_id"`
	Type    string `json:"type"`
	// URL that the latest attempt went to, or the next one will.
	URL string `json:"url"`
	// Status is pending, succeeded or failed.
	Status string `json:"status"`
	// Attempts in the order in which they began.
	Attempts []Attempt `json:"attempts"`
	// AttemptsDropped is how many attempts before these were forgotten, because the delivery had very many or memory was short.
	AttemptsDropped int `json:"attempts_dropped,omitempty"`
	// CreatedAt is the platform's time at which the event was accepted.
	CreatedAt time.Time `json:"created_at"`
	// NextAttemptAt is the platform's time of the next attempt; absent when none is scheduled or it is under way.
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty"`
}

// Attempt is one request and what came of it.
type Attempt struct {
	// Number counts from 1.
	Number int `json:"number"`
	// At is the platform's time at which it began. The timestamp in the headers is the real time.
	At time.Time `json:"at"`
	// Request is what was sent, faults included.
	Request Request `json:"request"`
	// Response is nil when none came.
	Response *Response `json:"response"`
	// Error says why no response came, or why it could not be read.
	Error *string `json:"error"`
	// DurationMS is the real time that it took, in milliseconds.
	DurationMS float64 `json:"duration_ms"`
	// Scheme names the scheme that signed the request.
	Scheme string `json:"scheme,omitempty"`
	// Faults are the kinds that struck it.
	Faults []string `json:"faults,omitempty"`
	// Trimmed tells that its headers and bodies were forgotten, because memory was short.
	Trimmed bool `json:"trimmed,omitempty"`
}

// Request is the bytes of an attempt.
type Request struct {
	// Method of the request. Empty: POST.
	Method  string      `json:"method,omitempty"`
	Headers http.Header `json:"headers"`
	// Body is the exact body on the wire; of a very large one its beginning.
	Body []byte `json:"body_base64"`
	// BodySize is the length of the body where Body holds its beginning alone.
	BodySize int `json:"body_size,omitempty"`
}

// Response is a receiver's answer.
type Response struct {
	Status  int         `json:"status"`
	Headers http.Header `json:"headers"`
	// Body is the beginning of the answer's body, at most 8192 bytes.
	Body []byte `json:"body_base64"`
}

// Succeeded reports whether the attempt was answered with 2xx.
func (a Attempt) Succeeded() bool {
	return a.Error == nil && a.Response != nil && a.Response.Status/100 == 2
}

// Summary is a delivery without the bytes of its attempts, as the stream tells it.
type Summary struct {
	ID            string     `json:"id"`
	EventID       string     `json:"event_id"`
	AgentID       string     `json:"agent_id"`
	Type          string     `json:"type"`
	URL           string     `json:"url"`
	Status        string     `json:"status"`
	AttemptCount  int        `json:"attempt_count"`
	LastStatus    int        `json:"last_status,omitempty"`
	LastError     string     `json:"last_error,omitempty"`
	CreatedAt     time.Time  `json:"created_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty"`
}

// Summarize returns the delivery without bytes.
func (d Delivery) Summarize() Summary {
	s := Summary{ID: d.ID, EventID: d.EventID, AgentID: d.AgentID, Type: d.Type, URL: d.URL, Status: d.Status,
		AttemptCount: d.AttemptsDropped + len(d.Attempts), CreatedAt: d.CreatedAt, NextAttemptAt: d.NextAttemptAt}
	if n := len(d.Attempts); n > 0 {
		if last := d.Attempts[n-1]; last.Response != nil {
			s.LastStatus = last.Response.Status
		} else if last.Error != nil {
			s.LastError = *last.Error
		}
	}
	return s
}

// Deliveries is one page of deliveries, the newest first.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	// Next is the cursor of the following page; empty on the last one.
	Next string `json:"next,omitempty"`
	// Total is how many deliveries match on all pages.
	Total int `json:"total"`
	// Dropped is how many finished deliveries were forgotten because there were too many.
	Dropped uint64 `json:"dropped"`
}

// Summaries is one page of deliveries without the bytes of their attempts, the newest first.
type Summaries struct {
	Deliveries []Summary `json:"deliveries"`
	// Next is the cursor of the following page; empty on the last one.
	Next string `json:"next,omitempty"`
	// Total is how many deliveries match on all pages.
	Total int `json:"total"`
	// Dropped is how many finished deliveries were forgotten because there were too many.
	Dropped uint64 `json:"dropped"`
}

// Event asks for events to be emitted.
type Event struct {
	// AgentID whose webhook gets them. Default: the only agent there is.
	AgentID string `json:"agent_id,omitempty"`
	// Type is one of the provider's event types. Empty where the provider has none.
	Type string `json:"type"`
	// Data is merged over the data that the platform makes up.
	Data map[string]json.RawMessage `json:"data,omitempty"`
	// Count of events, each with an id of its own. Default: 1. At most 100,000.
	Count int `json:"count,omitempty"`
	// Faults strike the deliveries of these events: the name of a kind, which strikes the first attempt, or a whole fault.
	Faults []FaultRef `json:"faults,omitempty"`
}

// FaultRef is a fault, or in JSON also just the name of its kind, which then strikes one attempt of each delivery.
type FaultRef struct{ faults.Fault }

// UnmarshalJSON implements [json.Unmarshaler].
func (f *FaultRef) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		one := 1
		f.Fault = faults.Fault{Next: &one}
		return json.Unmarshal(raw, &f.Kind)
	}
	return unmarshalStrict(raw, &f.Fault)
}

// Emission is what came of emitting events.
type Emission struct {
	Events []Emitted `json:"events"`
	// Undelivered says why no webhook takes the events; empty when one does.
	Undelivered string `json:"undelivered,omitempty"`
}

// Emitted names an event and the delivery that carries it. DeliveryID is empty when no webhook takes the event.
type Emitted struct {
	ID         string `json:"id"`
	DeliveryID string `json:"delivery_id"`
	// Others are the deliveries of the same event to further webhooks, where an agent can have several.
	Others []string `json:"other_delivery_ids,omitempty"`
}

// Agent is an agent as the control API shows it.
type Agent struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Scenario that the agent's messages run.
	Scenario string `json:"scenario"`
	// WebhookURL is empty when no webhook is configured.
	WebhookURL string   `json:"webhook_url,omitempty"`
	EventTypes []string `json:"event_types,omitempty"`
	// Rotating tells that deliveries carry a signature of the previous secret as well.
	Rotating bool `json:"rotating,omitempty"`
}

// AgentSpec creates or changes an agent.
type AgentSpec struct {
	Name string `json:"name,omitempty"`
	// Scenario is the name of a known scenario. Default: "tool_call".
	Scenario string `json:"scenario,omitempty"`
	// Script is a scenario of the agent's own, in place of Scenario.
	Script json.RawMessage `json:"script,omitempty"`
}

// WebhookSpec sets an agent's webhook from the side of the platform.
type WebhookSpec struct {
	URL string `json:"webhook_url"`
	// EventTypes to subscribe to. Default: all of the provider's, where the platform's own API may have fewer.
	EventTypes []string `json:"event_types,omitempty"`
	// Secret to sign with, for receivers whose secret is fixed. Default: a new one.
	Secret string `json:"signing_secret,omitempty"`
	// KeepSecret leaves the secret of a webhook that is there as it is, where Secret is empty.
	KeepSecret bool `json:"keep_secret,omitempty"`
}

// Result is a tool result that an application has sent.
type Result struct {
	At         time.Time `json:"at"`
	SessionID  string    `json:"session_id"`
	MessageID  string    `json:"message_id"`
	ToolCallID string    `json:"tool_call_id"`
	IsError    bool      `json:"is_error"`
	// Result is the raw JSON that was sent.
	Result json.RawMessage `json:"result"`
	// Status is the answer's HTTP status: 202 when the result was taken.
	Status int `json:"status"`
}

// Clock is the platform's time.
type Clock struct {
	// Mode is real, scaled or manual.
	Mode string `json:"mode"`
	// Scale is how many platform seconds pass in a real one; 0 when manual.
	Scale float64   `json:"scale"`
	Now   time.Time `json:"now"`
}

// Status is what the platform is doing.
type Status struct {
	Version   string    `json:"version"`
	URL       string    `json:"url"`
	Provider  string    `json:"provider"`
	StartedAt time.Time `json:"started_at"`
	Clock     Clock     `json:"clock"`
	// Schedule is the pause before each attempt, as durations.
	Schedule []string `json:"schedule"`
	// Deliveries counts by status; Dropped finished ones are in neither.
	Deliveries map[string]int `json:"deliveries"`
	Dropped    uint64         `json:"dropped"`
	// Memory is how many bytes deliveries take, and MaxMemory how many they may.
	Memory    int `json:"memory_bytes"`
	MaxMemory int `json:"max_memory_bytes"`
	// InFlight is how many attempts are under way.
	InFlight int `json:"in_flight"`
	Agents   int `json:"agents"`
	Sessions int `json:"sessions"`
	Faults   int `json:"faults"`
}

// Difference is one point in which an assertion does not hold.
type Difference struct {
	Name string `json:"name"`
	Want string `json:"want"`
	Got  string `json:"got"`
}
