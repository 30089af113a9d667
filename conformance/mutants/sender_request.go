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

// renew prepares another attempt. A correct sender has nothing to do: the event's bytes stay as they are.
func (p *platform) renew(d *delivery) {
	switch p.fault {
	case newIDPerAttempt:
		d.id = newID("evt")
		d.body = p.body(d)
	case createdAtPerAttempt:
		d.body = p.body(d)
	}
}

// send makes one request, signed at the present time (clause TIME-004).
func (e *engine) send(hook *webhook, d *delivery) (answer, error) {
	p := e.platform
	method, contentType := http.MethodPost, "application/json"
	switch p.fault {
	case deliveredByPut:
		method = http.MethodPut
	case deliveredAsText:
		contentType = "text/plain"
	}
	request, err := http.NewRequestWithContext(e.stop, method, hook.url, bytes.NewReader(d.body))
	if err != nil {
		return answer{}, fmt.Errorf("addressing a delivery: %w", err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set(contract.HeaderID, d.id)
	p.sign(request.Header, hook, d, e.now())
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
	switch e.platform.fault {
	case notRetriedAfter5xx:
		return status < 500
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
func (p *platform) sign(h http.Header, hook *webhook, d *delivery, clock time.Time) {
	if d.signed.IsZero() || p.fault != timestampKept {
		d.signed = time.Now()
	}
	stamp := p.stamp(d.signed)
	items := []string{"t=" + stamp}
	for _, secret := range p.secrets(hook, clock) {
		items = append(items, p.tag()+"="+p.signature(secret, d, stamp))
	}
	switch p.fault {
	case undated:
		items = items[1:]
	case headersDisagree:
		h.Set(contract.HeaderTimestamp, p.stamp(d.signed.Add(time.Second)))
	default:
		h.Set(contract.HeaderTimestamp, stamp)
	}
	h.Set(contract.HeaderSignature, strings.Join(items, ","))
}

// stamp writes a time as clause TIME-005 asks.
func (p *platform) stamp(t time.Time) string {
	switch p.fault {
	case timestampInMilliseconds:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case timestampAsDate:
		return t.UTC().Format(time.RFC3339)
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// tag is the version of the signature.
func (p *platform) tag() string {
	if p.fault == olderVersion {
		return "v0"
	}
	return "v1"
}

// secrets are those that sign: the present one and, during an overlap, the one before (clauses DLV-009 and DLV-010).
func (p *platform) secrets(hook *webhook, clock time.Time) []string {
	if hook.former == "" || !clock.Before(hook.formerUntil) || p.fault == overlapForgotten {
		return []string{hook.secret}
	}
	return []string{hook.secret, hook.former}
}

// signature computes the value of one signature (clauses SIG-001 to SIG-006).
func (p *platform) signature(secret string, d *delivery, stamp string) string {
	content := p.content(d, stamp)
	key := []byte(secret)
	if p.fault == wrongKey {
		digest := sha256.Sum256(key)
		key = digest[:]
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	sum := mac.Sum(nil)
	switch p.fault {
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
func (p *platform) content(d *delivery, stamp string) []byte {
	form, body := contract.Dari().Scheme.Content, d.body
	switch p.fault {
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
