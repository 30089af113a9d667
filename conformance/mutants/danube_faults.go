package mutants

// The faults of a configuration API of Danube, besides those that it shares with others.
const (
	idsNoUUIDs            fault = "ids-are-no-uuids"
	madeInactive          fault = "made-inactive"
	secretTooShort        fault = "secret-of-32-digits"
	oneSecret             fault = "one-secret-for-all-webhooks"
	secretInList          fault = "secret-in-list"
	secretInChange        fault = "secret-in-change"
	listInObject          fault = "list-in-an-object"
	descriptionUnlisted   fault = "description-not-listed"
	changeForgetsRest     fault = "change-forgets-the-rest"
	activeUnchanged       fault = "is-active-not-changed"
	deleteKeepsWebhook    fault = "delete-keeps-webhook"
	noDeliveriesNotFound  fault = "no-deliveries-answered-404"
	plainHTTPOnChange     fault = "plain-http-accepted-on-change"
	eventsOptional        fault = "events-optional"
	noEventsAccepted      fault = "no-events-accepted"
	errorAsText           fault = "error-as-text"
	errorWithoutDetails   fault = "error-without-details"
	misfitUnprocessable   fault = "misfit-answered-422"
	misfitOtherCode       fault = "misfit-under-other-code"
	clientKeyRefused      fault = "client-key-refused"
	keyUnauthorized       fault = "wrong-key-answered-401"
	unknownWebhookDeleted fault = "unknown-webhook-deleted"
)

var danubeConfigFaults = []row{
	{fault: idsNoUUIDs, clause: "CFG-022", says: "The ids of webhooks are no UUIDs."},
	{fault: madeInactive, clause: "CFG-022", says: "A new webhook is switched off."},
	{fault: secretNeverShown, clause: "CFG-022", says: "No secret is shown.", also: also("CFG-023")},
	{fault: secretTooShort, clause: "CFG-023", says: "A secret has 32 digits."},
	{fault: secretWithoutPrefix, clause: "CFG-023", says: "Secrets do not begin with whsec_."},
	{fault: oneSecret, clause: "CFG-023", says: "All webhooks have one secret."},
	{fault: secretInList, clause: "CFG-024", says: "The list shows secrets."},
	{fault: secretInChange, clause: "CFG-024", says: "A change shows the secret again."},
	{fault: listInObject, clause: "CFG-025", says: "The list stands in an object."},
	{fault: descriptionUnlisted, clause: "CFG-025", says: "The list leaves descriptions out.", also: also("CFG-026")},
	{fault: changeForgetsRest, clause: "CFG-026", says: "A change of something else forgets the description."},
	{fault: activeUnchanged, clause: "CFG-026", says: "A webhook cannot be switched off."},
	{fault: deleteKeepsWebhook, clause: "CFG-027", says: "A deleted webhook stays in the list."},
	{fault: noDeliveriesNotFound, clause: "CFG-028", says: "A webhook without deliveries answers 404 for them."},
	{fault: plainHTTPAccepted, clause: "CFG-029", says: "A new webhook may have a URL of plain HTTP."},
	{fault: plainHTTPOnChange, clause: "CFG-029", says: "A webhook may be moved to a URL of plain HTTP."},
	{fault: urlOptional, clause: "CFG-030", says: "A webhook needs no URL."},
	{fault: eventsOptional, clause: "CFG-030", says: "A webhook needs no events."},
	{fault: noEventsAccepted, clause: "CFG-030", says: "A webhook may have an empty list of events."},
	{fault: unknownTypesKept, clause: "CFG-031", says: "An unknown event type is subscribed to."},
	{fault: errorInPlainText, clause: "CFG-032", says: "Errors are plain text."},
	{fault: errorAsText, clause: "CFG-032", says: "An error is a text where an object should be."},
	{fault: errorWithoutDetails, clause: "CFG-032", says: "An error has no details."},
	{fault: misfitUnprocessable, clause: "CFG-033", says: "What does not fit is answered with 422."},
	{fault: misfitOtherCode, clause: "CFG-033", says: "What does not fit is called a bad_request."},
	{fault: clientKeyRefused, clause: "CFG-034", says: "The key is taken from Authorization alone."},
	{fault: keyOptional, clause: "CFG-035", says: "A request without a key is served."},
	{fault: anyKey, clause: "CFG-035", says: "Any key will do."},
	{fault: keyForbidden, clause: "CFG-035", says: "A missing or wrong key is answered with 403."},
	{fault: unknownWebhookDeleted, clause: "CFG-036", says: "The deletion of an unknown webhook is a success."},
}

// The faults of a sender of Danube, besides those that it shares with others.
const (
	clientErrorsFinal   fault = "not-retried-after-4xx"
	impatient           fault = "attempts-given-up-early"
	oneAttemptMore      fault = "four-attempts"
	timePerAttempt      fault = "timestamp-of-the-body-per-attempt"
	payloadUnrecorded   fault = "payload-not-recorded"
	failureStaysPending fault = "failure-stays-pending"
	attemptsUncounted   fault = "attempts-not-counted"
	oldestFirst         fault = "oldest-delivery-first"
	limitIgnored        fault = "limit-ignored"
	answerWhole         fault = "answer-recorded-whole"
	answerCutEarly      fault = "answer-cut-at-200"
	inactiveDelivered   fault = "inactive-webhook-delivered-to"
	idInBody            fault = "id-in-the-body"
	wholeSeconds        fault = "timestamp-in-whole-seconds"
	toolNameMissing     fault = "tool-name-missing"
	errorMissing        fault = "error-missing-after-success"
)

var danubeSenderFaults = []row{
	{fault: clientErrorsFinal, clause: "DLV-016", says: "A 4xx answer ends a delivery."},
	{fault: impatient, clause: "DLV-016", says: "An attempt is given up long before its time is over.", also: also("TIME-004")},
	{fault: oneAttemptMore, clause: "DLV-017", says: "A delivery is attempted 4 times."},
	{fault: neverGivesUp, clause: "DLV-017", says: "Attempts never end."},
	{fault: timePerAttempt, clause: "DLV-018", says: "The body's timestamp is that of the attempt."},
	{fault: payloadUnrecorded, clause: "DLV-019", says: "The list leaves payloads out.", also: also("DLV-020", "DLV-021")},
	{fault: failureStaysPending, clause: "DLV-019", says: "A delivery that was given up stays pending."},
	{fault: attemptsUncounted, clause: "DLV-019", says: "The list says 1 attempt of every delivery."},
	{fault: oldestFirst, clause: "DLV-020", says: "The list begins with the oldest delivery.", also: also("DLV-019", "DLV-021")},
	{fault: limitIgnored, clause: "DLV-020", says: "The list has all deliveries, whatever limit says."},
	{fault: answerWhole, clause: "DLV-021", says: "An answer is recorded whole, however long it is."},
	{fault: answerCutEarly, clause: "DLV-021", says: "An answer is cut at 200 characters."},
	{fault: inactiveDelivered, clause: "DLV-022", says: "A webhook that is switched off gets deliveries."},
	{fault: dataFlattened, clause: "EVT-007", says: "The data stands under another name."},
	{fault: idInBody, clause: "EVT-007", says: "The body has an id.", also: also("ID-002")},
	{fault: eventInList, clause: "EVT-007", says: "The event is inside a list."},
	{fault: wholeSeconds, clause: "EVT-008", says: "The body's timestamp is in whole seconds."},
	{fault: typeRenamed, clause: "EVT-009", says: "The types have another name than was subscribed to."},
	{fault: toolNameMissing, clause: "EVT-010", says: "A tool's run does not say of which tool."},
	{fault: errorMissing, clause: "EVT-010", says: "A run that went well has no error field."},
}
