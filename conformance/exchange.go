package conformance

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxShown is how many bytes of a body a transcript shows.
const maxShown = 2048

// Exchange is one request and its answer, redacted, as reports show it.
type Exchange struct {
	// From is who sent the request: "suite" or "target".
	From    string   `json:"from"`
	Method  string   `json:"method"`
	URL     string   `json:"url"`
	Headers []string `json:"headers,omitempty"`
	Body    string   `json:"body,omitempty"`
	// Status is the answer's status, or 0 when there was none; Error then says why.
	Status        int           `json:"status,omitempty"`
	Error         string        `json:"error,omitempty"`
	AnswerHeaders []string      `json:"answer_headers,omitempty"`
	AnswerBody    string        `json:"answer_body,omitempty"`
	Duration      time.Duration `json:"duration_ns"`
	// Curl is the request as a command to paste into a shell. Secrets stand as [redacted], signatures are cut.
	Curl string `json:"curl,omitempty"`
}

// headerLines writes headers one per line in the order of their names.
func headerLines(r *redactor, h http.Header) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, name+": "+headerValue(r, name, value))
		}
	}
	return lines
}

// headerValue hides a key whole, whatever it is, since a target may send one that the suite never saw.
func headerValue(r *redactor, name, value string) string {
	if strings.EqualFold(name, "Authorization") {
		scheme, _, _ := strings.Cut(value, " ")
		return scheme + " [redacted]"
	}
	if holdsKey(name) {
		return "[redacted]"
	}
	return shorten(r.clean(value), len(value))
}

// showBody cuts a body to what a reader can use, and says so. It cuts before it cleans, since bodies may be large, and
// drops what stands next to the cut, where half a secret could have been left.
func showBody(r *redactor, body []byte) string {
	const cut, margin = 2 * maxShown, 512
	text := string(body[:min(len(body), cut)])
	if len(body) <= cut && !utf8.ValidString(text) {
		return shorten(r.clean(fmt.Sprintf("%q", text)), len(body))
	}
	text = r.clean(text)
	if len(body) > cut {
		text = text[:max(0, len(text)-margin)]
	}
	return shorten(strings.ToValidUTF8(text, "\uFFFD"), len(body))
}

// shorten cuts a text and tells its whole length.
func shorten(text string, whole int) string {
	if len(text) <= maxShown && whole <= 2*maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:min(len(text), maxShown)], "") + fmt.Sprintf("… (%d bytes in all)", whole)
}

// curl writes a request as a shell command.
func curl(method, url string, headers []string, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "curl -sS -i -X %s %s", method, quote(url))
	for _, h := range headers {
		fmt.Fprintf(&b, " \\\n  -H %s", quote(h))
	}
	if body != "" {
		fmt.Fprintf(&b, " \\\n  --data-binary %s", quote(body))
	}
	return b.String()
}

// quote makes a text one word of a POSIX shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
