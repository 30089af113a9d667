package mutants

// The faults of a configuration API of Tess, besides those that it shares with others.
const (
	madeAnsweredOK       fault = "made-answered-200"
	updatedAtMissing     fault = "updated-at-missing"
	userIDAsText         fault = "user-id-as-text"
	templateIDOther      fault = "template-id-of-another"
	secretMadeUp         fault = "secret-made-up"
	otherMethods         fault = "any-method-accepted"
	getRefused           fault = "get-refused"
	anyStatus            fault = "any-status-accepted"
	statusIgnored        fault = "status-ignored"
	methodOptional       fault = "method-optional"
	bareList             fault = "page-as-bare-list"
	linksMissing         fault = "page-without-links"
	perPageIgnored       fault = "per-page-ignored"
	pageIgnored          fault = "page-ignored"
	tenPerPage           fault = "ten-per-page"
	countsMissing        fault = "counts-missing"
	deletedAtMissing     fault = "deleted-at-missing"
	firstAgentOnly       fault = "list-of-first-agent-only"
	messagesMissing      fault = "400-without-messages"
	messagesInList       fault = "messages-in-a-list"
	limitSilent          fault = "429-without-retry-after"
	limitUnenforced      fault = "limit-not-enforced"
	unknownWebhookBreaks fault = "unknown-webhook-breaks"
	workspaceRefused     fault = "workspace-refused"
)

var tessConfigFaults = []row{
	{fault: madeAnsweredOK, clause: "CFG-037", says: "A new webhook is answered with 200."},
	{fault: updatedAtMissing, clause: "CFG-037", says: "A new webhook has no updated_at."},
	{fault: userIDAsText, clause: "CFG-038", says: "user_id is a text."},
	{fault: templateIDOther, clause: "CFG-038", says: "template_id is another number than the agent's."},
	{fault: secretMadeUp, clause: "CFG-039", says: "A new webhook has a secret."},
	{fault: otherMethods, clause: "CFG-040", says: "Any method is accepted."},
	{fault: getRefused, clause: "CFG-040", says: "The method GET is refused."},
	{fault: anyStatus, clause: "CFG-041", says: "Any status is accepted."},
	{fault: statusIgnored, clause: "CFG-041", says: "A new webhook is active, whatever was asked for."},
	{fault: madeInactive, clause: "CFG-042", says: "A webhook that is made without a status is inactive."},
	{fault: plainHTTPAccepted, clause: "CFG-043", says: "A plain HTTP URL is accepted."},
	{fault: urlOptional, clause: "CFG-044", says: "A webhook needs no URL."},
	{fault: methodOptional, clause: "CFG-044", says: "A webhook needs no method."},
	{fault: bareList, clause: "CFG-045", says: "Webhooks are listed without the page around them."},
	{fault: linksMissing, clause: "CFG-045", says: "A page has no links."},
	{fault: perPageIgnored, clause: "CFG-046", says: "per_page is ignored."},
	{fault: pageIgnored, clause: "CFG-046", says: "Every page is the first."},
	{fault: tenPerPage, clause: "CFG-046", says: "A page has 10 webhooks unless it is asked for others."},
	{fault: countsMissing, clause: "CFG-047", says: "Lists leave the counts out."},
	{fault: deletedAtMissing, clause: "CFG-047", says: "Lists leave deleted_at out."},
	{fault: firstAgentOnly, clause: "CFG-048", says: "The list of all webhooks has those of one agent."},
	{fault: deleteKeepsWebhook, clause: "CFG-049", says: "A deleted webhook is listed as if nothing had happened."},
	{fault: keyOptional, clause: "CFG-050", says: "A request without a key is served."},
	{fault: anyKey, clause: "CFG-050", says: "Any key will do."},
	{fault: keyUnauthorized, clause: "CFG-050", says: "A missing or wrong key is answered with 401."},
	{fault: errorInPlainText, clause: "CFG-051", says: "Errors are plain text.", also: also("CFG-052")},
	{fault: errorUnderOtherName, clause: "CFG-051", says: "Errors stand under message and not under error."},
	{fault: misfitUnprocessable, clause: "CFG-052", says: "What does not fit is answered with 422."},
	{fault: messagesMissing, clause: "CFG-052", says: "What does not fit is answered without messages."},
	{fault: messagesInList, clause: "CFG-052", says: "The messages are not sorted by field."},
	{fault: limitSilent, clause: "CFG-053", says: "The answer 429 does not say for how long.", setup: withLimit},
	{fault: limitUnenforced, clause: "CFG-053", says: "No call is one too many.", setup: withLimit},
	{fault: unknownAgentCreated, clause: "CFG-054", says: "An unknown agent is answered as if it had no webhooks."},
	{fault: unknownWebhookBreaks, clause: "CFG-054", says: "The deletion of an unknown webhook is answered with 500."},
	{fault: workspaceRefused, clause: "CFG-055", says: "A call that names its workspace is refused."},
}

// The faults of a sender of Tess, besides those that it shares with others.
const (
	queryDropped     fault = "query-dropped"
	alwaysPosted     fault = "always-posted"
	signedAnyway     fault = "signature-made-up"
	deletedDelivered fault = "deleted-webhook-delivered-to"
	successUncounted fault = "success-not-counted"
	outputMissing    fault = "output-missing"
	answerUnderData  fault = "answer-under-data"
)

var tessSenderFaults = []row{
	{fault: retriedAfterSuccess, clause: "DLV-003", says: "A delivery is repeated although it was acknowledged.", also: also("DLV-027")},
	{fault: queryDropped, clause: "DLV-023", says: "Deliveries go to the URL without its query."},
	{fault: alwaysPosted, clause: "DLV-023", says: "Deliveries are sent with POST, whatever the webhook's method."},
	{fault: signedAnyway, clause: "DLV-024", says: "Deliveries carry a signature of nothing."},
	{fault: inactiveDelivered, clause: "DLV-025", says: "An inactive webhook gets deliveries."},
	{fault: deletedDelivered, clause: "DLV-026", says: "A deleted webhook gets deliveries."},
	{fault: successUncounted, clause: "DLV-027", says: "What was delivered is not counted."},
	{fault: outputMissing, clause: "EVT-011", says: "The body lacks the agent's output."},
	{fault: answerUnderData, clause: "EVT-011", says: "The agent's answer is inside an envelope."},
}
