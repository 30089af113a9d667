package contract

// Where the clauses were read. The vendor's hosted product was taken down in August 2026, so that its contract is
// frozen and open points stay settings with a default.
const (
	fromDocs     = "Dari documentation, agent webhooks (May 2026)"
	fromClient   = "Dari command-line client"
	fromHabit    = "inferred: the practice of Stripe, Standard Webhooks and Slack"
	fromRawBytes = "Dari documentation, agent webhooks: computed over the exact raw request body"
)

// signing: what a signature is and how a header that holds it is read.
var signing = []Clause{
	{"SIG-001", Must, Verified, sides(Sender, Receiver, Gate),
		"The signature is HMAC-SHA256 under the endpoint's secret; a delivery whose signature does not match is refused.", fromDocs},
	{"SIG-002", Must, Verified, sides(Sender, Receiver, Gate),
		"The signature is computed over the exact raw bytes of the body, never over JSON that was parsed and written again.", fromRawBytes},
	{"SIG-003", Must, Verified, sides(Sender, Receiver, Gate),
		"A delivery carries the signature header of its scheme with a value of its version, such as Dari-Webhook-Signature with a v1= value; one without it is refused, and other versions are never trusted.", fromDocs},
	{"SIG-004", Must, Inferred, sides(Sender, Receiver, Gate),
		"The signed bytes are the timestamp, a full stop and the raw body.", "inferred: the code block of the vendor's page is lost; this is the likeliest of six candidates"},
	{"SIG-005", Should, Inferred, sides(Receiver, Gate),
		"Every v1 value of the header is tried against every secret in use, so that a rotation refuses nothing.", fromHabit},
	{"SIG-006", Must, Inferred, sides(Sender),
		"The signature is written in lower-case hexadecimal.", fromHabit},
	{"SIG-007", Must, Inferred, sides(Receiver, Gate),
		"The key is the whole secret as text, its whsec_ prefix included.", "inferred: the vendor's client treats the secret as opaque text"},
	{"SIG-008", Must, Inferred, sides(Receiver, Gate),
		"The signature header is a list of tagged values: their order does not matter and unknown tags are ignored; a header that is not well-formed is refused.", fromHabit},
	{"SIG-009", Must, Inferred, sides(Receiver, Gate),
		"Two signature headers, or two timestamps in one, are refused: which of them counts is not defined.", "inferred: RFC 9110 section 5.3 leaves the order of joined fields to intermediaries"},
	{"SIG-010", Should, Inferred, sides(Receiver, Gate),
		"A header is refused beyond 16 signatures of one version or 4096 bytes, before anything is computed.", "inferred: unbounded work on unauthenticated input"},
	{"SIG-011", Must, Verified, sides(Receiver, Gate),
		"The comparison takes the same time wherever the first difference lies, and compares the whole value.", fromDocs},
	{"SIG-012", Must, Inferred, sides(Receiver, Gate),
		"An empty secret never authenticates anything; a receiver without a secret refuses to start or to accept.", "inferred: CWE-1188, CWE-287"},
	{"SIG-013", Should, Inferred, sides(Receiver, Gate),
		"A delivery whose signature does not match is answered with 401.", "inferred: RFC 9110 section 15.5.2; the record says that it is refused, and not how"},
}

// freshness: how old a delivery may be.
var freshness = []Clause{
	{"TIME-001", Must, Verified, sides(Sender, Receiver, Gate),
		"A delivery carries a timestamp; one without it is refused.", fromDocs},
	{"TIME-002", Must, Verified, sides(Receiver, Gate),
		"A delivery whose timestamp is too old is refused.", fromDocs},
	{"TIME-003", Must, Inferred, sides(Receiver, Gate),
		"A delivery dated further ahead of the receiver's clock than the window allows is refused.", "inferred: a future timestamp is a replay that stays valid longer"},
	{"TIME-004", Must, Verified, sides(Sender),
		"Every attempt carries the time of that attempt and a signature made anew.", fromDocs + ": an old timestamp is refused, and retries outlast any window"},
	{"TIME-005", Must, Inferred, sides(Sender, Receiver, Gate),
		"The timestamp is a whole number of seconds since 1970 in decimal digits, without sign, blank or leading zero.", fromHabit},
	{"TIME-006", Must, Inferred, sides(Sender, Receiver, Gate),
		"Where the signature header and a header of its own, such as Dari-Webhook-Timestamp, both give the time they give the same; a delivery in which they differ is refused.", "inferred: only one of the two is signed"},
	{"TIME-007", Must, Inferred, sides(Gate),
		"Where the timestamp is not among the signed bytes, the age is judged by the signed body's created_at as well, if the body has one.", "inferred: an unsigned timestamp can be replaced by anyone who replays the delivery"},
	{"TIME-008", Must, Inferred, sides(Receiver, Gate),
		"The window is 300 seconds long, the bound included: what is younger is accepted, and what is older refused.", fromHabit},
	{"TIME-009", Should, Inferred, sides(Receiver, Gate),
		"Where the scheme reads the timestamp from the signature header or from a header of its own, one of the two is enough.", "inferred: the record does not say where the timestamp stands"},
	{"TIME-010", Must, Inferred, sides(Receiver, Gate),
		"Where the timestamp is signed, the age is that of the attempt: a fresh one is accepted, however long ago its event happened.", "inferred: every attempt is signed at its own time, and retries outlast any window"},
}

// identity: where the id comes from.
var identity = []Clause{
	{"ID-002", Must, Verified, sides(Sender, Gate),
		"The id is the body's top-level string id, and it is not empty; the gate refuses a body without one.", fromDocs},
	{"ID-003", Must, Inferred, sides(Receiver, Gate),
		"An unsigned id header cannot change which delivery a request is: where it differs from the signed id the request is refused or the header ignored.", "inferred: the header is not among the signed bytes"},
	{"ID-004", Must, Inferred, sides(Gate),
		"A body that parsers read differently is refused: not one JSON object, a repeated top-level name, bytes after the object, invalid UTF-8, nesting beyond 512.", "inferred: RFC 8259 section 4 leaves repeated names to the parser"},
	{"ID-005", Must, Inferred, sides(Gate),
		"An id longer than 255 bytes is refused, so that a key has a bounded size; a longer event type than 128 bytes is not looked at.", "inferred: unbounded keys fill the store"},
}
