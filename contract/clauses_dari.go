package contract

// dariConfiguration: the API by which a webhook of Dari is set up.
var dariConfiguration = []Clause{
	{"CFG-001", Must, Verified, sides(Config),
		"GET of an agent's webhook answers webhook_url, signing_enabled, event_types and signing_secret, the secret always null.", fromDocs},
	{"CFG-002", Must, Verified, sides(Config),
		"PUT sets the webhook and answers the same keys; the first PUT shows a secret that begins with whsec_.", fromDocs},
	{"CFG-003", Must, Inferred, sides(Config),
		"A PUT on a configured webhook updates it and answers signing_secret null: the secret stays as it was.", "inferred: the secret is shown once"},
	{"CFG-004", Must, Verified, sides(Config),
		"DELETE answers webhook_url null, signing_enabled false and signing_secret null, and the same again when nothing was configured.", fromDocs},
	{"CFG-005", Must, Verified, sides(Config),
		"After DELETE the secret is gone: the next PUT creates and shows a different one.", fromDocs},
	{"CFG-006", Must, Verified, sides(Config),
		"POST rotate-secret answers the same keys with a new secret, shown this once.", fromDocs},
	{"CFG-007", Must, Inferred, sides(Config),
		"POST rotate-secret without a configured webhook is refused with 409 or 404.", "inferred: the status is not public; that it needs a webhook is verified"},
	{"CFG-008", Must, Verified, sides(Config),
		"Without event_types the subscription is tool.call_requested alone.", fromDocs},
	{"CFG-009", Must, Inferred, sides(Config),
		"An unknown event type is refused with 422.", "inferred: the API refuses what does not fit its schema"},
	{"CFG-010", Must, Verified, sides(Config),
		"webhook_url is absolute; a relative one is refused.", fromDocs},
	{"CFG-011", Must, Verified, sides(Config),
		"webhook_url uses HTTPS; plain HTTP is refused.", fromDocs},
	{"CFG-012", Must, Verified, sides(Config),
		"webhook_url holds no user name or password.", fromDocs},
	{"CFG-013", Must, Verified, sides(Config),
		"webhook_url resolves to public addresses only: private, loopback, link-local and IPv4-mapped ones are refused, and names that resolve to them.", fromDocs},
	{"CFG-014", Must, Verified, sides(Config),
		"An error is JSON with detail: a string, or with 422 a list of objects.", fromClient},
	{"CFG-015", Must, Verified, sides(Config),
		"Fields that the API does not know are refused with 422.", fromDocs},
	{"CFG-016", Must, Inferred, sides(Config),
		"A missing or wrong key is answered with 401.", "inferred: verified on sibling endpoints"},
	{"CFG-017", Must, Inferred, sides(Config),
		"An unknown agent is answered with 404.", "inferred: verified on sibling endpoints"},
	{"CFG-018", Must, Inferred, sides(Config),
		"The webhooks of two agents are independent: their URLs, subscriptions and secrets do not touch each other.", "inferred: the path names the agent"},
	{"CFG-019", Must, Verified, sides(Config),
		"GET /v1/agents lists agents with id and name.", fromClient},
	{"CFG-020", Must, Inferred, sides(Config),
		"Each 422 item holds loc, msg and type.", "inferred: the form of the framework that the vendor's errors come from"},
	{"CFG-021", Must, Verified, sides(Config),
		"webhook_url is required in a PUT; a body without it is refused with 422.", fromDocs},
}

// dariDelivery: what only Dari promises of a delivery.
var dariDelivery = []Clause{
	{"ID-001", Must, Verified, sides(Sender),
		"Every attempt of one delivery carries the same id, and different events carry different ids.", fromDocs},
	{"DLV-007", Must, Verified, sides(Sender),
		"A delivery whose attempts are exhausted leaves a webhook.delivery_failed event in the session's ledger.", fromDocs},
	{"DLV-009", Should, Inferred, sides(Sender),
		"During a rotation with an overlap, each delivery carries one signature for the old and one for the new secret.", fromHabit},
	{"DLV-010", Must, Inferred, sides(Sender),
		"After a rotation without an overlap, deliveries are signed with the new secret alone.", fromDocs + ": rotate-secret replaces the secret"},
	{"DLV-015", Must, Inferred, sides(Sender),
		"When attempts are exhausted the sender stops: no further attempt is made.", fromDocs + ": exhausted deliveries are recorded"},
}

// dariEvents: what a delivery of Dari says.
var dariEvents = []Clause{
	{"EVT-001", Must, Inferred, sides(Sender),
		"The body is one JSON object with id, type, created_at and data.", "inferred: the ledger's event has these fields; data and id are verified"},
	{"EVT-002", Must, Verified, sides(Sender),
		"type is tool.call_requested, session.completed, session.failed, batch.completed, batch.failed or batch.partial_failed.", fromDocs},
	{"EVT-003", Must, Verified, sides(Sender),
		"data of tool.call_requested holds submit_url, session_id, message_id and tool_call_id.", fromDocs},
	{"EVT-004", Must, Verified, sides(Sender),
		"data of session.completed and session.failed holds session_id and the metadata given at creation.", fromDocs},
	{"EVT-005", Must, Verified, sides(Sender),
		"data of the batch events holds batch_id and status.", fromDocs},
	{"EVT-006", Should, Inferred, sides(Sender),
		"created_at is an RFC 3339 time and is the same on every attempt.", "inferred: an attempt repeats the event's bytes"},
}

// results: how a tool's result goes back.
var results = []Clause{
	{"RES-001", Must, Verified, sides(Receiver),
		"A tool result is a POST to submit_url with a bearer key and one JSON event of type tool.result_submitted.", fromDocs},
	{"RES-002", Must, Verified, sides(Receiver),
		"The result echoes message_id and tool_call_id; result is present unless is_error is true.", fromDocs},
	{"RES-003", Must, Verified, sides(Config),
		"A submitted result is answered with 202.", fromDocs},
	{"RES-004", Should, Inferred, sides(Config),
		"A second or late result for one tool call is answered with 409.", "inferred: the answer to duplicates is not public"},
}
