package conformance

import (
	"time"

	"github.com/darihook/darihook/contract"
)

// Config says what is judged and how. The zero value of a field means its default; Role and the fields that the role
// needs must be given.
type Config struct {
	// Role is the side of the contract that is judged.
	Role contract.Role
	// Provider is the name of the platform whose contract applies. Default: "dari".
	Provider string
	// Scheme is the name of one of the provider's signing schemes, or the path of a JSON file that holds a
	// contract.Scheme. Default: the provider's own.
	Scheme string

	// Target is the URL that takes deliveries. Receiver and gate need it.
	Target string
	// Secret is the signing secret that the target knows. Receiver and gate need it.
	Secret string
	// SecondSecret is another secret that the target knows, as during a rotation. Default: none; the clauses on
	// rotation are skipped.
	SecondSecret string
	// Counter is a URL that answers {"count":N} to GET with ?id=<delivery id>, where N says how often that delivery
	// was processed. It is for receivers that post nothing to submit_url. Default: none.
	Counter string
	// Alias is another URL of the same gate, with the same deduplication. Default: none; the target itself is asked
	// under other queries and host names.
	Alias string
	// Listen is the address on which the suite hosts submit_url, or the endpoint of a sender. Default: "127.0.0.1:0".
	Listen string
	// PublicURL is the base URL under which the target reaches Listen. Default: http:// and the address.
	PublicURL string
	// UpstreamListen is the address on which the suite hosts the receiver behind a gate. Default: "127.0.0.1:0",
	// which is of use only to a caller who reads the address back.
	UpstreamListen string

	// API is the base URL of the configuration API, without /v1; for Tess, what stands before /agents. Sender and config
	// need it.
	API string
	// APIKey is the bearer key of the API. Sender and config need it.
	APIKey string
	// Agent is the id of the agent whose webhook the suite may change. Sender and config need it where webhooks belong to
	// agents, as with Dari and Tess; for Danube it names the account to the trigger, and may be absent.
	Agent string
	// OtherAgent is the id of a second agent, for the clauses on several agents. Default: with Dari the first other agent
	// that GET /v1/agents lists, and else none.
	OtherAgent string
	// WebhookURL is a URL that the configuration API accepts; nothing is ever sent to it by the suite. Default:
	// https://1.1.1.1/dari-conformance, a public address that needs no name server.
	WebhookURL string
	// Trigger is a URL or a command that makes the sender emit an event. See [Hook]. A sender needs it.
	Trigger string
	// Advance is a URL or a command that moves the sender's retry clock forward. See [Hook]. Default: none.
	Advance string
	// StoreFault is a URL or a command that takes a gate's deduplication store away and brings it back. See [Hook].
	// Default: none; the clause on a missing store is skipped.
	StoreFault string

	// TimeScale is how many times faster than the wall clock the sender's retry schedule runs. Default: 1.
	TimeScale float64
	// Timeout bounds one request, and the time within which a target must answer. Default: the provider's, 10 s.
	Timeout time.Duration
	// Settle is how long the suite watches for something that must not happen. Default: 250 ms.
	Settle time.Duration
	// Patience is how long the suite waits for something that must happen after its cause. Default: 5 s.
	Patience time.Duration
	// AttemptTimeout is how long the sender waits for an answer. Default: the provider's, 10 s.
	AttemptTimeout time.Duration
	// RateLimit is how many calls the API lets a key make in a minute. The suite then makes more than that, and waits when
	// it is told to. Default: none; the clause on it is skipped where there is one.
	RateLimit int
	// Workspace is the id of the workspace that the API's key belongs to. Default: none; the clause on it is skipped.
	Workspace string
	// UpstreamTimeout is how long a gate waits for its receiver. Default: none; the spec on it is skipped.
	UpstreamTimeout time.Duration
	// RotationOverlap is how long the sender goes on signing with the old secret after a rotation. Default: 0.
	RotationOverlap time.Duration
	// Past and Future are the target's freshness window. Default: 5 minutes each.
	Past, Future time.Duration
	// MaxBody is the largest body in bytes that the target takes. Default: contract.MaxBody.
	MaxBody int64
	// BodyBudget is the bound in bytes on all bodies in flight in a gate. Default: none; the clause on it is skipped.
	BodyBudget int64

	// Clauses limits the run to these clauses. Default: all that the role owes.
	Clauses []contract.ClauseID
	// Levels limits the run to clauses of these levels. Default: all.
	Levels []contract.Level
	// Skip names clauses that are not run, with the reason. Skipping a clause that decides makes the result partial.
	Skip map[contract.ClauseID]string
	// ExpectedFailures names clauses that are known to fail, with the reason. Such a failure does not fail the run;
	// that it did not happen does.
	ExpectedFailures map[contract.ClauseID]string
	// Parallel is how many specs may run at the same time where their role allows it. Default: 8.
	Parallel int
	// AllowPartial makes a partial result pass.
	AllowPartial bool
	// Seed decides the order of the specs. The ids that the suite makes up differ from run to run all the same, since a
	// target may remember the last run's. Default: 1.
	Seed int64
	// Implementation is what the report says about the judged software.
	Implementation Implementation
}

// Implementation identifies the judged software in reports.
type Implementation struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	URL     string `json:"url,omitempty"`
}
