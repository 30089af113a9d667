package contract

// Code names the reason of a refusal. Codes are stable: they stand in the Dari-Webhook-Error header, in problem
// documents, in logs and in metric labels.
type Code string

// The codes, in the order in which a request is judged.
const (
	CodeMethodNotAllowed   Code = "method_not_allowed"
	CodeSignatureMissing   Code = "signature_missing"
	CodeSignatureAmbiguous Code = "signature_ambiguous"
	CodeSignatureMalformed Code = "signature_malformed"
	CodeTimestampMissing   Code = "timestamp_missing"
	CodeTimestampMalformed Code = "timestamp_malformed"
	CodeTimestampStale     Code = "timestamp_stale"
	CodeTimestampFuture    Code = "timestamp_future"
	CodeBodyTooLarge       Code = "body_too_large"
	CodeOverloaded         Code = "overloaded"
	CodeBodyUnreadable     Code = "body_unreadable"
	CodeSignatureMismatch  Code = "signature_mismatch"
	CodeBodyInvalid        Code = "body_invalid"
	CodeIDMissing          Code = "id_missing"
	CodeIDMismatch         Code = "id_mismatch"
	CodeInFlight           Code = "in_flight"
	CodeStoreUnavailable   Code = "store_unavailable"
)

// Refusal is one way in which the gate says no.
type Refusal struct {
	Code Code
	// Status is the HTTP status of the answer.
	Status int
	// Clause is the rule that the request broke.
	Clause ClauseID
	// Title is the problem document's title: the same for every occurrence (RFC 9457 section 3.1.3).
	Title string
	// Detail tells the sender what to do next. It never depends on a secret or on the expected signature.
	Detail string
	// Retry tells whether the same request may be accepted later, so that the answer carries Retry-After.
	Retry bool
}

// Refusals lists every code once, in the order in which a request is judged.
func Refusals() []Refusal { return refusals[:] }

// RefusalFor returns the refusal of a code and reports whether the code exists.
func RefusalFor(code Code) (Refusal, bool) {
	for i := range refusals {
		if refusals[i].Code == code {
			return refusals[i], true
		}
	}
	return Refusal{}, false
}

var refusals = [...]Refusal{
	{CodeMethodNotAllowed, 405, "GATE-001", "method not allowed",
		"Deliveries are sent with POST.", false},
	{CodeSignatureMissing, 401, "SIG-003", "signature missing",
		"The signature header is absent, empty, or holds no signature of a version that is accepted here.", false},
	{CodeSignatureAmbiguous, 401, "SIG-009", "signature ambiguous",
		"The signature header or the timestamp is given more than once; send each of them once.", false},
	{CodeSignatureMalformed, 401, "SIG-008", "signature malformed",
		"The signature header is not a list of tagged values in the form that the scheme asks for.", false},
	{CodeTimestampMissing, 401, "TIME-001", "timestamp missing",
		"The delivery carries no timestamp where the scheme puts it.", false},
	{CodeTimestampMalformed, 401, "TIME-005", "timestamp malformed",
		"The timestamp is not a whole number of seconds since 1970 in decimal digits.", false},
	{CodeTimestampStale, 401, "TIME-002", "timestamp too old",
		"The delivery is older than the receiver tolerates; sign it again with the present time.", false},
	{CodeTimestampFuture, 401, "TIME-003", "timestamp in the future",
		"The delivery is dated later than the receiver tolerates; check the sender's clock.", false},
	{CodeBodyTooLarge, 413, "GATE-004", "body too large",
		"The body is longer than the receiver accepts.", false},
	{CodeOverloaded, 503, "GATE-005", "overloaded",
		"Too many deliveries are under way at once; send this one again later.", true},
	{CodeBodyUnreadable, 400, "GATE-006", "body unreadable",
		"The body ended early or could not be read.", false},
	{CodeSignatureMismatch, 401, "SIG-001", "signature mismatch",
		"No signature in the header belongs to these bytes under a secret that is accepted here.", false},
	{CodeBodyInvalid, 400, "ID-004", "body invalid",
		"The body is not one JSON object that every parser reads alike.", false},
	{CodeIDMissing, 400, "ID-002", "id missing",
		"The body has no id, or one that is not a string of acceptable length.", false},
	{CodeIDMismatch, 400, "ID-003", "id mismatch",
		"The id in the header differs from the id in the signed body.", false},
	{CodeInFlight, 409, "DUP-003", "delivery in flight",
		"Another copy of this delivery is being processed; send it again later.", true},
	{CodeStoreUnavailable, 503, "DUP-006", "store unavailable",
		"The receiver cannot tell now whether it has seen this delivery; send it again later.", true},
}
