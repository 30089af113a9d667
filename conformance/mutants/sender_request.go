package mutants

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/darihook/darihook/contract"
)

// send makes one request, signed at the present time (clause TIME-004).
func (e *engine) send(to destination, d *delivery) (answer, error) {
	method, contentType := to.method, "application/json"
	switch e.fault {
	case deliveredByPut:
		method = http.MethodPut
	case deliveredAsText:
		contentType = "text/plain"
	}
	request, err := http.NewRequestWithContext(e.stop, method, to.url, bytes.NewReader(d.body))
	if err != nil {
		return answer{}, fmt.Errorf("addressing a delivery: %w", err)
	}
	request.Header.Set("Content-Type", contentType)
	if name := e.provider.Scheme.IDHeader; name != "" {
		request.Header.Set(name, d.id)
	}
	if !e.provider.Unsigned() {
		e.sign(request.Header, to, d)
	}
	if e.fault == signedAnyway {
		request.Header.Set("X-Tess-Signature", newID("sig"))
	}
	response, err := e.client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("delivering: %w", err)
	}
	defer response.Body.Close()
	return readAnswer(response), nil
}

// retries reports whether a failure is worth another attempt (clause DLV-002).
func (e *engine) retries(status int, err error) bool {
	var timeout interface{ Timeout() bool }
	timedOut := errors.As(err, &timeout) && timeout.Timeout()
	refused := errors.Is(err, syscall.ECONNREFUSED)
	switch e.fault {
	case notRetriedAfter5xx:
		return status < 500
	case clientErrorsFinal:
		return status < 400 || status >= 500
	case notRetriedAfterTimeout:
		return !timedOut
	case notRetriedAfterReset:
		return err == nil || timedOut || refused
	case notRetriedAfterRefusal:
		return !refused
	}
	return true
}

// sign sets the headers that prove where a delivery comes from and when it was made.
func (e *engine) sign(h http.Header, to destination, d *delivery) {
	if d.signed.IsZero() || e.fault != timestampKept {
		d.signed = time.Now()
	}
	stamp := e.stamp(d.signed)
	scheme := e.provider.Scheme
	items := []string{scheme.TimestampTag + scheme.TagSeparator + stamp}
	for _, secret := range to.secrets {
		items = append(items, e.tag()+scheme.TagSeparator+e.signature(secret, d, stamp))
	}
	if e.fault == undated {
		items = items[1:]
	} else if scheme.TimestampHeader != "" {
		h.Set(scheme.TimestampHeader, e.headerStamp(d, stamp))
	}
	h.Set(scheme.Header, strings.Join(items, scheme.ItemSeparator))
}

// headerStamp is the timestamp of its own header, the same as the other (clause TIME-006).
func (e *engine) headerStamp(d *delivery, stamp string) string {
	if e.fault == headersDisagree {
		return e.stamp(d.signed.Add(time.Second))
	}
	return stamp
}

// stamp writes a time as clause TIME-005 asks.
func (e *engine) stamp(t time.Time) string {
	switch e.fault {
	case timestampInMilliseconds:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case timestampAsDate:
		return t.UTC().Format(time.RFC3339)
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// tag is the version of the signature.
func (e *engine) tag() string {
	if e.fault == olderVersion {
		return "v0"
	}
	return e.provider.Scheme.Tag
}

// signature computes the value of one signature (clauses SIG-001 to SIG-006).
func (e *engine) signature(secret string, d *delivery, stamp string) string {
	content := e.content(d, stamp)
	key := []byte(secret)
	if e.fault == wrongKey {
		digest := sha256.Sum256(key)
		key = digest[:]
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	sum := mac.Sum(nil)
	switch e.fault {
	case unkeyed:
		digest := sha256.Sum256(content)
		sum = digest[:]
	case upperCaseHex:
		return strings.ToUpper(hex.EncodeToString(sum))
	case base64Signature:
		return base64.StdEncoding.EncodeToString(sum)
	}
	return hex.EncodeToString(sum)
}

// content is the signed bytes.
func (e *engine) content(d *delivery, stamp string) []byte {
	form, body := e.provider.Scheme.Content, d.body
	switch e.fault {
	case signedCompact:
		body = compact(body)
	case signedSorted:
		var parsed any
		if json.Unmarshal(body, &parsed) == nil {
			body, _ = json.Marshal(parsed) // what was parsed can be written
		}
	case signedBodyOnly:
		form = contract.ContentBody
	case signedWithID:
		form = contract.ContentIDTimestampBody
	}
	return fill(form, d.id, stamp, body)
}
