package contract

const fromGate = "the gate's own promise"

// gate: what a gate owes beyond what a receiver owes.
var gate = []Clause{
	{"GATE-001", Must, Verified, sides(Gate),
		"Another method than the provider's is refused with 405 and Allow.", "RFC 9110 section 15.5.6"},
	{"GATE-002", Must, Verified, sides(Gate),
		"The receiver gets exactly the bytes that were signed.", fromGate},
	{"GATE-003", Must, Verified, sides(Gate),
		"The request's own Dari-Webhook-Verified, Dari-Webhook-Id, Dari-Webhook-Event and Dari-Webhook-Timestamp never reach the receiver; the gate sets them from what it verified.", fromGate},
	{"GATE-004", Must, Verified, sides(Gate),
		"A body over the limit is refused with 413, declared or not, and nothing of it reaches the receiver.", "RFC 9110 section 15.5.14"},
	{"GATE-005", Must, Verified, sides(Gate),
		"The memory of all bodies in flight is bounded; beyond the bound a delivery is refused with 503 and Retry-After.", fromGate},
	{"GATE-006", Must, Verified, sides(Gate),
		"A body that ends before its declared length is refused and reaches the receiver in no part.", fromGate},
	{"GATE-007", Must, Verified, sides(Gate),
		"When the receiver answers other than with success, resets or times out, the claim is released and the next copy is a new attempt.", fromGate},
	{"GATE-008", Must, Verified, sides(Gate),
		"A sender that hangs up neither cancels the receiver's work nor loses its outcome; its retry is answered with the recorded status.", fromGate},
	{"GATE-009", Must, Verified, sides(Gate),
		"Of copies that arrive at the same instant the receiver sees one, and every sender gets that one's status.", fromGate},
	{"GATE-010", Must, Verified, sides(Gate),
		"A refusal has the status of its code and carries Dari-Webhook-Error with it; a 401 carries WWW-Authenticate.", "RFC 9110 section 15.5.2; the header is " + fromGate},
	{"GATE-011", Should, Verified, sides(Gate),
		"The body of a refusal is a problem document with the same code.", "RFC 9457"},
	{"GATE-012", Must, Verified, sides(Gate),
		"No answer holds a secret or the signature that was expected.", fromGate},
}
