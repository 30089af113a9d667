package mutants

// The faults of verification, which receivers and gates share.
const (
	anySignature         fault = "any-signature"
	signatureOptional    fault = "signature-optional"
	olderVersionTrusted  fault = "v0-trusted"
	firstValueOnly       fault = "first-v1-only"
	firstSecretOnly      fault = "first-secret-only"
	wholeHeader          fault = "whole-header-compared"
	longerAccepted       fault = "longer-signature-accepted"
	bodyAgeJudged        fault = "age-of-the-event-judged"
	oneTimestampPlace    fault = "timestamp-header-unread"
	fixedHeader          fault = "order-of-the-header-fixed"
	prefixComparison     fault = "prefix-compared"
	suffixComparison     fault = "suffix-compared"
	compactedBody        fault = "reserialized-body"
	compactedBodyToo     fault = "reserialized-body-accepted-too"
	trimmedBody          fault = "trimmed-body"
	bodyAloneToo         fault = "body-alone-accepted-too"
	prefixStripped       fault = "stripped-key-accepted-too"
	emptySecret          fault = "empty-secret"
	lenientHeader        fault = "lenient-header"
	firstHeaderWins      fault = "first-header-wins"
	lastTimestampWins    fault = "last-timestamp-wins"
	unboundedSignatures  fault = "unbounded-signatures"
	unboundedHeader      fault = "unbounded-header"
	undatedAccepted      fault = "undated-accepted"
	staleAccepted        fault = "stale-accepted"
	hourWindow           fault = "window-of-an-hour"
	minuteWindow         fault = "window-of-a-minute"
	futureAccepted       fault = "future-accepted"
	millisecondsAccepted fault = "milliseconds-accepted"
	looseTimestamp       fault = "loose-timestamp"
	timestampsMayDiffer  fault = "timestamps-may-differ"
	unsignedTimestamp    fault = "unsigned-timestamp"
)

var verifierFaults = []row{
	{fault: anySignature, clause: "SIG-001", says: "A well-formed signature is never compared with anything.",
		also: also("SIG-002", "SIG-003", "SIG-004", "SIG-007", "SIG-011", "SIG-012", "SIG-013", "TIME-001", "TIME-006", "DUP-004")},
	{fault: compactedBody, clause: "SIG-002", says: "The signature is checked over JSON that was parsed and written again."},
	{fault: compactedBodyToo, clause: "SIG-002", says: "A signature over the rewritten JSON is accepted as well as one over the raw body."},
	{fault: trimmedBody, clause: "SIG-002", says: "White space around the body is cut off before the signature is checked."},
	{fault: signatureOptional, clause: "SIG-003", says: "The signature is checked only if there is one."},
	{fault: olderVersionTrusted, clause: "SIG-003", says: "A v0 value is trusted like a v1 value."},
	{fault: bodyAloneToo, clause: "SIG-004", says: "A signature over the body alone is accepted, whatever the timestamp."},
	{fault: firstValueOnly, clause: "SIG-005", says: "Only the first v1 value of the header is tried.", also: also("SIG-010")},
	{fault: firstSecretOnly, clause: "SIG-005", says: "Only the first secret is tried."},
	{fault: wholeHeader, clause: "SIG-005", says: "The whole header is compared with the one that would have been written.",
		also: also("SIG-008", "SIG-010")},
	{fault: prefixStripped, clause: "SIG-007", says: "The secret without its whsec_ prefix is accepted as a key as well."},
	{fault: lenientHeader, clause: "SIG-008", says: "Parts of the header that are no tagged values are skipped."},
	{fault: fixedHeader, clause: "SIG-008", says: "The timestamp must stand before the signature, and nothing after it.",
		also: also("SIG-004", "SIG-005", "SIG-010", "TIME-009")},
	{fault: firstHeaderWins, clause: "SIG-009", says: "Of two signature headers the first one counts."},
	{fault: lastTimestampWins, clause: "SIG-009", says: "Of two timestamps in the header the last one counts."},
	{fault: unboundedSignatures, clause: "SIG-010", says: "Any number of signatures in one header is tried."},
	{fault: unboundedHeader, clause: "SIG-010", says: "A signature header of any length is read."},
	{fault: prefixComparison, clause: "SIG-011", says: "Only the first 16 characters of a signature are compared."},
	{fault: longerAccepted, clause: "SIG-011", says: "What follows the right signature is not looked at.", also: also("SIG-008")},
	{fault: suffixComparison, clause: "SIG-011", says: "Only the last 16 characters of a signature are compared."},
	{fault: emptySecret, clause: "SIG-012", says: "An empty secret in the list is used as a key."},
	{fault: undatedAccepted, clause: "TIME-001", says: "The age is checked only if there is a timestamp."},
	{fault: staleAccepted, clause: "TIME-002", says: "No delivery is too old.", also: also("TIME-008")},
	{fault: hourWindow, clause: "TIME-008", says: "A delivery may be an hour old."},
	{fault: minuteWindow, clause: "TIME-008", says: "A delivery of four minutes is refused."},
	{fault: futureAccepted, clause: "TIME-003", says: "The age is checked against the past only."},
	{fault: millisecondsAccepted, clause: "TIME-005", says: "Milliseconds are taken for a timestamp."},
	{fault: looseTimestamp, clause: "TIME-005", says: "A timestamp may have a sign and leading zeros."},
	{fault: timestampsMayDiffer, clause: "TIME-006", says: "Two timestamps that differ are accepted; the signed one counts."},
	{fault: oneTimestampPlace, clause: "TIME-009", says: "The timestamp counts only in the signature header.",
		also: also("SIG-004")},
	{fault: bodyAgeJudged, clause: "TIME-010", says: "The age is that of the event, and not of the attempt.", also: also("TIME-002", "TIME-003", "TIME-008")},
	{fault: unsignedTimestamp, clause: "TIME-006", says: "The age is that of the unsigned timestamp header.", also: also("TIME-002")},
}
