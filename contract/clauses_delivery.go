package contract

// deduplication: one effect for many copies.
var deduplication = []Clause{
	{"DUP-001", Must, Verified, sides(Receiver, Gate),
		"A delivery that arrives again after it was processed has no second effect, and is answered with success.", fromDocs},
	{"DUP-002", Must, Verified, sides(Receiver, Gate),
		"A delivery whose first copy failed is processed when it arrives again.", fromDocs},
	{"DUP-003", Must, Inferred, sides(Receiver, Gate),
		"A copy that arrives while another is being processed is not acknowledged with success before that one has ended, nor when it has failed.", "inferred: an early 2xx ends the retries that a failure needs"},
	{"DUP-004", Must, Inferred, sides(Receiver, Gate),
		"A request that fails verification leaves no trace: it cannot burn an id.", "inferred: otherwise anyone can suppress a delivery whose id they can guess"},
	{"DUP-005", Should, Inferred, sides(Gate),
		"A later copy is answered with the status that the first one got, and marked Dari-Webhook-Duplicate: true.", "inferred: the sender must see the recorded outcome"},
	{"DUP-006", Must, Inferred, sides(Gate),
		"When the store cannot answer, a delivery is refused with 503 and Retry-After unless the operator chose otherwise.", "inferred: a wrong guess loses a delivery or runs it twice"},
	{"DUP-007", Must, Inferred, sides(Gate),
		"The id that is remembered is scoped by configuration, never by the request's path or host.", "inferred: path and host are not signed, so that a replay elsewhere would look new"},
	{"DUP-008", Must, Inferred, sides(Receiver, Gate),
		"Copies with the same id are the same delivery even when their timestamps and signatures differ.", fromDocs + ": retries keep the id"},
}

// delivery: what those who take deliveries must expect.
var delivery = []Clause{
	{"DLV-011", Must, Verified, sides(Receiver, Gate),
		"Deliveries may arrive out of order; a receiver accepts an event that is older than one it has seen.", fromDocs},
	{"DLV-012", Should, Inferred, sides(Receiver, Gate),
		"A receiver answers within the sender's time-out. Default: 10 seconds.", "inferred: the vendor's time-out is not public"},
	{"DLV-013", Should, Inferred, sides(Receiver, Gate),
		"A body that arrives slowly or in chunks is read to its end.", "inferred: RFC 9112 section 7.1"},
	{"DLV-014", Should, Inferred, sides(Receiver, Gate),
		"A signed delivery of an event type that the receiver does not know is acknowledged, not refused.", "inferred: platforms add types, and a refusal is retried for nothing"},
}

// sending: what holds for every sender.
var sending = []Clause{
	{"DLV-003", Must, Inferred, sides(Sender),
		"A delivery answered with 2xx is not attempted again.", "inferred: success ends a delivery everywhere in the field"},
}

// retrying: what holds for senders that sign, subscribe to types and try again.
var retrying = []Clause{
	{"DLV-001", Must, Verified, sides(Sender),
		"A delivery is a POST with a JSON body and Content-Type application/json to the endpoint's URL.", fromDocs},
	{"DLV-002", Must, Verified, sides(Sender),
		"A delivery that fails is attempted again: after a 5xx answer, a time-out, a reset or a refused connection.", fromDocs + "; what counts as failed is inferred"},
	{"DLV-004", Should, Inferred, sides(Sender),
		"The pause between attempts grows, with jitter, up to a cap.", fromHabit},
	{"DLV-005", Should, Inferred, sides(Sender),
		"Retry-After on a 429 or 503 answer is honored.", "inferred: RFC 9110 section 10.2.3"},
	{"DLV-006", Must, Inferred, sides(Sender),
		"A redirect is not followed; it is a failed attempt.", "inferred: the target was never checked by the URL rules"},
	{"DLV-008", Must, Verified, sides(Sender),
		"Only event types that the endpoint subscribed to are delivered.", fromDocs},
}
