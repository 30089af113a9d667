package mutants

// The faults that only a gate can have.
const (
	anyMethod               fault = "any-method"
	allowMissing            fault = "allow-missing"
	bodyRewritten           fault = "body-rewritten"
	newlineAppended         fault = "newline-appended"
	spoofedHeadersKept      fault = "spoofed-headers-kept"
	spoofedEventKept        fault = "spoofed-event-kept"
	findingsMissing         fault = "findings-missing"
	limitMissing            fault = "limit-missing"
	undeclaredUnlimited     fault = "undeclared-body-unlimited"
	overlongForwardedCut    fault = "overlong-body-forwarded-cut"
	overlongCutAndRefused   fault = "overlong-body-cut-and-mistrusted"
	budgetMissing           fault = "budget-missing"
	overloadWithoutRetry    fault = "overload-without-retry-after"
	truncatedForwarded      fault = "truncated-body-forwarded"
	refusalRemembered       fault = "refusal-remembered"
	redirectRemembered      fault = "redirect-remembered"
	oneStatusForAll         fault = "one-status-for-all"
	resetRemembered         fault = "reset-remembered"
	timeoutRemembered       fault = "time-out-remembered"
	hangupCancels           fault = "hang-up-cancels-work"
	hangupLosesOutcome      fault = "hang-up-loses-outcome"
	copiesForwardedTogether fault = "copies-forwarded-together"
	copiesTurnedAway        fault = "copies-turned-away"
	codeMissing             fault = "code-missing"
	oneCodeForAll           fault = "one-code-for-all"
	challengeMissing        fault = "challenge-missing"
	plainRefusal            fault = "plain-refusal"
	problemWithoutCode      fault = "problem-without-code"
	expectedTold            fault = "expected-signature-told"
	secretTold              fault = "secret-told"
	duplicateUnmarked       fault = "duplicate-unmarked"
	duplicateAlways200      fault = "duplicate-always-200"
	storeFaultForwards      fault = "store-fault-forwards"
	storeFaultFails         fault = "store-fault-fails"
	storeFaultWithoutRetry  fault = "store-fault-without-retry-after"
	keyedByPath             fault = "keyed-by-path"
	keyedByQuery            fault = "keyed-by-query"
	keyedByHost             fault = "keyed-by-host"
	missingIDForwarded      fault = "missing-id-forwarded"
	emptyIDForwarded        fault = "empty-id-forwarded"
	numberIDForwarded       fault = "number-id-forwarded"
	repeatedNameForwarded   fault = "repeated-name-forwarded"
	trailingDataForwarded   fault = "trailing-data-forwarded"
	invalidUTF8Forwarded    fault = "invalid-utf-8-forwarded"
	deepNestingForwarded    fault = "deep-nesting-forwarded"
	listForwarded           fault = "list-forwarded"
	longIDForwarded         fault = "long-id-forwarded"
	createdAtIgnored        fault = "created-at-ignored"
)

var gateFaults = []row{
	{fault: createdAtIgnored, clause: "TIME-007", setup: bodyScheme,
		says: "The age is judged by the unsigned timestamp alone, although only the body is signed."},
	{fault: missingIDForwarded, clause: "ID-002", says: "A body without an id is keyed by its bytes and forwarded."},
	{fault: emptyIDForwarded, clause: "ID-002", says: "An empty id is an id like any other."},
	{fault: numberIDForwarded, clause: "ID-002", says: "A number is taken for an id."},
	{fault: repeatedNameForwarded, clause: "ID-004", says: "Of a repeated top-level name the last one counts."},
	{fault: trailingDataForwarded, clause: "ID-004", says: "Bytes after the object are forwarded unread."},
	{fault: invalidUTF8Forwarded, clause: "ID-004", says: "Invalid UTF-8 is forwarded."},
	{fault: deepNestingForwarded, clause: "ID-004", says: "A body may nest beyond 512 levels."},
	{fault: listForwarded, clause: "ID-004", says: "An object inside a list is taken for the object."},
	{fault: longIDForwarded, clause: "ID-005", says: "An id may have any length."},
	{fault: duplicateUnmarked, clause: "DUP-005", says: "A duplicate's answer does not say that it is one."},
	{fault: duplicateAlways200, clause: "DUP-005", says: "A duplicate is answered with 200 whatever the first copy got.",
		also: also("GATE-008", "GATE-009")},
	{fault: storeFaultForwards, clause: "DUP-006", says: "Without its store the gate forwards every copy."},
	{fault: storeFaultFails, clause: "DUP-006", says: "Without its store the gate answers 500."},
	{fault: storeFaultWithoutRetry, clause: "DUP-006", says: "Without its store the gate does not say when to come again."},
	{fault: keyedByPath, clause: "DUP-007", says: "The same delivery on another path is new."},
	{fault: keyedByQuery, clause: "DUP-007", says: "The same delivery with another query is new."},
	{fault: keyedByHost, clause: "DUP-007", says: "The same delivery for another host name is new."},
	{fault: orderExpected, clause: "DLV-011", says: "An event older than one of its session that was seen before is refused."},
	{fault: answersLate, clause: "DLV-012", says: "The answer comes after the sender has given up."},
	{fault: chunkedRefused, clause: "DLV-013", says: "A body without a declared length is refused."},
	{fault: slowUploadCut, clause: "DLV-013", says: "A body that takes longer than a tenth of a second is cut off.", also: also("GATE-004", "GATE-005")},
	{fault: unknownTypeRefused, clause: "DLV-014", says: "An event type that is not in the list is refused.", also: also("ID-002")},
	{fault: anyMethod, clause: "GATE-001", says: "Every method is let through."},
	{fault: allowMissing, clause: "GATE-001", says: "A 405 does not say which method is right."},
	{fault: bodyRewritten, clause: "GATE-002", says: "The receiver gets the JSON written anew."},
	{fault: newlineAppended, clause: "GATE-002", says: "The receiver gets a line feed more than was signed."},
	{fault: spoofedHeadersKept, clause: "GATE-003", says: "The sender's own trust headers reach the receiver."},
	{fault: spoofedEventKept, clause: "GATE-003", says: "The sender's own event header reaches the receiver."},
	{fault: findingsMissing, clause: "GATE-003", says: "The receiver is not told what was verified."},
	{fault: limitMissing, clause: "GATE-004", says: "A body may have any length."},
	{fault: undeclaredUnlimited, clause: "GATE-004", says: "A body without a declared length may have any."},
	{fault: overlongForwardedCut, clause: "GATE-004", says: "A body over the limit is forwarded as far as the limit goes."},
	{fault: overlongCutAndRefused, clause: "GATE-004", says: "A body over the limit is cut, and its signature then called wrong."},
	{fault: budgetMissing, clause: "GATE-005", says: "Any number of bodies is held in memory."},
	{fault: overloadWithoutRetry, clause: "GATE-005", says: "A gate that is full does not say when to come again."},
	{fault: truncatedForwarded, clause: "GATE-006", says: "A body that ends early is judged and forwarded as far as it came."},
	{fault: refusalRemembered, clause: "GATE-007", says: "A 4xx of the receiver counts as success and is repeated.",
		also: also("DUP-002")},
	{fault: redirectRemembered, clause: "GATE-007", says: "A redirect of the receiver counts as success."},
	{fault: resetRemembered, clause: "GATE-007", says: "A connection that the receiver broke counts as success.",
		also: also("DUP-002")},
	{fault: timeoutRemembered, clause: "GATE-007", says: "A receiver that took too long counts as success.",
		also: also("DUP-002")},
	{fault: hangupCancels, clause: "GATE-008", says: "A sender that hangs up cancels the receiver's work."},
	{fault: hangupLosesOutcome, clause: "GATE-008", says: "What the receiver did after the sender hung up is forgotten."},
	{fault: copiesForwardedTogether, clause: "GATE-009", says: "Only deliveries that have ended are remembered: copies that come together all pass.",
		also: also("DUP-003", "DUP-005", "GATE-008")},
	{fault: copiesTurnedAway, clause: "GATE-009", says: "A copy of a delivery under way is refused at once.", also: also("GATE-008")},
	{fault: codeMissing, clause: "GATE-010", says: "A refusal does not name its code.", also: also("GATE-011")},
	{fault: mismatchAnswered400, clause: "SIG-013", says: "A signature that does not match is answered with 400.", also: also("GATE-010")},
	{fault: oneStatusForAll, clause: "GATE-010", says: "Every refusal has the status 400.",
		also: also("SIG-013", "GATE-001", "GATE-004", "GATE-005", "GATE-011", "DUP-006")},
	{fault: oneCodeForAll, clause: "GATE-010", says: "Refusals of one status all name the same code."},
	{fault: challengeMissing, clause: "GATE-010", says: "A 401 carries no WWW-Authenticate."},
	{fault: plainRefusal, clause: "GATE-011", says: "A refusal's body is plain text."},
	{fault: problemWithoutCode, clause: "GATE-011", says: "A refusal's problem document names no code."},
	{fault: expectedTold, clause: "GATE-012", says: "A refusal tells the signature that was expected."},
	{fault: secretTold, clause: "GATE-012", says: "A refusal tells the secret."},
}
