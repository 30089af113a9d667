// Package signature signs webhook deliveries and verifies them.
//
// # The wire
//
// A delivery is a POST whose headers vouch for its body. Under Dari's default scheme and the secret
// whsec_ZGFyaWhvb2stZG9jdW1lbnRhdGlvbi1leGFtcGxlIQ== it looks like this:
//
//	POST /hooks/dari HTTP/1.1
//	Content-Type: application/json
//	Dari-Webhook-Signature: t=1767225600,v1=9d678719af59891e64c466f29efebba71fa2b6a2dd2300459e5be2df202c8bcc
//	Dari-Webhook-Timestamp: 1767225600
//	Dari-Webhook-Id: evt_01KDV41M8T0V2W4X6Y8Z0A2B4C
//
//	{"id":"evt_01KDV41M8T0V2W4X6Y8Z0A2B4C","type":"session.completed","data":{}}
//
// The signature header follows this grammar (RFC 5234), in which the scheme's data name the separators and the tags:
//
//	header = item *( item-separator item )      ; at most 4096 bytes
//	item   = tag tag-separator value
//	tag    = 1*( ALPHA / DIGIT / "_" / "-" )
//	value  = 1*VCHAR                            ; without the item separator
//
// There are no blanks around separators, and no empty items. Items whose tag the scheme does not know are ignored.
// There are 1 to 16 items with the signature's tag, and each of their values is an HMAC-SHA256 (RFC 2104) in exactly the
// spelling that the encoding has for it. There is at most one timestamp: 1 to 12 decimal digits that count the seconds
// since 1970, without a leading zero. Where the header and the scheme's timestamp header both hold one they are equal.
// A scheme without a tag has one bare signature for a header.
//
// The signed bytes are made by a template such as {timestamp}.{body}: the timestamp and the id as they stand in the
// request, and the raw body, which is never JSON that was parsed and written again. The key is the secret's text as a
// whole, or what it holds in base64.
//
// # Verifying
//
// A [Verifier] judges a request at once with [Verifier.Verify], or in steps, so that most of what is refused is refused
// before its body is read, and the body is hashed while it is read:
//
//	s, err := v.Parse(header)          // form
//	err = v.Fresh(&s, now)             // age
//	d := v.Digest(&s)
//	defer d.Close()
//	body, err := io.ReadAll(io.TeeReader(limited, d))
//	secret, ok := d.Match()            // authenticity
//
// A refusal is an [*Error] with a code and the clause that the request breaks. A request that is accepted costs no
// memory. Where nothing fits, [Explain] says which reading of the request would.
//
// A signature proves who sent a body and when, and not that it comes for the first time: a receiver that must not
// process a delivery twice remembers the ids that it has processed.
//
// The package does no I/O and reads no clock: headers, bodies, secrets and the time are arguments.
package signature
