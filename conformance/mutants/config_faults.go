package mutants

// The faults of a configuration API.
const (
	secretInGet             fault = "secret-in-get"
	eventTypesHidden        fault = "event-types-hidden"
	secretWithoutPrefix     fault = "secret-without-prefix"
	secretNeverShown        fault = "secret-never-shown"
	secretAlwaysShown       fault = "secret-shown-on-update"
	updateRenewsSecret      fault = "update-renews-secret"
	secondDeleteNotFound    fault = "second-delete-not-found"
	deleteKeepsURL          fault = "delete-answers-with-url"
	deleteSaysNothing       fault = "delete-answers-nothing"
	secretSurvivesDelete    fault = "secret-survives-delete"
	rotateChangesNothing    fault = "rotate-changes-nothing"
	rotateForgetsURL        fault = "rotate-forgets-url"
	eventTypesIgnored       fault = "event-types-ignored"
	rotateHidesSecret       fault = "rotate-hides-secret"
	rotateConjuresSecret    fault = "rotate-without-webhook"
	rotateBreaks            fault = "rotate-without-webhook-breaks"
	subscribedToAll         fault = "subscribed-to-all"
	subscribedToNothing     fault = "subscribed-to-nothing"
	unknownTypesKept        fault = "unknown-types-kept"
	unknownTypesDropped     fault = "unknown-types-dropped"
	relativeAccepted        fault = "relative-url-accepted"
	plainHTTPAccepted       fault = "plain-http-accepted"
	userInfoAccepted        fault = "user-info-accepted"
	privateAccepted         fault = "private-address-accepted"
	loopbackAccepted        fault = "loopback-accepted"
	linkLocalAccepted       fault = "link-local-accepted"
	mappedAccepted          fault = "mapped-address-accepted"
	namesUnresolved         fault = "names-not-resolved"
	errorInPlainText        fault = "error-in-plain-text"
	errorUnderOtherName     fault = "error-under-other-name"
	unknownFieldsIgnored    fault = "unknown-fields-ignored"
	unknownFieldsBreak      fault = "unknown-fields-break"
	unknownFieldsBadRequest fault = "unknown-fields-answered-400"
	keyOptional             fault = "key-optional"
	anyKey                  fault = "any-key"
	keyForbidden            fault = "wrong-key-answered-403"
	unknownAgentCreated     fault = "unknown-agent-created"
	unknownAgentBreaks      fault = "unknown-agent-breaks"
	oneWebhookForAll        fault = "one-webhook-for-all-agents"
	oneSecretForAll         fault = "one-secret-for-all-agents"
	agentsBare              fault = "agents-in-a-bare-list"
	agentsUnnamed           fault = "agents-without-names"
	problemsWithoutPlace    fault = "problems-without-place"
	urlOptional             fault = "url-optional"
	resultAnsweredOK        fault = "result-answered-200"
	secondResultAccepted    fault = "second-result-accepted"
)

var configFaults = []row{
	{fault: secretInGet, clause: "CFG-001", says: "GET shows the secret."},
	{fault: eventTypesHidden, clause: "CFG-001", says: "No answer shows the subscription.",
		also: also("CFG-002", "CFG-006", "CFG-008", "CFG-018")},
	{fault: secretWithoutPrefix, clause: "CFG-002", says: "Secrets do not begin with whsec_.", also: also("CFG-006")},
	{fault: secretNeverShown, clause: "CFG-002", says: "The first PUT does not show the secret.",
		also: also("CFG-005", "CFG-006", "CFG-018")},
	{fault: secretAlwaysShown, clause: "CFG-003", says: "An update shows the secret again."},
	{fault: updateRenewsSecret, clause: "CFG-003", says: "An update replaces the secret and shows the new one."},
	{fault: eventTypesIgnored, clause: "CFG-002", says: "The subscription is tool.call_requested, whatever was asked for."},
	{fault: secondDeleteNotFound, clause: "CFG-004", says: "DELETE of nothing is answered with 404."},
	{fault: deleteKeepsURL, clause: "CFG-004", says: "DELETE answers with the URL that it removed."},
	{fault: deleteSaysNothing, clause: "CFG-004", says: "DELETE answers 204 without a body."},
	{fault: secretSurvivesDelete, clause: "CFG-005", says: "After DELETE, the next PUT brings the old secret back.",
		also: also("CFG-006")},
	{fault: rotateChangesNothing, clause: "CFG-006", says: "rotate-secret shows the secret and leaves it as it was."},
	{fault: rotateForgetsURL, clause: "CFG-006", says: "rotate-secret empties the URL."},
	{fault: rotateHidesSecret, clause: "CFG-006", says: "rotate-secret does not show the new secret."},
	{fault: rotateConjuresSecret, clause: "CFG-007", says: "rotate-secret without a webhook shows a secret of nothing."},
	{fault: rotateBreaks, clause: "CFG-007", says: "rotate-secret without a webhook is answered with 500."},
	{fault: subscribedToAll, clause: "CFG-008", says: "Without event_types the webhook gets every type."},
	{fault: subscribedToNothing, clause: "CFG-008", says: "Without event_types the webhook gets nothing."},
	{fault: unknownTypesKept, clause: "CFG-009", says: "An unknown event type is subscribed to."},
	{fault: unknownTypesDropped, clause: "CFG-009", says: "An unknown event type is dropped without a word."},
	{fault: relativeAccepted, clause: "CFG-010", says: "A relative URL is accepted."},
	{fault: plainHTTPAccepted, clause: "CFG-011", says: "A plain HTTP URL is accepted."},
	{fault: userInfoAccepted, clause: "CFG-012", says: "A URL with a user name and password is accepted."},
	{fault: privateAccepted, clause: "CFG-013", says: "A private address is accepted."},
	{fault: loopbackAccepted, clause: "CFG-013", says: "A loopback address is accepted."},
	{fault: linkLocalAccepted, clause: "CFG-013", says: "A link-local address is accepted."},
	{fault: mappedAccepted, clause: "CFG-013", says: "A private address is accepted in its IPv6-mapped form."},
	{fault: namesUnresolved, clause: "CFG-013", says: "A name is accepted whatever it resolves to."},
	{fault: errorInPlainText, clause: "CFG-014", says: "Errors are plain text.", also: also("CFG-020")},
	{fault: errorUnderOtherName, clause: "CFG-014", says: "Errors stand under error and not under detail.", also: also("CFG-020")},
	{fault: unknownFieldsIgnored, clause: "CFG-015", says: "Unknown fields are ignored."},
	{fault: unknownFieldsBreak, clause: "CFG-015", says: "Unknown fields are answered with 500."},
	{fault: unknownFieldsBadRequest, clause: "CFG-015", says: "Unknown fields are answered with 400."},
	{fault: keyOptional, clause: "CFG-016", says: "A request without a key is served."},
	{fault: anyKey, clause: "CFG-016", says: "Any key will do."},
	{fault: keyForbidden, clause: "CFG-016", says: "A missing or wrong key is answered with 403."},
	{fault: unknownAgentCreated, clause: "CFG-017", says: "An unknown agent is answered as if it had no webhook."},
	{fault: unknownAgentBreaks, clause: "CFG-017", says: "An unknown agent is answered with 500."},
	{fault: oneWebhookForAll, clause: "CFG-018", says: "All agents have one webhook."},
	{fault: oneSecretForAll, clause: "CFG-018", says: "All agents have one secret.", also: also("CFG-005")},
	{fault: agentsBare, clause: "CFG-019", says: "Agents are listed without the object around the list.", also: also("CFG-018")},
	{fault: agentsUnnamed, clause: "CFG-019", says: "Agents are listed without names."},
	{fault: problemsWithoutPlace, clause: "CFG-020", says: "A 422 does not say which field is wrong."},
	{fault: urlOptional, clause: "CFG-021", says: "A PUT without webhook_url is accepted."},
	{fault: resultAnsweredOK, clause: "RES-003", says: "A result is answered with 200."},
	{fault: secondResultAccepted, clause: "RES-004", says: "A second result for one tool call is accepted."},
}
