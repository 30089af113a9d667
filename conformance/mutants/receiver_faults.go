package mutants

// The faults that only a receiver can have. Those of unknown types, order, and slow bodies a gate can have as well.
const (
	orderExpected       fault = "order-expected"
	refusedAndProcessed fault = "refused-and-processed"
	mismatchAnswered400 fault = "mismatch-answered-400"
	unknownTypeRefused  fault = "unknown-type-refused"
	chunkedRefused      fault = "chunked-body-refused"
	slowUploadCut       fault = "slow-body-cut"
	answersLate         fault = "answer-outlasts-sender"
	resultWithoutKey    fault = "result-without-key"
	resultOfOtherType   fault = "result-of-other-type"
	resultInList        fault = "result-in-a-list"
	resultPut           fault = "result-by-put"
	resultWithoutCall   fault = "result-without-tool-call-id"
	resultForSession    fault = "result-with-wrong-message-id"
	resultLeftOut       fault = "result-without-result"
)

var receiverFaults = []row{
	{fault: refusedAndProcessed, clause: "SIG-001", says: "A delivery whose signature is wrong is refused, and processed all the same after the answer.",
		also: also("SIG-002", "SIG-004", "SIG-005", "SIG-007", "SIG-011", "SIG-012", "SIG-013", "TIME-001", "TIME-002", "TIME-006", "DUP-004")},
	{fault: mismatchAnswered400, clause: "SIG-013", says: "A signature that does not match is answered with 400."},
	{fault: orderExpected, clause: "DLV-011", says: "An event older than one of its session that was seen before is refused."},
	{fault: answersLate, clause: "DLV-012", says: "The answer comes after the sender has given up."},
	{fault: chunkedRefused, clause: "DLV-013", says: "A body without a declared length is refused."},
	{fault: slowUploadCut, clause: "DLV-013", says: "A body that takes longer than a tenth of a second is cut off."},
	{fault: unknownTypeRefused, clause: "DLV-014", says: "An event type that is not in the list is refused."},
	{fault: resultWithoutKey, clause: "RES-001", says: "The result is posted without a key."},
	{fault: resultOfOtherType, clause: "RES-001", says: "The result has the type of the call."},
	{fault: resultInList, clause: "RES-001", says: "The result is posted inside a list."},
	{fault: resultPut, clause: "RES-001", says: "The result is sent with PUT."},
	{fault: resultWithoutCall, clause: "RES-002", says: "The result does not say which tool call it belongs to."},
	{fault: resultForSession, clause: "RES-002", says: "The result echoes the session's id as that of the message."},
	{fault: resultLeftOut, clause: "RES-002", says: "The result says that there is no error and holds no result."},
}
