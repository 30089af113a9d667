// Package contract is what agent platforms promise about their webhooks, as data.
//
// # The wire
//
// A platform announces an event by a POST whose JSON body is signed:
//
//	POST /hooks/dari HTTP/1.1
//	Content-Type: application/json
//	Dari-Webhook-Signature: t=1767225600,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd
//	Dari-Webhook-Timestamp: 1767225600
//	Dari-Webhook-Id: evt_01J…
//
//	{"id":"evt_01J…","type":"tool.call_requested","created_at":"2026-01-01T00:00:00Z","data":{…}}
//
// The signature header is a list of tagged values. A tag names a signature version; a receiver looks at the versions it
// knows and ignores the rest. Several values of one version mean that several secrets are in use, as during a
// rotation. The signature is an HMAC-SHA256 over bytes made from the raw body and, depending on the [Scheme], the
// timestamp and the id. It is never computed over JSON that was parsed and written again.
//
// A delivery is repeated, with the same id and a new timestamp and signature, until the receiver answers 2xx or the
// platform gives up. It may also arrive twice, or after an event that happened later.
//
// # The types
//
// [Provider] is one platform: its [Scheme], the place of the id and the type in its [Envelope], its [Event] types and
// its [Delivery] habits. A second platform is a second value, never a second code path. [Clause] is one rule with its
// level, its certainty and its source, and [Provider.Clauses] are those of one provider's contract; [Refusal] is one
// answer of the gate. The package holds no behaviour beyond look-ups, does no I/O and reads no clock.
package contract
