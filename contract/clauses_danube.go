package contract

// Where Danube's clauses were read.
const (
	fromDanube       = "Danube documentation, webhooks"
	fromDanubeClient = "Danube client library"
)

// danubeRecords are the shared clauses as Danube's record knows them.
var danubeRecords = map[ClauseID]Record{
	"SIG-001":  {Verified, fromDanube},
	"SIG-002":  {Verified, fromDanube},
	"SIG-003":  {Verified, fromDanube + ": X-Danube-Signature with t= and sha256="},
	"SIG-004":  {Verified, fromDanube},
	"SIG-011":  {Verified, fromDanube},
	"TIME-001": {Verified, fromDanube},
	"TIME-002": {Verified, fromDanube},
	"TIME-003": {Verified, fromDanube + ": 300 seconds in either direction"},
	"TIME-004": {Inferred, "inferred: an old timestamp is refused, and retries may outlast any window"},
	"TIME-005": {Verified, fromDanube + ": unix seconds; that there is only one way to write them is inferred"},
	"TIME-008": {Verified, fromDanube + ": 300 seconds; that the bound is included is inferred"},
	"DLV-001":  {Verified, fromDanube},
	"DLV-002":  {Verified, fromDanube + ": at most 3 attempts; what counts as failed is inferred"},
	"DLV-003":  {Verified, fromDanube + ": success is 2xx"},
	"DLV-008":  {Verified, fromDanube},
}

// danubeDelivery: what only Danube promises of a delivery.
var danubeDelivery = []Clause{
	{"DLV-016", Must, Verified, sides(Sender),
		"An attempt may take 10 seconds; one that is answered by then with 2xx is a success, and every other one has failed.", fromDanube},
	{"DLV-017", Must, Verified, sides(Sender),
		"A delivery is attempted at most 3 times.", fromDanube},
	{"DLV-018", Must, Inferred, sides(Sender),
		"Every attempt of one delivery has the same body, byte for byte.", "inferred: bodies have no id, so that a receiver can know a copy by nothing else"},
	{"DLV-019", Must, Verified, sides(Sender),
		"GET of a webhook's deliveries answers each with id, webhook_id, event_type, payload, status, response_status, response_body, attempts, delivered_at and created_at; status is pending, success or failed.", fromDanube},
	{"DLV-020", Must, Verified, sides(Sender),
		"Deliveries are listed newest first, and no more of them than limit says.", fromDanube},
	{"DLV-021", Must, Verified, sides(Sender),
		"response_body is the receiver's answer, cut at 2000 characters.", fromDanube},
	{"DLV-022", Must, Inferred, sides(Sender),
		"A webhook with is_active false gets nothing.", "inferred: the name of the field"},
}

// danubeConfiguration: the API by which a webhook of Danube is set up.
var danubeConfiguration = []Clause{
	{"CFG-022", Must, Verified, sides(Config),
		"POST of url, events and an optional description answers the new webhook: id, which is a UUID, url, events, is_active true, description and secret.", fromDanube},
	{"CFG-023", Must, Verified, sides(Config),
		"The secret is whsec_ and 48 hexadecimal digits, and another one for each webhook.", fromDanube},
	{"CFG-024", Must, Verified, sides(Config),
		"The secret is shown when the webhook is made, and never again.", fromDanube},
	{"CFG-025", Must, Verified, sides(Config),
		"GET answers an array of the webhooks, each with id, url, events, is_active and description.", fromDanube},
	{"CFG-026", Must, Verified, sides(Config),
		"PATCH changes any of url, events, is_active and description, and leaves the others as they are.", fromDanube},
	{"CFG-027", Must, Verified, sides(Config),
		"A webhook that was deleted is listed no more.", fromDanube},
	{"CFG-028", Must, Verified, sides(Config),
		"GET of a webhook's deliveries answers an array; one to which nothing was delivered has an empty one.", fromDanube},
	{"CFG-029", Must, Verified, sides(Config),
		"url begins with https://; another one is refused.", fromDanube},
	{"CFG-030", Must, Verified, sides(Config),
		"url and events are required, and events names at least one type.", fromDanube},
	{"CFG-031", Must, Inferred, sides(Config),
		"An unknown event type is refused.", "inferred: the five types are listed"},
	{"CFG-032", Must, Verified, sides(Config),
		"An error is JSON with error, an object that holds code, message and details.", fromDanube},
	{"CFG-033", Must, Verified, sides(Config),
		"What does not fit is answered with 400 and the code validation_error.", fromDanube},
	{"CFG-034", Must, Verified, sides(Config),
		"The key is taken from Authorization, as a bearer token, and from danube-api-key.", fromDanube + "; the header is that of the " + fromDanubeClient},
	{"CFG-035", Must, Inferred, sides(Config),
		"A missing or wrong key is answered with 401.", "inferred: RFC 9110 section 15.5.2"},
	{"CFG-036", Must, Inferred, sides(Config),
		"An unknown webhook is answered with 404.", "inferred: RFC 9110 section 15.5.5"},
}

// danubeEvents: what a delivery of Danube says.
var danubeEvents = []Clause{
	{"EVT-007", Must, Verified, sides(Sender),
		"The body is one JSON object with event, timestamp and data, and without an id.", fromDanube},
	{"EVT-008", Must, Verified, sides(Sender),
		"timestamp is an ISO 8601 time with microseconds.", fromDanube},
	{"EVT-009", Must, Verified, sides(Sender),
		"event is tool.execution.completed, tool.execution.failed, workflow.completed, workflow.failed or agent.spend.limit_approaching.", fromDanube},
	{"EVT-010", Must, Verified, sides(Sender),
		"data of the tool.execution events holds tool_id, tool_name, status, execution_time and error.", fromDanube},
}
