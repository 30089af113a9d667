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

// headerValue hides a bearer key whole, whatever it is, since a target may send a key that the suite never saw.
func headerValue(r *redactor, name, value string) string {
	if strings.EqualFold(name, "Authorization") {
		scheme, _, _ := strings.Cut(value, " ")
		return scheme + " [redacted]"
	}
	return shorten(r.clean(value))
}

// showBody cuts a body to what a reader can use, and says so.
func showBody(r *redactor, body []byte) string {
	if !utf8.Valid(body) {
		return shorten(fmt.Sprintf("%q", body))
	}
	return shorten(r.clean(string(body)))
}

func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + fmt.Sprintf("… (%d bytes in all)", len(text))
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
