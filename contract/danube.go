package contract

import "time"

// The event types of Danube.
const (
	ToolExecutionCompleted     = "tool.execution.completed"
	ToolExecutionFailed        = "tool.execution.failed"
	WorkflowCompleted          = "workflow.completed"
	WorkflowFailed             = "workflow.failed"
	AgentSpendLimitApproaching = "agent.spend.limit_approaching"
)

// Danube returns the contract of Danube's webhooks. Bodies have no id, and an attempt repeats the body of the one before,
// so that a delivery is known by the hash of its signed body. That there are 3 attempts is verified; their spacing is not
// public and is a default of this project.
func Danube() Provider {
	execution := []string{"tool_id", "tool_name", "status", "execution_time", "error"}
	return Provider{
		Name:    "danube",
		Title:   "Danube",
		Methods: []string{"POST"},
		Scheme: Scheme{
			Name:          "danube",
			Algorithm:     HMACSHA256,
			Header:        "X-Danube-Signature",
			Tag:           "sha256",
			TagSeparator:  "=",
			ItemSeparator: ",",
			Encoding:      Hex,
			Content:       ContentTimestampBody,
			TimestampTag:  "t",
			KeyForm:       KeyWhole,
			KeyPrefix:     SecretPrefix,
		},
		Envelope: Envelope{Type: "event", Time: "timestamp"},
		Events: []Event{
			{ToolExecutionCompleted, "A tool has run well.", execution, false},
			{ToolExecutionFailed, "A tool has failed.", execution, false},
			{WorkflowCompleted, "A workflow has ended well.", nil, false},
			{WorkflowFailed, "A workflow has failed.", nil, false},
			{AgentSpendLimitApproaching, "An agent has spent most of what it may.", nil, false},
		},
		Delivery: Delivery{
			Timeout:  10 * time.Second,
			Schedule: []time.Duration{0, 5 * time.Second, 30 * time.Second},
		},
		Records: danubeRecords,
	}
}
