package mutants

// The faults of deduplication, which receivers and gates share.
const (
	everyCopyProcessed   fault = "every-copy-processed"
	duplicateRefused     fault = "duplicate-refused"
	keptAfterFailure     fault = "id-kept-after-failure"
	acknowledgedInFlight fault = "acknowledged-in-flight"
	burnedUnverified     fault = "id-burned-before-verification"
	keyedBySignature     fault = "keyed-by-signature"
	keyedByBody          fault = "keyed-by-body"
	lastOnly             fault = "last-id-only"
	failureShared        fault = "failure-acknowledged-to-copies"
	keyedByHeader        fault = "keyed-by-id-header"
)

var claimFaults = []row{
	{fault: everyCopyProcessed, clause: "DUP-001", says: "Nothing is remembered: every copy is processed.",
		also: also("DUP-003", "DUP-005", "DUP-007", "DUP-008", "GATE-008", "GATE-009", "ID-003")},
	{fault: duplicateRefused, clause: "DUP-001", says: "A delivery that was processed is refused when it comes again.",
		also: also("DUP-005", "DUP-008", "GATE-008", "GATE-009", "DUP-003")},
	{fault: keptAfterFailure, clause: "DUP-002", says: "The id is kept although processing failed, and the retry is acknowledged.",
		also: also("DUP-003", "GATE-007")},
	{fault: acknowledgedInFlight, clause: "DUP-003", says: "A copy is acknowledged at once while another is being processed.",
		also: also("GATE-008", "GATE-009")},
	{fault: lastOnly, clause: "DUP-001", says: "Only the last delivery is remembered.",
		also: also("DUP-002", "DUP-003", "DUP-004", "DUP-005", "DUP-007", "DUP-008", "GATE-007", "GATE-008", "GATE-009", "ID-003")},
	{fault: failureShared, clause: "DUP-003", says: "A copy that waits for another is acknowledged when that one fails.",
		also: also("GATE-007")},
	{fault: burnedUnverified, clause: "DUP-004", says: "The id is remembered before the request is verified."},
	{fault: keyedBySignature, clause: "DUP-008", says: "Copies are told apart by their signature, so that a retry is new.",
		also: also("DUP-001", "DUP-003", "DUP-005", "GATE-008", "GATE-009")},
	{fault: keyedByBody, clause: "DUP-008", says: "Copies are told apart by their bodies, whatever their ids."},
	{fault: keyedByHeader, clause: "ID-003", says: "The unsigned id header decides which delivery a request is.",
		also: also("ID-004")},
}
