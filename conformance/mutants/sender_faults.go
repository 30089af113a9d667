package mutants

// The faults of a sender.
const (
	wrongKey                fault = "wrong-key"
	unkeyed                 fault = "unkeyed-digest"
	signedCompact           fault = "compacted-body-signed"
	signedSorted            fault = "rewritten-body-signed"
	olderVersion            fault = "v0-only"
	signedBodyOnly          fault = "body-alone-signed"
	signedWithID            fault = "id-signed-as-well"
	upperCaseHex            fault = "upper-case-signature"
	base64Signature         fault = "base64-signature"
	undated                 fault = "no-timestamp"
	timestampKept           fault = "timestamp-kept-on-retries"
	timestampInMilliseconds fault = "timestamp-in-milliseconds"
	timestampAsDate         fault = "timestamp-as-date"
	headersDisagree         fault = "timestamps-disagree"
	newIDPerAttempt         fault = "new-id-per-attempt"
	oneIDForAll             fault = "one-id-for-all"
	idInHeaderOnly          fault = "id-in-header-only"
	idEmpty                 fault = "id-empty"
	idNumber                fault = "id-number"
	deliveredByPut          fault = "delivered-by-put"
	deliveredAsText         fault = "delivered-as-text"
	notRetriedAfter5xx      fault = "not-retried-after-5xx"
	notRetriedAfterTimeout  fault = "not-retried-after-time-out"
	notRetriedAfterReset    fault = "not-retried-after-reset"
	notRetriedAfterRefusal  fault = "not-retried-after-refused-connection"
	retriedAfterSuccess     fault = "retried-after-success"
	only200Succeeds         fault = "retried-after-204"
	constantPause           fault = "constant-pause"
	shrinkingPause          fault = "shrinking-pause"
	retryAfterIgnored       fault = "retry-after-ignored"
	redirectFollowed        fault = "redirect-followed"
	redirectSucceeds        fault = "redirect-counts-as-success"
	failureUnrecorded       fault = "failure-unrecorded"
	subscriptionIgnored     fault = "subscription-ignored"
	overlapForgotten        fault = "overlap-forgotten"
	rotationUnused          fault = "rotated-secret-unused"
	rotationOverlaps        fault = "old-secret-still-signs"
	neverGivesUp            fault = "never-gives-up"
	createdAtMissing        fault = "created-at-missing"
	dataFlattened           fault = "data-under-other-name"
	eventInList             fault = "event-in-a-list"
	typeRenamed             fault = "type-renamed"
	submitURLMissing        fault = "submit-url-missing"
	toolCallIDMissing       fault = "tool-call-id-missing"
	metadataMissing         fault = "metadata-missing"
	sessionIDMissing        fault = "session-id-missing"
	batchIDMissing          fault = "batch-id-missing"
	batchStatusMissing      fault = "batch-status-missing"
	createdAtUnix           fault = "created-at-as-number"
	createdAtPerAttempt     fault = "created-at-per-attempt"
)

// senderFaults are of every sender that signs and tries again.
var senderFaults = []row{
	{fault: wrongKey, clause: "SIG-001", says: "The key is a hash of the secret."},
	{fault: unkeyed, clause: "SIG-001", says: "The signature is a plain hash that anyone can compute."},
	{fault: signedCompact, clause: "SIG-002", says: "The signature is over the JSON without its white space.", also: also("SIG-001", "SIG-004")},
	{fault: signedSorted, clause: "SIG-002", says: "The signature is over the JSON parsed and written again.", also: also("SIG-001", "SIG-004")},
	{fault: olderVersion, clause: "SIG-003", says: "The signature is tagged v0.", also: also("SIG-001", "SIG-002", "SIG-004", "SIG-006")},
	{fault: signedBodyOnly, clause: "SIG-004", says: "The timestamp is not signed.", also: also("SIG-001")},
	{fault: upperCaseHex, clause: "SIG-006", says: "The signature is in upper case.", also: also("SIG-001")},
	{fault: base64Signature, clause: "SIG-006", says: "The signature is in base64.", also: also("SIG-001")},
	{fault: undated, clause: "TIME-001", says: "No timestamp is sent.", also: also("SIG-001", "SIG-002", "SIG-004", "TIME-004")},
	{fault: timestampKept, clause: "TIME-004", says: "Retries carry the first attempt's timestamp and signature."},
	{fault: timestampInMilliseconds, clause: "TIME-005", says: "The timestamp is in milliseconds.", also: also("TIME-004")},
	{fault: timestampAsDate, clause: "TIME-005", says: "The timestamp is a date.", also: also("TIME-004")},
	{fault: deliveredByPut, clause: "DLV-001", says: "Deliveries are sent with PUT."},
	{fault: deliveredAsText, clause: "DLV-001", says: "Deliveries are sent as text/plain."},
	{fault: notRetriedAfter5xx, clause: "DLV-002", says: "A 5xx answer ends a delivery.",
		also: also("DLV-004", "DLV-005", "DLV-015", "ID-001", "TIME-004", "EVT-006", "DLV-016", "DLV-018", "DLV-019")},
	{fault: notRetriedAfterTimeout, clause: "DLV-002", says: "A time-out ends a delivery."},
	{fault: notRetriedAfterReset, clause: "DLV-002", says: "A broken connection ends a delivery."},
	{fault: notRetriedAfterRefusal, clause: "DLV-002", says: "A refused connection ends a delivery."},
	{fault: retriedAfterSuccess, clause: "DLV-003", says: "A delivery is repeated although it was acknowledged.",
		also: also("DLV-004", "DLV-005", "DLV-019", "ID-001")},
	{fault: only200Succeeds, clause: "DLV-003", says: "A delivery answered with 204 is repeated."},
	{fault: constantPause, clause: "DLV-004", says: "The pause between attempts is always the same."},
	{fault: shrinkingPause, clause: "DLV-004", says: "The pause between attempts shrinks."},
	{fault: retryAfterIgnored, clause: "DLV-005", says: "Retry-After is ignored."},
	{fault: redirectFollowed, clause: "DLV-006", says: "A redirect is followed."},
	{fault: redirectSucceeds, clause: "DLV-006", says: "A redirect counts as success."},
	{fault: subscriptionIgnored, clause: "DLV-008", says: "Every event is delivered, whatever was subscribed to."},
}

// dariSenderFaults are of a sender of Dari.
var dariSenderFaults = []row{
	{fault: signedWithID, clause: "SIG-004", says: "The id is signed in front of the timestamp.", also: also("SIG-001")},
	{fault: headersDisagree, clause: "TIME-006", says: "The timestamp header is a second later than t=."},
	{fault: newIDPerAttempt, clause: "ID-001", says: "Every attempt has an id of its own.", also: also("DLV-002")},
	{fault: oneIDForAll, clause: "ID-001", says: "All events have the same id."},
	{fault: idInHeaderOnly, clause: "ID-002", says: "The id is in the header only.", also: also("EVT-001")},
	{fault: idEmpty, clause: "ID-002", says: "The id is empty.", also: also("ID-001", "EVT-001")},
	{fault: idNumber, clause: "ID-002", says: "The id is a number.", also: also("ID-001", "EVT-001")},
	{fault: failureUnrecorded, clause: "DLV-007", says: "A delivery that failed for good leaves no trace."},
	{fault: overlapForgotten, clause: "DLV-009", setup: withOverlap,
		says: "During a rotation with an overlap only the new secret signs."},
	{fault: rotationUnused, clause: "DLV-010", says: "The old secret goes on signing after a rotation."},
	{fault: rotationOverlaps, clause: "DLV-010", says: "Both secrets sign after a rotation that has no overlap."},
	{fault: neverGivesUp, clause: "DLV-015", says: "Attempts never end.", also: also("DLV-007")},
	{fault: createdAtMissing, clause: "EVT-001", says: "There is no created_at.", also: also("EVT-006")},
	{fault: dataFlattened, clause: "EVT-001", says: "The data stands under another name.", also: also("EVT-003", "EVT-004", "EVT-005")},
	{fault: eventInList, clause: "EVT-001", says: "The event is inside a list.",
		also: also("ID-001", "ID-002", "EVT-002", "EVT-003", "EVT-004", "EVT-005", "EVT-006")},
	{fault: submitURLMissing, clause: "EVT-003", says: "A tool call does not say where its result goes."},
	{fault: toolCallIDMissing, clause: "EVT-003", says: "A tool call has no id."},
	{fault: metadataMissing, clause: "EVT-004", says: "A session's metadata is left out."},
	{fault: sessionIDMissing, clause: "EVT-004", says: "A session's event does not say which session.", also: also("DLV-007")},
	{fault: batchIDMissing, clause: "EVT-005", says: "A batch's event does not say which batch."},
	{fault: batchStatusMissing, clause: "EVT-005", says: "A batch's event does not say how it ended."},
	{fault: createdAtUnix, clause: "EVT-006", says: "created_at is a number.", also: also("EVT-001")},
	{fault: createdAtPerAttempt, clause: "EVT-006", says: "created_at is the time of the attempt."},
	{fault: typeRenamed, clause: "EVT-002", says: "The types have another name than was subscribed to.", also: also("DLV-008")},
}
