package mutants

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/darihook/darihook/contract"
)

// verifier judges the headers and the bytes of a delivery by a scheme of the contract (clauses SIG-001 to TIME-006).
type verifier struct {
	scheme  contract.Scheme
	secrets []string
	fault   fault
}

// evidence is what a request's headers claim. Nothing of it is believed before the signature has been checked.
type evidence struct {
	// header is the signature header as it stands, signatures the values in it.
	header     string
	signatures []string
	// timestamp is written as in the request, since those characters are signed; at is the time that it means.
	timestamp string
	at        int64
	// id is the unsigned id header.
	id string
	// unsigned requests are let through by a faulty verifier only.
	unsigned bool
}

// read takes the evidence from the headers and refuses what needs no body to be refused.
func (v verifier) read(h http.Header, now time.Time) (evidence, contract.Code) {
	e, code := v.readSignature(h)
	if code != "" || e.unsigned {
		return e, code
	}
	if code := v.readTimestamp(h, &e); code != "" || e.timestamp == "" {
		return e, code
	}
	return e, v.judgeAge(now.Unix() - e.at)
}

// readSignature reads the one signature header.
func (v verifier) readSignature(h http.Header) (evidence, contract.Code) {
	values := h.Values(v.scheme.Header)
	switch {
	case len(values) == 0 && v.fault == signatureOptional:
		return evidence{unsigned: true}, ""
	case len(values) == 0 || values[0] == "":
		return evidence{}, contract.CodeSignatureMissing
	case len(values) > 1 && v.fault != firstHeaderWins:
		return evidence{}, contract.CodeSignatureAmbiguous
	case len(values[0]) > contract.MaxSignatureHeader && v.fault != unboundedHeader:
		return evidence{}, contract.CodeSignatureMalformed
	}
	if v.fault == fixedHeader && !inFixedOrder.MatchString(values[0]) {
		return evidence{}, contract.CodeSignatureMalformed
	}
	e := evidence{header: values[0], id: strings.Join(h.Values(v.scheme.IDHeader), ", ")}
	for item := range strings.SplitSeq(e.header, v.scheme.ItemSeparator) {
		if code := v.readItem(&e, item); code != "" {
			return e, code
		}
	}
	switch {
	case len(e.signatures) == 0:
		return e, contract.CodeSignatureMissing
	case len(e.signatures) > contract.MaxSignatures && v.fault != unboundedSignatures:
		return e, contract.CodeSignatureMalformed
	}
	return e, ""
}

// readItem reads one tagged value; tags that the scheme does not know are ignored, never trusted.
func (v verifier) readItem(e *evidence, item string) contract.Code {
	tag, value, ok := strings.Cut(item, v.scheme.TagSeparator)
	switch {
	case !ok || value == "" || !isTag(tag) || !isVisible(value) || strings.Contains(value, " "):
		if v.fault == lenientHeader {
			return ""
		}
		return contract.CodeSignatureMalformed
	case tag == v.scheme.TimestampTag:
		if e.timestamp != "" && v.fault != lastTimestampWins {
			return contract.CodeSignatureAmbiguous
		}
		e.timestamp = value
	case tag == v.scheme.Tag, tag == "v0" && v.fault == olderVersionTrusted:
		if v.fault == longerAccepted {
			value = value[:min(len(value), 2*sha256.Size)]
		}
		if !isDigest(value) {
			return contract.CodeSignatureMalformed
		}
		e.signatures = append(e.signatures, value)
	}
	return ""
}

// inFixedOrder is a header that holds a timestamp, then one signature, and nothing else.
var inFixedOrder = regexp.MustCompile(`^t=[^,]*,v1=[^,]*$`)

// isTag reports whether a tag is made of letters, digits, underscores and hyphens.
func isTag(tag string) bool {
	odd := func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
	}
	return tag != "" && !strings.ContainsFunc(tag, odd)
}

// isDigest reports whether a value is a SHA-256 digest in lower-case hexadecimal.
func isDigest(value string) bool {
	return len(value) == 2*sha256.Size && strings.Trim(value, "0123456789abcdef") == ""
}

// readTimestamp finds the timestamp in the signature header or in its own, and insists that they agree.
func (v verifier) readTimestamp(h http.Header, e *evidence) contract.Code {
	own := h.Values(v.scheme.TimestampHeader)
	if v.fault == oneTimestampPlace && e.timestamp == "" {
		return contract.CodeTimestampMissing
	}
	if len(own) > 1 {
		return contract.CodeSignatureAmbiguous
	}
	judged := ""
	if len(own) == 1 {
		if e.timestamp == "" {
			e.timestamp = own[0]
		}
		judged = own[0]
	}
	switch {
	case e.timestamp == "" && v.fault == undatedAccepted:
		return ""
	case e.timestamp == "":
		return contract.CodeTimestampMissing
	case judged != "" && judged != e.timestamp && v.fault != timestampsMayDiffer && v.fault != unsignedTimestamp:
		return contract.CodeSignatureAmbiguous
	case judged == "" || v.fault != unsignedTimestamp:
		judged = e.timestamp
	}
	at, ok := v.seconds(judged)
	if !ok {
		return contract.CodeTimestampMalformed
	}
	e.at = at
	return ""
}

// seconds reads a timestamp as it must be written: digits alone, without a leading zero (clause TIME-005).
func (v verifier) seconds(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false
	}
	if v.fault == millisecondsAccepted && len(text) == 13 {
		return n / 1000, true
	}
	if v.fault == looseTimestamp {
		return n, true
	}
	return n, len(text) <= contract.MaxTimestampDigits && text == strconv.FormatInt(n, 10) && n >= 0
}

// judgeAge refuses what was signed too long ago or too far ahead.
func (v verifier) judgeAge(age int64) contract.Code {
	past, future := int64(contract.DefaultPast/time.Second), int64(contract.DefaultFuture/time.Second)
	switch v.fault {
	case staleAccepted:
		past = math.MaxInt64
	case futureAccepted:
		future = math.MaxInt64
	case hourWindow:
		past = 3600
	case minuteWindow:
		past = 60
	}
	switch {
	case age > past:
		return contract.CodeTimestampStale
	case -age > future:
		return contract.CodeTimestampFuture
	}
	return ""
}

// authentic reports whether a signature of the evidence belongs to the body.
func (v verifier) authentic(e evidence, body []byte) bool {
	if e.unsigned {
		return true
	}
	for _, key := range v.keys() {
		for _, content := range v.contents(e, body) {
			mac := hmac.New(sha256.New, []byte(key))
			mac.Write(content)
			if v.match(e, hex.EncodeToString(mac.Sum(nil))) {
				return true
			}
		}
	}
	return false
}

// keys returns the keys that are tried.
func (v verifier) keys() []string {
	var keys []string
	for _, secret := range v.secrets {
		if secret != "" {
			keys = append(keys, secret)
		}
	}
	switch v.fault {
	case firstSecretOnly:
		keys = keys[:min(1, len(keys))]
	case emptySecret: // as after splitting "a,b," at its commas
		keys = append(keys, "")
	case prefixStripped:
		for _, secret := range v.secrets {
			keys = append(keys, strings.TrimPrefix(secret, v.scheme.KeyPrefix))
		}
	}
	return keys
}

// contents returns the signed bytes: one candidate, and what a fault accepts besides or instead.
func (v verifier) contents(e evidence, body []byte) [][]byte {
	right := fill(v.scheme.Content, e.id, e.timestamp, body)
	switch v.fault {
	case compactedBody:
		return [][]byte{fill(v.scheme.Content, e.id, e.timestamp, compact(body))}
	case compactedBodyToo:
		return [][]byte{right, fill(v.scheme.Content, e.id, e.timestamp, compact(body))}
	case trimmedBody:
		return [][]byte{fill(v.scheme.Content, e.id, e.timestamp, bytes.TrimSpace(body))}
	case bodyAloneToo:
		return [][]byte{right, body}
	case undatedAccepted:
		if e.timestamp == "" {
			return [][]byte{right, body}
		}
	}
	return [][]byte{right}
}

// fill puts the parts into the template of the signed bytes.
func fill(template contract.Content, id, timestamp string, body []byte) []byte {
	head := strings.TrimSuffix(string(template), "{body}")
	head = strings.NewReplacer("{id}", id, "{timestamp}", timestamp).Replace(head)
	return append([]byte(head), body...)
}

// digest is the hash of a body.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// compact writes JSON without insignificant white space, as a framework does that hands out parsed bodies only.
func compact(body []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, body) != nil {
		return body
	}
	return out.Bytes()
}

// match compares an expected signature with those of the header, each in constant time.
func (v verifier) match(e evidence, expected string) bool {
	candidates := e.signatures
	switch v.fault {
	case anySignature:
		return true
	case firstValueOnly:
		candidates = candidates[:1]
	case wholeHeader:
		return e.header == "t="+e.timestamp+",v1="+expected || e.header == "v1="+expected
	}
	for _, candidate := range candidates {
		if v.fault == prefixComparison {
			candidate = candidate[:16] + expected[16:]
		}
		if v.fault == suffixComparison {
			candidate = expected[:48] + candidate[48:]
		}
		if hmac.Equal([]byte(candidate), []byte(expected)) {
			return true
		}
	}
	return false
}
